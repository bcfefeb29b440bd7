"""Whether a server asks for a key, and how it is told to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic import engines
from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Collection

    from voltaic.findings import Source
    from voltaic.spec import ServingSpec

_KEYS = frozenset(
    {"name", "option", "flag", "also", "variables", "ignored", "open", "never", "always", "source", "confidence"}
)
_PROBE = "key"
"""A value to ask an engine's own reading of options with; it never leaves this module."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """How an engine is told to ask for a key."""

    option: str | None
    """Canonical option; None: no release asks for a key."""
    flag: str
    """The option as written."""
    also: tuple[str, ...]
    """Other options to the same end."""
    variables: tuple[str, ...]
    ignored: tuple[str, ...]
    """Variables that people set for it, and that no release reads."""
    open: str
    """What answers without the key."""
    known_for: str | None
    """Releases that have the option, of an engine whose options are not known here."""
    source: Source


def api_key(engine: str) -> ApiKey | None:
    """Return how an engine asks for a key; None where that is not known."""
    return _all().get(engine)


@cache
def _all() -> dict[str, ApiKey]:
    rows = data.table(Path(__file__).with_name("api_keys.toml"))["engine"]
    return {row["name"]: _read(row) for row in rows}


def _read(row: dict[str, Any]) -> ApiKey:
    data.only(row, _KEYS, f"key of {row.get('name')}")
    return ApiKey(
        option=row.get("option"),
        flag=row.get("flag", ""),
        also=tuple(row.get("also", ())),
        variables=tuple(row.get("variables", ())),
        ignored=tuple(row.get("ignored", ())),
        open=row.get("open", ""),
        known_for=row.get("always"),
        source=data.source(row["source"], row["confidence"]),
    )


@lru_cache(maxsize=512)
def can_ask(engine: str, version: str | None) -> bool | None:
    """Return whether a release can ask for a key; None where that is not known."""
    facts, reader = api_key(engine), engines.engine(engine)
    if facts is None or reader is None:
        return None
    if facts.option is None:
        return False
    if facts.known_for is not None:
        return True
    if version is None:
        return None
    return facts.option in reader.parse(version, (facts.flag, _PROBE), {}).options


def asks(spec: ServingSpec, variables: Collection[str], *, whole: bool) -> bool | None:
    """Return whether a server asks for a key; None where that is not known.

    Args:
        spec: what it serves.
        variables: names of variables that are set to something.
        whole: whether these are all.
    """
    facts = api_key(spec.release.engine)
    possible = can_ask(spec.release.engine, spec.release.version)
    if facts is None or possible is False:
        return None if facts is None else False
    stated = any(name in spec.command.options for name in (facts.option, *facts.also))
    written = any(word.partition("=")[0] == facts.flag for word in spec.command.args)
    unread = any(
        fault.unreadable and fault.where not in {"resources.limits", "envFrom"} for fault in spec.command.faults
    )
    if stated or written or not set(facts.variables).isdisjoint(variables):
        return True
    return False if whole and not unread else None
