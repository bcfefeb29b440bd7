"""The capability matrices of all engines, asked alike, with names of architectures and releases that answer alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Generic, TypeVar

from voltaic import engines
from voltaic.engines.base import HasMatrix
from voltaic.hardware import gpu_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from voltaic.engines.base import MatrixCell

Key = TypeVar("Key")
_CAPABILITY = re.compile(r"(?:sm_?)?([0-9]{1,2})\.?([0-9])")


@dataclass(frozen=True, slots=True)
class Span(Generic[Key]):
    """Releases in a row that answer alike."""

    first: str
    last: str
    key: Key
    """What they have in common."""

    def __str__(self) -> str:
        """Return `2.0.4 to 3.3.0`, or the one release."""
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


def matrices() -> dict[str, HasMatrix]:
    """Return the engines that have a matrix, by name."""
    found: dict[str, HasMatrix] = {}
    for name in engines.names():
        engine: object = engines.engine(name)
        if isinstance(engine, HasMatrix):
            found[name] = engine
    return found


def releases_of(name: str) -> tuple[str, ...]:
    """Return every release that an engine's facts cover, oldest first."""
    engine = engines.engine(name)
    return engine.releases() if engine is not None else ()


def archs_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the architectures that the matrices of these engines cover, each once."""
    found = matrices()
    return tuple(dict.fromkeys(arch for name in names for arch in found[name].archs()))


def arch_named(text: str) -> str | None:
    """Return the architecture that a GPU model, a compute capability or an architecture names; None: none.

    `v100-16gb`, `v100`, `7.0`, `70`, `sm_70` and `gfx90a` are understood.
    """
    lowered = text.strip().lower()
    for gpu in gpu_models():
        if lowered in {gpu.name, gpu.name.split("-")[0]}:
            return gpu.arch
    if lowered.startswith("gfx"):
        return lowered
    match = _CAPABILITY.fullmatch(lowered)
    return f"sm_{match[1]}{match[2]}" if match else None


def gpus_of(arch: str) -> str:
    """Return the GPU models of an architecture for people, without memory sizes: `A100`; empty: none is known."""
    names = dict.fromkeys(gpu.name.split("-")[0].upper() for gpu in gpu_models() if gpu.arch == arch)
    return ", ".join(names)


def starts(name: str, release: str, arch: str) -> MatrixCell:
    """Return what a release says about starting on an architecture: the first cell of its matrix."""
    return next(iter(matrices()[name].matrix(release, arch)))


def spans(releases: Sequence[str], key: Callable[[str], Key]) -> list[Span[Key]]:
    """Return releases in a row whose key is the same, oldest first."""
    found: list[Span[Key]] = []
    for common, group in groupby(((key(release), release) for release in releases), key=lambda pair: pair[0]):
        alike = [release for _, release in group]
        found.append(Span(alike[0], alike[-1], common))
    return found


def families_of(name: str) -> tuple[str, ...]:
    """Return the model families that an engine's matrix answers for, in its order."""
    matrix, found = matrices()[name], dict[str, None]()
    for release in releases_of(name):
        for arch in matrix.archs():
            if starts(name, release, arch).answer == "ok":
                found |= {cell.subject: None for cell in matrix.matrix(release, arch) if cell.topic == "model"}
                break
    return tuple(found)
