"""Options of vLLM's OpenAI server, by release."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from voltaic.engines import data
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.versions import Version
    from voltaic.findings import Source

Kind = Literal["text", "texts", "int", "human", "real", "flag", "bool", "switch", "choice"]
"""How a value is read; explained in `options.toml`."""
NEWEST: Version = (99, 0, 0)
"""Stands in for a release that is not known: the newest way of reading holds."""
_KEYS = frozenset({"name", "kind", "kinds", "releases", "short", "aliases", "choices"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the server."""

    name: str
    """In snake case, which is also its canonical name: `max_model_len`."""
    kinds: tuple[tuple[str, Kind], ...]
    releases: tuple[str, ...]
    short: tuple[str, ...]
    aliases: tuple[str, ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def flag(self) -> str:
        """The option as written on a command line: `--max-model-len`."""
        return "--" + self.name.replace("_", "-")

    def in_release(self, version: Version | None) -> bool:
        """Return whether a release has it; an unknown release (None) may have every option."""
        return version is None or any(within(version, releases) for releases in self.releases)

    def kind(self, version: Version | None) -> Kind:
        """Return how its value is read in that release."""
        return next(kind for releases, kind in self.kinds if within(version or NEWEST, releases))

    def values(self, version: Version | None) -> tuple[str, ...]:
        """Return the values allowed in that release; empty: not a choice."""
        found = (values for releases, values in self.choices if within(version or NEWEST, releases))
        return next(found, ())

    @property
    def where(self) -> str:
        """The releases that have it, for people: `0.8.5 to 0.12.0`, `0.14.0 and newer`."""
        return " or ".join(_in_words(releases) for releases in self.releases)


def _in_words(releases: str) -> str:
    if releases == "*":
        return "every release"
    parts = releases.split(",")
    first = next((part[2:] for part in parts if part.startswith(">=")), None)
    last = next((part[2:] for part in parts if part.startswith("<=")), None)
    if first and last:
        return first if first == last else f"{first} to {last}"
    return f"{first} and newer" if first else f"{last} and older"


@dataclass(frozen=True, slots=True)
class Options:
    """All options."""

    by_name: Mapping[str, Option]
    source: Source


def _option(row: dict[str, Any]) -> Option:
    where = f"option {row.get('name')}"
    data.only(row, _KEYS, where)
    kinds = tuple((releases, kind) for releases, kind in row.get("kinds", [["*", row.get("kind")]]))
    if any(kind not in get_args(Kind) for _, kind in kinds) or kinds[-1][0] != "*":
        raise data.BadFactsError(f"{where}: write kinds of {', '.join(get_args(Kind))}, the last for *")
    releases = tuple(row.get("releases", ["*"]))
    for text in (*releases, *(text for text, _ in kinds)):
        within(NEWEST, text)  # raises where it is not a range
    return Option(
        name=row["name"],
        kinds=kinds,
        releases=releases,
        short=tuple(row.get("short", ())),
        aliases=tuple(row.get("aliases", ())),
        choices=tuple((text, tuple(values)) for text, values in row.get("choices", ())),
    )


@functools.cache
def options() -> Options:
    """Return every option of the server; read once."""
    facts = data.table(Path(__file__).with_name("options.toml"))
    rows = tuple(_option(row) for row in facts["option"])
    by_name = {option.name: option for option in rows}
    if len(by_name) != len(rows):
        raise data.BadFactsError("options.toml names an option twice")
    return Options(MappingProxyType(by_name), data.source(facts["source"], facts["confidence"]))


@dataclass(frozen=True, slots=True)
class Spellings:
    """What may be written for the options of one release, without leading dashes where long."""

    long: Mapping[str, tuple[Option, bool]]
    """By long name with dashes; False: the spelling with `no-` in front."""
    short: Mapping[str, Option]
    """By short form as written: `-tp`."""


@functools.cache
def spellings(version: Version | None) -> Spellings:
    """Return the spellings that a release takes; made once a release."""
    long: dict[str, tuple[Option, bool]] = {}
    short: dict[str, Option] = {}
    for option in options().by_name.values():
        if not option.in_release(version):
            continue
        for name in (option.name, *option.aliases):
            long[name.replace("_", "-")] = (option, True)
            if option.kind(version) == "bool":
                long["no-" + name.replace("_", "-")] = (option, False)
        short |= dict.fromkeys(option.short, option)
    return Spellings(MappingProxyType(long), MappingProxyType(short))
