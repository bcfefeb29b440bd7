"""Releases of vLLM: which exist, and what each does by default."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data
from voltaic.engines.versions import parse_version, within

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source

_POST = re.compile(r"v?([0-9]+\.[0-9]+\.[0-9]+)(?:\.(?:post)?[0-9]{1,2})?")
"""A release, or one that repairs it without a number of its own: `0.8.5.post1`, `0.10.1.1`."""


@dataclass(frozen=True, slots=True)
class VllmRelease:
    """One release."""

    text: str
    """`0.8.5`, or `0.8.5.post1` as written."""
    version: Version


@functools.cache
def facts() -> dict[str, Any]:
    """Return releases.toml; read once."""
    return data.table(Path(__file__).with_name("releases.toml"))


@functools.cache
def versions() -> tuple[str, ...]:
    """Return every release that the facts cover, oldest first."""
    return tuple(facts()["versions"])


@functools.lru_cache(maxsize=1024)
def release(text: str | None) -> VllmRelease | None:
    """Return a release by version or image tag (`0.8.5`, `v0.8.5.post1`); None where the facts do not cover it."""
    match = _POST.fullmatch(text) if text is not None else None
    if text is None or match is None or match[1] not in versions():
        return None
    version = parse_version(match[1])
    return None if version is None else VllmRelease(text.removeprefix("v"), version)


def name_of(text: str | None) -> str:
    """Return the release for people: `vLLM 0.8.5`, or `vLLM (version unknown)`."""
    return f"vLLM {text}" if text else "vLLM (version unknown)"


def by_release(rows: list[list[Any]], version: Version) -> Any:
    """Return the value of the first row whose range holds; None where none does."""
    return next((value for releases, value in rows if within(version, releases)), None)


@functools.cache
def source(section: str) -> Source:
    """Return where the facts of a section of releases.toml come from."""
    row = facts()[section]
    return data.source(row["source"], row["confidence"])


@functools.lru_cache(maxsize=1024)
def holds(section: str, key: str, version: Version) -> bool:
    """Return whether the range under a key of a section holds for a release."""
    return within(version, facts()[section][key])
