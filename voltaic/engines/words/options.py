"""Options of an engine's server, by release: a table in TOML."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from voltaic.engines import data
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from voltaic.engines.versions import Version
    from voltaic.findings import Source

Kind = Literal["text", "texts", "int", "real", "flag", "switch"]
"""`texts`: every word up to the next option; `flag`: without a value; `switch`: on, off or another word, or alone."""
NEWEST: Version = (999_999, 0, 0)
"""Stands in for a release that is not known: the newest way of reading holds."""
_KEYS = frozenset({"name", "kind", "releases", "spellings", "off", "env", "choices"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a server."""

    name: str
    """Canonical name, in snake case."""
    kind: Kind
    releases: str
    """Range of releases that have it."""
    spellings: tuple[str, ...]
    """As written, the one that is built first."""
    off: tuple[str, ...]
    """Spellings that turn a flag off."""
    env: str | None
    """Variable that sets it where no argument does."""
    choices: tuple[tuple[str, tuple[str, ...]], ...]
    """Values allowed, by range of releases."""

    @property
    def flag(self) -> str:
        """The option as it is built: `--ctx-size`."""
        return self.spellings[0]

    def in_release(self, version: Version | None) -> bool:
        """Return whether a release has it; an unknown release (None) may have every option."""
        return version is None or within(version, self.releases)

    def values(self, version: Version | None) -> tuple[str, ...]:
        """Return the values allowed in that release; empty: any."""
        return next((values for releases, values in self.choices if within(version or NEWEST, releases)), ())


@dataclass(frozen=True, slots=True)
class Table:
    """All options of a server."""

    by_name: Mapping[str, Option]
    source: Source


def _option(row: dict[str, Any]) -> Option:
    where = f"option {row.get('name')}"
    data.only(row, _KEYS, where)
    if row["kind"] not in get_args(Kind):
        raise data.BadFactsError(f"{where}: write a kind of {', '.join(get_args(Kind))}")
    within(NEWEST, row.get("releases", "*"))  # raises where it is not a range
    return Option(
        name=row["name"],
        kind=row["kind"],
        releases=row.get("releases", "*"),
        spellings=tuple(row.get("spellings", ["--" + row["name"].replace("_", "-")])),
        off=tuple(row.get("off", ())),
        env=row.get("env"),
        choices=tuple((releases, tuple(values)) for releases, values in row.get("choices", ())),
    )


@functools.cache
def table(path: Path) -> Table:
    """Return the options of a file; read once."""
    facts = data.table(path)
    rows = tuple(_option(row) for row in facts["option"])
    by_name = {option.name: option for option in rows}
    if len(by_name) != len(rows):
        raise data.BadFactsError(f"{path.name} names an option twice")
    return Table(MappingProxyType(by_name), data.source(facts["source"], facts["confidence"]))


@functools.lru_cache(maxsize=256)
def spellings(path: Path, version: Version | None) -> Mapping[str, tuple[Option, bool]]:
    """Return what may be written in a release: option, and whether it is turned on; made once a release."""
    found: dict[str, tuple[Option, bool]] = {}
    for option in table(path).by_name.values():
        if option.in_release(version):
            found |= dict.fromkeys(option.spellings, (option, True)) | dict.fromkeys(option.off, (option, False))
    return MappingProxyType(found)
