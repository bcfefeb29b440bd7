"""The model families of `families/*.toml`: one file for each kin, read when the first model of it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from voltaic import facts_files
from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.models.architecture import Norm, Positions

_FOLDER = Path(__file__).with_name("families")
_TOWERS = "towers"
"""The file of vision towers."""
_MERGED = ("fields", "absent", "reference", "blocks", "sizes", "flags", "experts", "composite")
"""Tables of a family that complete those of the family that it is like."""


class Blocks(dict[str, tuple[str, ...]]):
    """Lists of tensor lines by name; several names with spaces between them are their lists together."""

    def __missing__(self, names: str) -> tuple[str, ...]:
        """Return, and keep, the lists of several names together."""
        if " " not in names:
            raise KeyError(names)
        self[names] = tuple(line for name in names.split() for line in self[name])
        return self[names]


@dataclass(frozen=True, slots=True)
class Family:
    """What the class of one `model_type` reads from its configuration, and what it assumes where that is silent."""

    model_type: str
    fields: Mapping[str, tuple[str, ...]]
    absent: Mapping[str, Any]
    reference: Mapping[str, int]
    """Sizes that the class assumes, which are taken for the decoder of a composite model alone."""
    kv_absent: str
    positions: Positions
    norm: Norm
    gated_mlp: bool
    norms_per_layer: int
    switches: Mapping[str, bool]
    """Properties that all models of the family have: `attention_bias`, `parallel_block`, …"""
    sizes: Mapping[str, tuple[str, ...]]
    flags: Mapping[str, tuple[str, ...]]
    always: tuple[str, ...]
    """Flags of its blocks that are on for all its models."""
    experts: Mapping[str, Any]
    """Keys of what `readers/moe.py` reads, and the rule by which layers have experts."""
    reader: str | None
    window: str | None
    """Which layers slide where `layer_types` does not say it; a rule of `readers/windows.py`."""
    layer: str
    """Names of the blocks that a layer is made of: the first mixes tokens, the second is the MLP."""
    layer_prefix: str
    composite: Mapping[str, Any]
    """Of a composite model: its decoder and tower, as `readers/composite.py` reads them; empty for others."""
    parts: tuple[str, ...]
    """Lists of blocks of a tower, each with the size that says how many times it is there."""
    inner: tuple[tuple[str, str], ...]
    """Of a composite model: what the names of its decoder's tensors start with, alone and within it."""
    source: Source
    blocks: Blocks = field(hash=False)


_SWITCHES = ("attention_bias", "mlp_bias", "head_bias", "embedding_norm", "parallel_block", "qk_norm")


def _family(model_type: str, row: Mapping[str, Any], shared: Mapping[str, list[str]]) -> Family:
    blocks = Blocks({name: tuple(lines) for name, lines in {**shared, **row.get("blocks", {})}.items()})
    layer = row.get("layer", "")
    if layer:
        blocks["layer"] = blocks[layer]
    without = row.get("without", ())
    keys = {
        table: MappingProxyType({name: tuple(keys) for name, keys in row.get(table, {}).items() if name not in without})
        for table in ("fields", "sizes", "flags")
    }
    return Family(
        model_type=model_type,
        fields=keys["fields"],
        absent=MappingProxyType(row.get("absent", {})),
        reference=MappingProxyType(row.get("reference", {})),
        kv_absent=row.get("kv_absent", "heads"),
        positions=row.get("positions", "none"),
        norm=row.get("norm", "rms"),
        gated_mlp=row.get("gated_mlp", True),
        norms_per_layer=row.get("norms_per_layer", 2),
        switches=MappingProxyType({name: row.get(name, False) for name in _SWITCHES}),
        sizes=keys["sizes"],
        flags=keys["flags"],
        always=tuple(row.get("always", ())),
        experts=MappingProxyType(
            {name: what for name, what in row.get("experts", {}).items() if f"experts.{name}" not in without}
        ),
        reader=row.get("reader"),
        window=row.get("window"),
        layer=layer,
        layer_prefix=row.get("prefix", ""),
        composite=MappingProxyType(row.get("composite", {})),
        parts=tuple(row.get("parts", ())),
        inner=tuple((own, outer) for own, outer in row.get("inner", {}).items()),
        source=Source(row["source"], row["confidence"]),
        blocks=blocks,
    )


@cache
def _index() -> Mapping[str, Any]:
    return MappingProxyType(facts_files.table(_FOLDER / "index.toml"))


@cache
def _files() -> Mapping[str, str]:
    """Return the file of every `model_type`, in the order of the index."""
    return MappingProxyType({name: file for file, names in _index()["files"].items() for name in names})


@cache
def _table(file: str) -> dict[str, Any]:
    return facts_files.table(_FOLDER / f"{file}.toml")


def _row(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    own = table[name]
    if "like" not in own:
        return dict(own)
    base = _row(table, own["like"])
    merged = {key: {**base.get(key, {}), **own.get(key, {})} for key in _MERGED}
    return {**base, **own, **merged, "without": (*base.get("without", ()), *own.get("without", ()))}


@cache
def family_of(model_type: str) -> Family:
    """Return the family of this `model_type`, or tower, reading the one file that describes it.

    Raises:
        KeyError: no family is known by this name.
    """
    table = _table(_files()[model_type])
    return _family(model_type, _row(table, model_type), table.get("blocks", {}))


def known(model_type: str) -> bool:
    """Return whether a model of this `model_type` can be read."""
    return model_type in _files() and not is_tower(model_type) and model_type not in _index()["inner"]


def is_tower(name: str) -> bool:
    """Return whether a tower, which is no model by itself, is known by this name."""
    return _files().get(name) == _TOWERS


@cache
def names() -> tuple[str, ...]:
    """Return every `model_type` that can be read, by name."""
    return tuple(sorted(filter(known, _files())))


@cache
def families() -> Mapping[str, Family]:
    """Return all families by `model_type`; reads all files, so what needs one family asks `family_of`."""
    return MappingProxyType({name: family_of(name) for name in names()})


@cache
def bounds() -> Mapping[str, int]:
    """Return the largest accepted value of each size, in elements, heads, layers or tokens."""
    return MappingProxyType(cast("dict[str, int]", _index()["bounds"]))
