"""What works, by release, GPU architecture, weights format and model class."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from voltaic.engines import data
from voltaic.engines.versions import within
from voltaic.engines.vllm.releases import by_release

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.versions import Version
    from voltaic.findings import Source

Answer = Literal["ok", "no", "unknown"]
_KEYS = frozenset({"releases", "archs", "answer", "note", "error", "source", "confidence"})


@dataclass(frozen=True, slots=True)
class Cell:
    """Whether releases run on GPU architectures at all."""

    releases: str
    archs: frozenset[str]
    answer: Answer
    note: str
    """Why, as a clause."""
    error: str
    source: Source


@functools.cache
def facts() -> dict[str, Any]:
    """Return capability.toml; read once."""
    return data.table(Path(__file__).with_name("capability.toml"))


@functools.cache
def families() -> dict[str, Any]:
    """Return families.toml; read once."""
    return data.table(Path(__file__).with_name("families.toml"))


@functools.cache
def archs() -> tuple[str, ...]:
    """Return the GPU architectures that the facts cover."""
    return tuple(facts()["archs"])


@functools.cache
def cells() -> tuple[Cell, ...]:
    """Return the facts about starting; read once."""
    found = []
    for row in facts()["starts"]:
        where = f"starts {row.get('releases')} {row.get('archs')}"
        data.only(row, _KEYS, where)
        if row["answer"] not in get_args(Answer) or not set(row["archs"]) <= set(archs()):
            raise data.BadFactsError(f"{where}: no such answer or architecture")
        within((0, 0, 0), row["releases"])  # raises where it is not a range
        error, source = row.get("error", ""), data.source(row["source"], row["confidence"])
        found.append(Cell(row["releases"], frozenset(row["archs"]), row["answer"], row["note"], error, source))
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def starts(version: Version, arch: str) -> Cell | None:
    """Return the fact about a release on an architecture; None where there is none."""
    return next((cell for cell in cells() if arch in cell.archs and within(version, cell.releases)), None)


@functools.cache
def section_source(section: str) -> Source:
    """Return where the facts of a section of capability.toml come from."""
    row = facts()[section]
    return data.source(row["source"], row["confidence"])


@functools.cache
def families_source() -> Source:
    """Return where the classes of model types come from."""
    return data.source(families()["source"], families()["confidence"])


@functools.lru_cache(maxsize=256)
def prefix(version: Version) -> Cell:
    """Return the fact about prefix caching and chunked prefill of V0 on compute capability 7.0."""
    row = next(row for row in facts()["prefix"] if within(version, row["releases"]))
    source = data.source(row["source"], row["confidence"])
    return Cell(row["releases"], frozenset({"sm_70"}), row["answer"], "", row["error"], source)


def recommended(arch: str) -> str | None:
    """Return the release to name in ways out on that architecture; None: none is recommended."""
    found: str | None = facts()["recommended"].get(arch)
    return found


@dataclass(frozen=True, slots=True)
class Method:
    """A quantization in one release."""

    name: str
    known: bool
    """False: nothing is known of it."""
    needs: int | None
    """Compute capability that it needs, 75 for 7.5; None: the release has not the method."""
    dtypes: tuple[str, ...] | None
    """Dtypes of activations that it takes; None: not known of this release."""


@functools.lru_cache(maxsize=4096)
def method(name: str, version: Version) -> Method:
    """Return what a quantization needs in a release."""
    table = facts()["methods"]
    rows = table["needs"].get(name)
    dtypes = by_release(table["dtypes"].get(name, table["dtypes"]["else"]), version)
    return Method(
        name,
        known=rows is not None,
        needs=by_release(rows, version) if rows is not None else None,
        dtypes=None if dtypes is None else tuple(dtypes),
    )


@functools.lru_cache(maxsize=4096)
def served_as(name: str, version: Version, capability: int) -> str:
    """Return the method that serves a checkpoint quantized with this one, where nobody names a method."""
    table = facts()["methods"]
    faster = table["becomes"].get(name)
    if faster is not None:
        needs = method(faster["method"], version).needs
        if needs is not None and capability >= needs:
            return str(faster["method"])
    renamed = table["renamed"].get(name)
    if renamed is not None and within(version, f">={renamed['since']}"):
        return str(renamed["method"])
    return name


@functools.cache
def _classes() -> tuple[Mapping[str, tuple[str, ...]], tuple[tuple[str, frozenset[str]], ...], Source]:
    table = data.table(Path(__file__).with_name("registry.toml"))
    found = {name: tuple(row["releases"]) for row in table["classes"] for name in row["names"]}
    v0_only = tuple((row["releases"], frozenset(row["names"])) for row in table["v0_only"])
    return MappingProxyType(found), v0_only, data.source(table["source"], table["confidence"])


def registry_source() -> Source:
    """Return where the model classes of releases come from."""
    return _classes()[2]


def class_releases(name: str) -> tuple[str, ...]:
    """Return the ranges of releases that have a model class; empty: none."""
    return _classes()[0].get(name, ())


@functools.lru_cache(maxsize=4096)
def has_class(name: str, version: Version) -> bool:
    """Return whether a release has a model class."""
    return any(within(version, releases) for releases in class_releases(name))


@functools.lru_cache(maxsize=4096)
def is_v0_only(name: str, version: Version) -> bool:
    """Return whether the V1 engine of a release does not run a model class."""
    return any(name in names for releases, names in _classes()[1] if within(version, releases))
