"""Releases of TGI: which exist, and what each ships."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data
from voltaic.engines.versions import parse_version, within

if TYPE_CHECKING:
    from voltaic.engines.versions import Version

_FLAVOURS = ("-rocm",)
_LIBRARIES = ("transformers", "torch", "cache")
_KEYS = frozenset({"versions", "cache_path", *_LIBRARIES, *(f"{name}_source" for name in _LIBRARIES)})


@dataclass(frozen=True, slots=True)
class TgiRelease:
    """One release, and the flavour of its image."""

    text: str
    """`3.0.1`."""
    version: Version
    flavour: str
    """Suffix of the image tag: empty, or `-rocm`."""


@functools.cache
def facts() -> dict[str, Any]:
    """Return releases.toml; read once."""
    return checked(data.table(Path(__file__).with_name("releases.toml")))


def checked(found: dict[str, Any]) -> dict[str, Any]:
    """Return the facts about releases; raises BadFactsError where they are misspelt, out of order or incomplete."""
    data.only(found, _KEYS, "releases.toml")
    numbers = []
    for text in found["versions"]:
        number = parse_version(text)
        if number is None:
            raise data.BadFactsError(f"releases.toml: {text!r} is not a release")
        numbers.append(number)
    if sorted(set(numbers)) != numbers:
        raise data.BadFactsError("releases.toml: write releases once, oldest first")
    # The newest is the one that a new release leaves without a value; ranges are tested release by release elsewhere.
    for name in _LIBRARIES:
        if by_release(found[name], numbers[-1]) is None:
            raise data.BadFactsError(f"releases.toml: {name}: no value for {found['versions'][-1]}")
    return found


@functools.cache
def versions() -> tuple[str, ...]:
    """Return every release that the facts cover, oldest first."""
    return tuple(facts()["versions"])


@functools.cache
def release(text: str | None) -> TgiRelease | None:
    """Return a release by version or image tag (`3.0.1`, `3.0.1-rocm`); None where the facts do not cover it."""
    if text is None:
        return None
    flavour = next((flavour for flavour in _FLAVOURS if text.endswith(flavour)), "")
    number = text.removesuffix(flavour)
    version = parse_version(number)
    if version is None or number not in versions():
        return None
    return TgiRelease(number, version, flavour)


def name_of(text: str | None) -> str:
    """Return the release for people: `TGI 3.0.1`, or `TGI (version unknown)`."""
    return f"TGI {text}" if text else "TGI (version unknown)"


def by_release(rows: list[list[Any]], version: Version) -> Any:
    """Return the value of the first row whose range holds; None where none does."""
    return next((value for releases, value in rows if within(version, releases)), None)


@functools.cache
def transformers(version: Version) -> Version | None:
    """Return the release of transformers in the image."""
    return parse_version(by_release(facts()["transformers"], version))
