"""The longest request of an engine against what the model was made for."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.answers import runs_of
from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.findings import Source
    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec

_KEYS: Final = frozenset({"limit", "flag", "slots", "stretches", "happens", "source", "confidence"})
_TRAINED: Final = frozenset({None, "default", "mrope", "llama3", "longrope", "su"})
"""Kinds of stretched positions of a configuration that states the stretched length itself."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A limit on requests that is above the positions of the model."""

    limit: int
    positions: int
    """Tokens that the model stands for."""
    flag: str
    """Option that sets the limit."""
    slots: int
    """Slots that share what the option says; 1: none."""
    happens: str
    """What the engine does with them, as a sentence."""
    source: Source


@functools.cache
def _facts() -> dict[str, Any]:
    facts = data.table(Path(__file__).with_name("lengths.toml"))
    for engine, row in facts.items():
        data.only(row, _KEYS, engine)
    return facts


def too_long(spec: ServingSpec) -> TooLong | None:
    """Return the limit where it is above what the model stands for and nothing stretches that; None for all others."""
    arch, row, runs = spec.model.architecture, _facts().get(spec.release.engine), runs_of(spec)
    if arch is None or row is None or runs is None:
        return None
    limit, positions = runs.limits.get(row["limit"]), _positions(arch, spec.model.config)
    stretched = any(spec.option(option) not in {None, 0} for option in row["stretches"])
    if limit is None or positions is None or limit <= positions or stretched:
        return None
    where = data.source(row["source"], row["confidence"])
    return TooLong(limit, positions, row["flag"], runs.limits.get(row.get("slots", ""), 1), row["happens"], where)


def _positions(arch: Architecture, config: Mapping[str, Any] | None) -> int | None:
    """Return the longest context that the model stands for; None where that is not known, or has no bound."""
    positions = arch.stated_positions or arch.max_positions
    if positions is None or arch.positions not in {"rotary", "learned"}:
        return None
    if arch.rope_scaling in _TRAINED:
        return positions
    scaling = (config or {}).get("rope_scaling")
    factor = scaling.get("factor") if isinstance(scaling, dict) else None
    return int(positions * factor) if isinstance(factor, (int, float)) and 1 <= factor <= positions else None
