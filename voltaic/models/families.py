"""The model families of `families.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.models.architecture import Norm, Positions


@dataclass(frozen=True, slots=True)
class TensorNames:
    """Names in the state dictionary of a family's class; `{}` stands for the layer number."""

    embedding: str
    layer: str
    attention: tuple[str, ...]
    """Queries, keys, values and output, or the fused three and output."""
    mlp: tuple[str, ...]
    """Gate, up and down, or up and down."""
    norms: tuple[str, ...]
    final_norm: str
    head: str
    positions: str | None = None
    embedding_norm: str | None = None
    parallel_norms: tuple[str, ...] = ()
    """Names of the norms where attention and MLP run side by side and each has one of its own."""
    qk_norms: tuple[str, ...] = ()
    inputs_first: bool = False
    """True: weights are stored inputs x outputs."""


@dataclass(frozen=True, slots=True)
class Family:
    """What the class of one `model_type` reads from its configuration, and what it assumes where that is silent."""

    model_type: str
    fields: Mapping[str, tuple[str, ...]]
    absent: Mapping[str, Any]
    kv_absent: str
    positions: Positions
    norm: Norm
    gated_mlp: bool
    norms_per_layer: int
    attention_bias: bool
    mlp_bias: bool
    head_bias: bool
    embedding_norm: bool
    parallel_block: bool
    tensors: TensorNames
    source: Source


def _names(row: Mapping[str, Any]) -> TensorNames:
    return TensorNames(
        embedding=row["embedding"],
        layer=row["layer"],
        attention=tuple(row["attention"]),
        mlp=tuple(row["mlp"]),
        norms=tuple(row["norms"]),
        final_norm=row["final_norm"],
        head=row["head"],
        positions=row.get("positions"),
        embedding_norm=row.get("embedding_norm"),
        parallel_norms=tuple(row.get("parallel_norms", ())),
        qk_norms=tuple(row.get("qk_norms", ())),
        inputs_first=row.get("inputs_first", False),
    )


def _family(model_type: str, row: Mapping[str, Any]) -> Family:
    return Family(
        model_type=model_type,
        fields=MappingProxyType({name: tuple(keys) for name, keys in row["fields"].items()}),
        absent=MappingProxyType(row["absent"]),
        kv_absent=row.get("kv_absent", "heads"),
        positions=row["positions"],
        norm=row["norm"],
        gated_mlp=row["gated_mlp"],
        norms_per_layer=row.get("norms_per_layer", 2),
        attention_bias=row.get("attention_bias", False),
        mlp_bias=row.get("mlp_bias", False),
        head_bias=row.get("head_bias", False),
        embedding_norm=row.get("embedding_norm", False),
        parallel_block=row.get("parallel_block", False),
        tensors=_names(row["tensors"]),
        source=Source(row["source"], row["confidence"]),
    )


@cache
def _table() -> Mapping[str, Any]:
    return MappingProxyType(tomllib.loads(Path(__file__).with_name("families.toml").read_text(encoding="utf-8")))


@cache
def families() -> Mapping[str, Family]:
    """Return all families by `model_type`."""
    return MappingProxyType({name: _family(name, row) for name, row in _table().items() if name != "bounds"})


@cache
def bounds() -> Mapping[str, int]:
    """Return the largest accepted value of each size, in elements, heads, layers or tokens."""
    return MappingProxyType(cast("dict[str, int]", _table()["bounds"]))
