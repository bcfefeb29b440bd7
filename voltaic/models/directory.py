"""A local model directory: configuration and headers, never weights."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.models.config import read_config
from voltaic.models.errors import InvalidConfig, UnknownArchitecture
from voltaic.models.fields import shown
from voltaic.models.quantization import read_quantization
from voltaic.spec import Model

if TYPE_CHECKING:
    import os

MOST_BYTES = 16 * 2**20
"""Bytes of a JSON file that are read: the largest index of a published checkpoint is an eighth of it."""
MOST_HEADER_BYTES = 100_000_000
"""Bytes of a safetensors header; the format itself allows no more."""
MOST_WEIGHTS_BYTES = 2**50
"""Bytes of a checkpoint: a hundred times the largest published."""
_LENGTH_BYTES = 8
_INDEX = "model.safetensors.index.json"
_PART = re.compile(r"(?P<name>.+)-(?P<number>[0-9]{5})-of-(?P<count>[0-9]{5})\.safetensors", re.ASCII)
_QUANTIZER_FILES = (("quantize_config.json", "gptq"), ("quant_config.json", "awq"))


class InvalidModelDir(ValueError):  # noqa: N818  (named for what it says, as its siblings are)
    """A directory that is no model directory, or one of whose files cannot be used."""


def model_dir(path: str | os.PathLike[str]) -> Model:
    """Read `config.json`, the weights index or headers, and the quantizer's own file, from a local directory.

    Args:
        path: a directory as `huggingface-cli download` or `save_pretrained` leaves it. Weights need not be there.

    Returns:
        The model, with the path as its id. `architecture` is None where the family is not known.

    Raises:
        InvalidModelDir: not a directory, or a file in it that is missing, unreadable or malformed.
        InvalidConfig: `config.json` or the quantizer's file says what cannot be; `faults` has all of it.
    """
    folder = Path(path)
    try:
        if not folder.is_dir():
            kind = "is a file" if folder.is_file() else "does not exist"
            raise InvalidModelDir(f"{path}: {kind}; a directory with a config.json is needed.")
        return _read(folder, str(path))
    except OSError as error:
        raise InvalidModelDir(f"{error.filename or path}: cannot be read: {error.strerror or error}.") from error


def _read(folder: Path, name: str) -> Model:
    config = _object(folder / "config.json")
    if config is None:
        raise InvalidModelDir(f"{folder / 'config.json'}: missing; it holds the shapes of the model.{_instead(folder)}")
    weights_bytes = _weights_bytes(folder)
    if config.get("quantization_config") is None:
        quantizer = _quantizer(folder)
        config = config if quantizer is None else {**config, "quantization_config": quantizer}
    try:
        architecture = read_config(config, where=str(folder / "config.json"))
    except UnknownArchitecture as unknown:
        return Model(name, None, str(unknown), weights_bytes, config=config)
    return Model(name, architecture, None, weights_bytes, config=config)


def _instead(folder: Path) -> str:
    """Return what lies there in place of a configuration, and what to do with it."""
    if (folder / "params.json").is_file():
        return (
            " There is params.json, the format of the model's maker: the same repository as a rule has a config.json "
            "beside it, or there is one whose name ends in -hf."
        )
    found = sorted(file.name for file in folder.glob("*.gguf"))
    if found:
        return f" There is {found[0]}, whose own header has the shapes: GGUF is served by llama.cpp alone."
    if any(folder.glob("*/config.json")):
        return " There is one in a folder below: give that."
    return ""


def _object(file: Path) -> dict[str, Any] | None:
    """Return the object that a JSON file holds; None where there is no such file."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidModelDir(f"{file}: larger than {MOST_BYTES // 2**20} MiB; no configuration or index is.")
    return _parsed(content, str(file))


def _parsed(content: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except RecursionError as error:
        raise InvalidModelDir(f"{where}: nested too deep to be a configuration.") from error
    except ValueError as error:  # not JSON, not UTF-8, or a number of thousands of digits
        raise InvalidModelDir(f"{where}: not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise InvalidModelDir(f"{where}: found {shown(found)}, allowed is an object.")
    return found


def _quantizer(folder: Path) -> dict[str, Any] | None:
    """Return the quantizer's own file in the form of `quantization_config`; None where there is none."""
    for name, method in _QUANTIZER_FILES:
        content = _object(folder / name)
        if content is None:
            continue
        _, faults = read_quantization(content, where=name, method=method)
        if faults:
            raise InvalidConfig(faults, str(folder / name))
        return {"quant_method": method, **content}
    return None


def _weights_bytes(folder: Path) -> int | None:
    """Return the bytes of all tensors: the sum of the headers where all are there, else the index's own total."""
    index = _object(folder / _INDEX)
    names = _unindexed_files(folder) if index is None else _indexed_files(index, folder)
    files = [folder / name for name in names]
    if files and all(file.is_file() for file in files):
        return sum(_tensor_bytes(file) for file in files)
    return None if index is None else _stated_total(index, folder)


def _unindexed_files(folder: Path) -> list[str]:
    """Return the weights files of a folder without an index; empty where it is not clear which would be loaded."""
    if (folder / "model.safetensors").is_file():
        return ["model.safetensors"]
    # Quantizers name their one file after themselves; Mistral's consolidated copy repeats the tensors.
    found = sorted(file.name for file in folder.glob("*.safetensors") if not file.name.startswith("consolidated"))
    parts = [_PART.fullmatch(name) for name in found]
    if len(found) == 1 and parts == [None]:
        return found
    told = {(part["name"], int(part["count"])) for part in parts if part is not None}
    numbers = [int(part["number"]) for part in parts if part is not None]
    # Parts of one checkpoint say how many there are: all of them, or its size is not known.
    whole = len(told) == 1 and numbers == list(range(1, len(found) + 1)) and {len(found)} == {of for _, of in told}
    return found if whole else []


def _indexed_files(index: dict[str, Any], folder: Path) -> list[str]:
    file = folder / _INDEX
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        raise InvalidModelDir(f"{file}: weight_map: found {shown(weight_map)}, allowed is an object of file names.")
    names = sorted(set(weight_map.values()))
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise InvalidModelDir(f"{file}: weight_map names {shown(outside[0])}, allowed are files beside it.")
    return names


def _stated_total(index: dict[str, Any], folder: Path) -> int | None:
    metadata = index.get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    if total is None:
        return None
    if isinstance(total, float) and total.is_integer():  # some writers sum in floating point
        total = int(total)
    if type(total) is not int or not 1 <= total <= MOST_WEIGHTS_BYTES:
        raise InvalidModelDir(
            f"{folder / _INDEX}: metadata.total_size: found {shown(total)}, allowed is a number of bytes."
        )
    return total


def _tensor_bytes(file: Path) -> int:
    """Return the bytes of all tensors of a safetensors file, from its header alone."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        if length > MOST_HEADER_BYTES:
            raise InvalidModelDir(f"{file}: not safetensors: its header would be {length} bytes long.")
        content = stream.read(length)
    if not content or len(content) < length:
        raise InvalidModelDir(f"{file}: not safetensors: it ends within its header.")
    header = _parsed(content, f"{file}, header")
    return sum(_span(file, name, entry) for name, entry in header.items() if name != "__metadata__")


def _span(file: Path, name: str, entry: object) -> int:
    span = entry.get("data_offsets") if isinstance(entry, dict) else None
    if (
        not isinstance(span, list)
        or [type(offset) for offset in span] != [int, int]
        or not 0 <= span[0] <= span[1] <= MOST_WEIGHTS_BYTES
    ):
        raise InvalidModelDir(f"{file}: not safetensors: data_offsets of {shown(name)} are no start and end in bytes.")
    return int(span[1] - span[0])
