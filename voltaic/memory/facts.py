"""The facts of `facts.toml`, as the bill uses them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voltaic import facts_files
from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.models import Architecture


@dataclass(frozen=True, slots=True)
class LayerForm:
    """Bytes that one layer holds besides its cache; coefficients as explained in `facts.toml`."""

    hidden: int
    intermediate: int
    head_dim: int
    quadratic: int
    square: int
    mask: int
    source: Source
    positions: str = "rotary"
    """Kind of positions for which the form holds."""
    kv_heads: int | None = None
    """Number of K and V heads for which the form holds; None: any."""
    keys: int = 0
    """Bytes of the copy of a layer's keys in a decode step, for each element that a query head sees."""
    experts: int = 0
    """Bytes for each element of the width of an expert, for the even share of tokens that one expert computes."""
    gathered: int = 0
    """Bytes for each element of the hidden size and of an expert's width, for each expert that a token goes to."""
    mask_beyond_window: bool = False
    """True: a mask is held too where a prompt is longer than the sliding window."""


@cache
def table() -> Mapping[str, Any]:
    """Return `facts.toml` as written."""
    return MappingProxyType(facts_files.table(Path(__file__).with_name("facts.toml")))


def source(fact: Mapping[str, Any]) -> Source:
    """Return where a fact comes from."""
    return Source(fact["source"], fact["confidence"])


def _form(row: Mapping[str, Any]) -> LayerForm:
    return LayerForm(
        hidden=row.get("hidden", 0),
        intermediate=row.get("intermediate", 0),
        head_dim=row.get("head_dim", 0),
        quadratic=row.get("quadratic", 0),
        square=row.get("square", 0),
        mask=row.get("mask", 0),
        source=source(row),
        positions=row.get("positions", "rotary"),
        kv_heads=row.get("kv_heads"),
        keys=row.get("keys", 0),
        experts=row.get("experts", 0),
        gathered=row.get("gathered", 0),
        mask_beyond_window=row.get("mask_beyond_window", False),
    )


@cache
def _layer_form(model_type: str) -> LayerForm | None:
    row = table()["layer"].get(model_type)
    return None if row is None else _form(row)


def layer_form(arch: Architecture) -> LayerForm | None:
    """Return the activations of one layer under fused attention; None where no form is known for the model."""
    form = _layer_form(arch.model_type)
    if form is None or form.positions != arch.positions:
        return None
    return form if form.kv_heads in {None, arch.kv_heads} else None


@cache
def eager_form(model_type: str) -> LayerForm | None:
    """Return the activations of attention without a fused kernel; None where no form is known for the family."""
    row = table()["eager"]
    return _form({**row, **row["family"].get(model_type, {})}) if model_type in row["families"] else None


@cache
def keeps_queries(model_type: str) -> bool:
    """Return whether a prompt's cache keeps its queries until the next decode step."""
    return model_type in table()["fused_projection"]["families"]


@cache
def keeps_keys_twice(model_type: str) -> bool:
    """Return whether a prompt's cache keeps, beside its queries, its keys a second time until the next decode step."""
    return model_type in table()["fused_projection"]["keys_too"]


@cache
def logit_copies(model_type: str) -> int:
    """Return how many tensors of logits are held at once."""
    return 2 if model_type in table()["scaled_logits"]["families"] else 1


@cache
def int8_form(model_type: str) -> tuple[LayerForm, int] | None:
    """Return the activations of a layer in int8, and the bytes per element of the matrix that is turned back."""
    row = table()["layer_int8"]
    return (_form({**row, "mask": 2}), row["matrix"]) if model_type in row["families"] else None


def _before(fact: str, model_type: str, transformers: tuple[int, int, int] | None) -> bool:
    until = table()[fact]["until"].get(model_type)
    # Where the release is not known, the dearer answer is the safe one.
    return until is not None and (transformers is None or transformers < tuple(until))


@cache
def upcasts_logits(model_type: str, transformers: tuple[int, int, int] | None) -> bool:
    """Return whether the class turns all logits into 32-bit numbers."""
    return _before("logits_upcast", model_type, transformers)


@cache
def has_rotary_tables(model_type: str, transformers: tuple[int, int, int] | None) -> bool:
    """Return whether every layer holds tables of cosines and sines."""
    return _before("rotary_tables", model_type, transformers)


@cache
def has_mask_buffers(model_type: str) -> bool:
    """Return whether every layer holds a square causal mask."""
    return model_type in table()["mask_buffers"]["families"]


@cache
def cache_moves(model_type: str) -> bool:
    """Return whether the whole cache of a layer split passes through the first GPU."""
    return model_type in table()["layer_split"]["cache_moves"]


@cache
def planning_factor(*, expandable_segments: bool) -> float:
    """Return what the dynamic part of the bill is multiplied with, where no more is known of it."""
    fact = table()["planning_factor"]
    return float(fact["expandable_segments"]["factor"] if expandable_segments else fact["default"])


@cache
def _planning(expandable_segments: bool) -> tuple[float, int, int, float]:  # noqa: FBT001  the quicker call
    """Return what a byte adds, and for middling keys their sizes, above and up to, and what a byte of theirs adds."""
    row = table()["planning_factor"]["middling_keys"]
    more = planning_factor(expandable_segments=expandable_segments) - 1
    # Keys and values, the old ones and the new ones.
    return more, int(row["above"]), int(row["up_to"]), (float(row["factor"]) - 1) * 4


def slack(dynamic: int, keys: int, layers: int, *, expandable_segments: bool) -> int:
    """Return the bytes that the allocator may hold beside a dynamic part of so many bytes, and cannot reuse.

    A cache that outgrows the middling sizes has been of them before: what they cost then is not less afterwards.

    Args:
        dynamic: cache and activations at the worst moment.
        keys: bytes of one layer's keys at the largest cache: the size in which the allocator is asked.
        layers: layers on that GPU.
        expandable_segments: whether the allocator is told to use them.
    """
    more, least = slack_terms(keys, layers, expandable_segments=expandable_segments)
    return max(int(more * dynamic), least)


def slack_terms(keys: int, layers: int, *, expandable_segments: bool) -> tuple[float, int]:
    """Return what `slack` is made of: a share of the dynamic part, and the least that it is."""
    more, above, up_to, middling = _planning(expandable_segments)
    if expandable_segments or keys <= above:
        return more, 0
    return more, int(middling * layers * min(keys, up_to))
