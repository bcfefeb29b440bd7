"""The metadata of a GGUF file in the words of config.json; facts in gguf_configs.toml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from voltaic import facts_files
from voltaic.findings import Source
from voltaic.models.fields import shown
from voltaic.models.gguf_files import MOST_LAYERS, WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.models.gguf import GgufHeader

_VALUES: Final = "attention.value_length"
_MATRIX: Final = 2


class Unreadable(ValueError):  # noqa: N818  (named for what it says)
    """A header from which no configuration can be told; a config.json beside the file can."""


@cache
def _table() -> Mapping[str, Any]:
    return MappingProxyType(facts_files.table(Path(__file__).with_name("gguf_configs.toml")))


def source() -> Source:
    """Return where the names of the metadata come from."""
    return Source(_table()["source"], _table()["confidence"])


def architectures() -> tuple[str, ...]:
    """Return the architectures whose metadata alone tells the configuration."""
    return tuple(_table()["types"])


def layers_of(header: GgufHeader) -> int:
    """Return the decoder layers that the metadata states."""
    stated = header.metadata.get(f"{_architecture(header)}.block_count")
    if type(stated) is not int or not 1 <= stated <= MOST_LAYERS:
        raise Unreadable(f"block_count: found {shown(stated)}, allowed is a whole number from 1 to {MOST_LAYERS}")
    return stated


def config_of(header: GgufHeader) -> dict[str, Any]:
    """Return the configuration that the metadata tells, which `read_config` then judges.

    Raises:
        Unreadable: the architecture is none of `architectures()`, or its layers differ.
    """
    name = _architecture(header)
    row = _table()["types"].get(name)
    if row is None:
        raise Unreadable(
            f"its architecture is {shown(name)}, whose metadata is not read here; read are those of "
            f"{', '.join(architectures())}"
        )
    experts = bool(_value(header, name, "expert_count"))
    model_type = row.get("experts", row["model_type"]) if experts else row["model_type"]
    rename = row.get("rename", {})
    keys = {rename.get(key, key): place for key, place in _table()["keys"].items()} | row.get("further", {})
    keys |= row.get("expert_keys", {}) if experts else {}
    found = {key: _value(header, name, place) for key, place in keys.items() if key}
    values = _value(header, name, _VALUES)
    if values is not None and values != _value(header, name, "attention.key_length"):
        raise Unreadable(f"{name}.{_VALUES} is {shown(values)}, and keys are as wide as they are not")
    config = {key: value for key, value in found.items() if value is not None}
    tied = not any(tensor.name == "output.weight" for tensor in header.tensors)
    vocab = next((t.shape[1] for t in header.tensors if t.name == WORDS and len(t.shape) == _MATRIX), None)
    heads = rename.get("num_attention_heads", "num_attention_heads")
    grouped = rename.get("num_key_value_heads", "num_key_value_heads")
    if grouped and heads in config:
        config.setdefault(grouped, config[heads])  # as the program does
    config |= {"vocab_size": vocab} if vocab is not None else {}
    told = {"model_type": model_type, "tie_word_embeddings": tied, "torch_dtype": "float16"}
    return {**told, **config, **row.get("constant", {})}


def _architecture(header: GgufHeader) -> str:
    name = header.metadata.get("general.architecture")
    if not isinstance(name, str) or not name:
        raise Unreadable(f"general.architecture: found {shown(name)}, allowed is a text")
    return name


def _value(header: GgufHeader, architecture: str, key: str) -> Any:
    """Return a value of the metadata; one for each layer counts as one where all are the same."""
    found = header.metadata.get(f"{architecture}.{key}")
    if not isinstance(found, tuple):
        return found
    if not found or any(item != found[0] for item in found):
        raise Unreadable(f"{architecture}.{key} differs from layer to layer")
    return found[0]
