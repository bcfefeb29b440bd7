"""What is known of LMDeploy, from facts.toml."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from voltaic.engines import data
from voltaic.engines.versions import parse_version, within

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source

Answer = Literal["ok", "no", "unknown"]
_TAG = re.compile(r"v?([0-9]+\.[0-9]+\.[0-9]+)(?:\.post[0-9]{1,2})?(?:-(cu[0-9.]{2,6}))?")
_KEYS = frozenset({"releases", "archs", "variants", "answer", "error", "note", "source", "confidence"})


@dataclass(frozen=True, slots=True)
class Release:
    """A release, perhaps of a certain image."""

    text: str
    """As written, without `v`: `0.16.0-cu12.8`."""
    version: Version
    variant: str
    """`cu12.8`; empty where the tag does not say."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether releases run on GPU architectures at all."""

    releases: str
    archs: frozenset[str]
    variants: frozenset[str] | None
    answer: Answer
    note: str
    error: str
    source: Source


@functools.cache
def facts() -> dict[str, Any]:
    """Return facts.toml; read once."""
    return data.table(Path(__file__).with_name("facts.toml"))


@functools.lru_cache(maxsize=1024)
def release(text: str | None) -> Release | None:
    """Return a release by version or image tag (`0.16.0`, `v0.16.0-cu12.8`); None where the facts do not cover it."""
    match = _TAG.fullmatch(text) if text is not None else None
    if text is None or match is None or match[1] not in facts()["versions"]:
        return None
    variant = match[2] or ""
    version = parse_version(match[1])
    if version is None or (variant and variant not in facts()["variants"]):
        return None
    return Release(text.removeprefix("v"), version, variant)


def name_of(text: str | None) -> str:
    """Return the release for people: `LMDeploy 0.13.0`."""
    return f"LMDeploy {text.removeprefix('v')}" if text else "LMDeploy (version unknown)"


@functools.cache
def cells() -> tuple[Cell, ...]:
    """Return the facts about starting; read once."""
    found = []
    for row in facts()["starts"]:
        where = f"starts {row.get('releases')} {row.get('archs')}"
        data.only(row, _KEYS, where)
        if row["answer"] not in get_args(Answer) or not set(row["archs"]) <= set(facts()["archs"]):
            raise data.BadFactsError(f"{where}: no such answer or architecture")
        variants = frozenset(row["variants"]) if "variants" in row else None
        source = data.source(row["source"], row["confidence"])
        answer, note, error = row["answer"], row["note"], row.get("error", "")
        found.append(Cell(row["releases"], frozenset(row["archs"]), variants, answer, note, error, source))
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def starts(known: Release, arch: str) -> Cell | None:
    """Return the fact about a release on an architecture; None where there is none."""
    for cell in cells():
        fits = cell.variants is None or known.variant in cell.variants
        if fits and arch in cell.archs and within(known.version, cell.releases):
            return cell
    return None


@functools.cache
def source(section: str) -> Source:
    """Return where the facts of a section come from."""
    row = facts()[section]
    return data.source(row["source"], row["confidence"])


def by_release(rows: list[list[Any]], version: Version) -> Any:
    """Return the value of the first row whose range holds; None where none does."""
    return next((value for releases, value in rows if within(version, releases)), None)


def holds(section: str, key: str, version: Version) -> bool:
    """Return whether the range under a key of a section holds for a release."""
    return within(version, facts()[section][key])


def class_releases(name: str) -> tuple[str, ...]:
    """Return the ranges of releases whose TurboMind serves a class; empty: none."""
    return tuple(facts()["classes"]["releases"].get(name, ()))
