"""The capability matrix: what works, by release and GPU architecture."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from voltaic.engines import data
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source

Feature = Literal[
    "starts",
    "flash",
    "without-flash",
    "joining",
    "fused-bfloat16",
    "flash-bfloat16",
    "kernels",
    "window",
    "adapters",
    "vision",
    "quantize",
    "class",
]
Answer = Literal["ok", "no", "off", "wrong", "ignored", "unknown"]
ARCHS = ("sm_70", "sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "gfx90a", "gfx942")
"""Architectures that kernels are compiled for; of gfx90a voltaic knows no GPU model, and answers all the same."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One fact of the matrix."""

    feature: Feature
    releases: str
    archs: frozenset[str]
    answer: Answer
    error: str
    """What the log shows; empty where nothing is."""
    note: str
    """Why, as a clause."""
    source: Source
    families: frozenset[str]
    """Model types that it holds for; empty: all."""
    path: frozenset[str]
    """Implementations that it holds for; empty: all."""
    values: frozenset[str]
    """Quantization methods, or properties of a configuration, that it holds for; empty: about neither."""
    checkpoint: str
    """`plain` or `same`; empty: not about quantization."""

    def covers(self, question: Question, version: Version, arch: str) -> bool:
        """Return whether this fact answers the question."""
        return (
            self.feature == question.feature
            and arch in self.archs
            and (not self.families or question.model_type in self.families)
            and (not self.path or question.path in self.path)
            and (not self.values or question.value in self.values)
            and self.checkpoint == question.checkpoint
            and within(version, self.releases)
        )


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the matrix, beside release and architecture."""

    feature: Feature
    model_type: str | None = None
    path: str | None = None
    value: str | None = None
    checkpoint: str = ""


@dataclass(frozen=True, slots=True)
class Recommended:
    """The release to use on an architecture, and what must be set for it."""

    release: str
    environment: tuple[tuple[str, str], ...]
    source: Source


_KEYS = frozenset(
    {
        "feature",
        "releases",
        "archs",
        "answer",
        "error",
        "note",
        "source",
        "confidence",
        "families",
        "path",
        "values",
        "checkpoint",
    },
)


def _cell(row: dict[str, Any]) -> Cell:
    where = f"cell {row.get('feature')} {row.get('releases')} {row.get('archs')}"
    data.only(row, _KEYS, where)
    if row["feature"] not in get_args(Feature) or row["answer"] not in get_args(Answer):
        raise data.BadFactsError(f"{where}: no such feature or answer")
    archs = frozenset(ARCHS) if row["archs"] == ["*"] else frozenset(row["archs"])
    if not archs <= frozenset(ARCHS):
        raise data.BadFactsError(f"{where}: write architectures of {', '.join(ARCHS)} or *")
    within((0, 0, 0), row["releases"])  # raises where it is not a range
    return Cell(
        feature=row["feature"],
        releases=row["releases"],
        archs=archs,
        answer=row["answer"],
        error=row.get("error", ""),
        note=row.get("note", ""),
        source=data.source(row["source"], row["confidence"]),
        families=frozenset(row.get("families", ())),
        path=frozenset(row.get("path", ())),
        values=frozenset(row.get("values", ())),
        checkpoint=row.get("checkpoint", ""),
    )


@functools.cache
def _facts() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("capability.toml"))


@functools.cache
def cells() -> tuple[Cell, ...]:
    """Return every fact of the matrix; read once."""
    return tuple(_cell(row) for row in _facts()["cell"])


@functools.cache
def on_the_fly() -> frozenset[str]:
    """Return the quantizations that are applied to plain weights only: no checkpoint is stored in them."""
    return frozenset(_facts()["on_the_fly"])


@functools.lru_cache(maxsize=8192)  # bounded: model types and kinds of positions are whatever a user writes
def answer(question: Question, version: Version, arch: str) -> Cell | None:
    """Return the fact that answers the question; None where none does: the answer is unknown."""
    return next((cell for cell in cells() if cell.covers(question, version, arch)), None)


@functools.lru_cache(maxsize=8192)
def ask(feature: Feature, model_type: str | None, path: str | None, version: Version, arch: str) -> Cell | None:
    """Return the fact that answers a question about neither a value nor a checkpoint, kept by what is asked."""
    return answer(Question(feature, model_type, path), version, arch)


@functools.cache
def recommended(arch: str) -> Recommended | None:
    """Return the release to use on that architecture; None where none is recommended."""
    row = next((row for row in _facts()["recommended"] if arch in row["archs"]), None)
    if row is None:
        return None
    return Recommended(row["release"], tuple(row["environment"].items()), data.source(row["source"], row["confidence"]))
