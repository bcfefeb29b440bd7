"""Limits that a release takes, and that do not go together."""

from __future__ import annotations

import functools
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.answers import runs_of
from voltaic.engines import data
from voltaic.engines.base import Support

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.base import Runs
    from voltaic.spec import ServingSpec

_KEYS: Final = frozenset({"engine", "limit", "option", "stated", "most", "least", "called", "where", "defaults"})
_TOLD: Final = frozenset({"why", "fix", "source", "confidence"})


@functools.cache
def _pairs(engine: str) -> tuple[dict[str, Any], ...]:
    rows = data.table(Path(__file__).with_name("incoherent.toml"))["pair"]
    for row in rows:
        data.only(row, _KEYS | _TOLD, f"pair {row.get('engine')} {row.get('limit')}")
    return tuple(row for row in rows if row["engine"] == engine)


def incoherent(spec: ServingSpec) -> Iterator[Support]:
    """Yield each limit that is stated, and too large or too small for the others to be of use."""
    runs = runs_of(spec)
    if runs is None:
        return
    for row in _pairs(spec.release.engine):
        stated = row.get("stated", row["limit"])
        value = spec.option(stated) if row.get("option") else runs.limits.get(row["limit"])
        bound = _bound(row, spec, runs)
        if stated not in spec.command.options or type(value) is not int or bound is None:
            continue
        if runs.implementation not in row.get("where", [runs.implementation]):
            continue
        if value > bound if "most" in row else 0 < value < bound:
            yield Support(
                "ok",
                _message(row, spec, runs, value, bound),
                row["why"],
                row["fix"],
                (data.source(row["source"], row["confidence"]),),
                where=_flag(stated),
            )


def _bound(row: Mapping[str, Any], spec: ServingSpec, runs: Runs) -> int | None:
    """Return what the limit should not be above, or below; None where that is not known."""
    if "least" in row:
        return int(row["least"])
    values = [_value(name, row, spec, runs) for name in row["most"]]
    return prod(values) if all(type(value) is int for value in values) else None


def _value(name: str, row: Mapping[str, Any], spec: ServingSpec, runs: Runs) -> Any:
    return runs.limits.get(name, spec.option(name, row.get("defaults", {}).get(name)))


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _message(row: Mapping[str, Any], spec: ServingSpec, runs: Runs, value: int, bound: int) -> str:
    if "least" in row:
        stated = row["stated"]
        said = f"{_flag(stated)} is {spec.option(stated)}"
        return f"{said}, which leaves {value} tokens for a request; wanted are {bound} or more."
    called = row.get("called", [_flag(name) for name in row["most"]])
    parts = [f"{name} {_value(of, row, spec, runs)}" for name, of in zip(called, row["most"], strict=True)]
    return f"{_flag(row['limit'])} is {value}, more than {' x '.join(parts)}{f' = {bound}' if len(parts) > 1 else ''}."
