"""What is known of llama.cpp's server, from facts.toml."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from voltaic.engines import data

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source

Answer = Literal["ok", "no", "unknown"]
_TAG = re.compile(r"(?:server-|full-|light-)?(?:(cuda|cuda12|cuda13)-)?b?([0-9]{4,6})")
_FLAVOUR = re.compile(r"(?:server-|full-|light-)?(cuda|cuda12|cuda13)")
_KEYS = frozenset({"archs", "flavours", "answer", "error", "note", "source", "confidence"})


@dataclass(frozen=True, slots=True)
class Build:
    """A build, perhaps of a certain image."""

    text: str
    """`b9000`, or with its flavour: `cuda13-b9000`."""
    number: int
    flavour: str
    """`cuda`, `cuda12` or `cuda13`; empty where it is not said."""

    @property
    def version(self) -> Version:
        """The build as a release."""
        return self.number, 0, 0


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether images run on GPU architectures at all."""

    archs: frozenset[str]
    flavours: frozenset[str]
    answer: Answer
    note: str
    error: str
    source: Source


@functools.cache
def facts() -> dict[str, Any]:
    """Return facts.toml; read once."""
    return data.table(Path(__file__).with_name("facts.toml"))


@functools.lru_cache(maxsize=1024)
def build_of(text: str | None) -> Build | None:
    """Return a build by number or image tag (`b9000`, `server-cuda-b9000`); None where the facts do not cover it."""
    match = _TAG.fullmatch(text) if text is not None else None
    if match is None:
        return None
    number, (first, last) = int(match[2]), facts()["builds"]
    if not first <= number <= last:
        return None
    flavour = match[1] or ""
    return Build(f"{flavour}-b{number}" if flavour else f"b{number}", number, flavour)


def flavour_of(text: str | None) -> str | None:
    """Return the flavour of an image tag without a build: `cuda13` of `server-cuda13`; None for anything else."""
    match = _FLAVOUR.fullmatch(text) if text is not None else None
    return match[1] if match else None


def name_of(text: str | None) -> str:
    """Return the build for people: `llama.cpp b9000`."""
    return f"llama.cpp {text}" if text else "llama.cpp (build unknown)"


@functools.cache
def cells() -> tuple[Cell, ...]:
    """Return the facts about starting; read once."""
    found = []
    for row in facts()["starts"]:
        data.only(row, _KEYS, f"starts {row.get('archs')}")
        source = data.source(row["source"], row["confidence"])
        archs, flavours = frozenset(row["archs"]), frozenset(row["flavours"])
        found.append(Cell(archs, flavours, row["answer"], row["note"], row.get("error", ""), source))
    return tuple(found)


@functools.lru_cache(maxsize=256)
def starts(flavour: str, arch: str) -> Cell | None:
    """Return the fact about an image on an architecture; None where there is none."""
    return next((cell for cell in cells() if arch in cell.archs and flavour in cell.flavours), None)


@functools.cache
def source(section: str) -> Source:
    """Return where the facts of a section come from."""
    row = facts()[section]
    return data.source(row["source"], row["confidence"])
