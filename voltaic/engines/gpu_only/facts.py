"""On which GPUs an engine starts, from facts.toml."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import data
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from voltaic.engines.base import Answer
    from voltaic.engines.versions import Version
    from voltaic.findings import Source

LATEST: Final = "latest"
"""The newest release: what holds from some release on holds for it."""
_NEWEST: Final = (999_999, 0, 0)
_VERSION: Final = re.compile(
    r"v?([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})(?:[.]?(?:post|rc|dev|a|b)[0-9]{1,12})?", re.ASCII
)
_KEYS: Final = frozenset({"on", "releases", "answer", "error", "note", "source", "confidence"})
_ENGINE: Final = frozenset({"title", "read", "archs", "named", "model", "positional", "instead", "fits"})


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether releases start on architectures of GPUs."""

    on: frozenset[str]
    releases: str
    answer: Answer
    note: str
    error: str
    source: Source


@functools.cache
def _table() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("facts.toml"))


@functools.cache
def facts(engine: str) -> dict[str, Any]:
    """Return the entry of an engine."""
    entry: dict[str, Any] = _table()[engine]
    data.only(entry, _ENGINE, engine)
    return entry


@functools.cache
def fits(engine: str) -> tuple[Fit, ...]:
    """Return where an engine starts, in the order in which rows count."""
    found = []
    for row in facts(engine)["fits"]:
        data.only(row, _KEYS, f"{engine} on {row.get('on')}")
        source = data.source(row["source"], row["confidence"])
        found.append(
            Fit(frozenset(row["on"]), row["releases"], row["answer"], row["note"], row.get("error", ""), source)
        )
    return tuple(found)


def version_of(text: str | None) -> Version | None:
    """Return `v0.4.6.post5` as `(0, 4, 6)`; None for anything that is no release."""
    if text == LATEST:
        return _NEWEST
    match = _VERSION.fullmatch(text) if text is not None else None
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


@functools.lru_cache(maxsize=256)
def fit(engine: str, version: str | None, arch: str) -> Fit | None:
    """Return what is known of a release on an architecture; None where nothing is."""
    known = version_of(version)
    if known is None:
        return None
    return next((row for row in fits(engine) if arch in row.on and within(known, row.releases)), None)
