"""Profiles: a GPU model times a count in one node."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from voltaic.hardware.data import gpu_models, gpu_slices, table
from voltaic.hardware.gpu import GpuModel, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_GPUS = 16
"""GPUs in the largest single node that is sold (DGX-2)."""
_SPELLINGS = (
    re.compile(r"(?P<gpu>[a-z0-9.-]+?)-(?P<count>[0-9]{1,3})gpus?", re.ASCII),
    re.compile(r"(?P<gpu>[a-z0-9.-]+?)\s*[x*]\s*(?P<count>[0-9]{1,3})", re.ASCII),
    re.compile(r"(?P<count>[0-9]{1,3})\s*[x*]\s*(?P<gpu>[a-z0-9.-]+)", re.ASCII),
)


class UnknownProfile(LookupError):  # noqa: N818  (named for what it says, as its siblings are)
    """A profile name that cannot be read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.suggestions = _suggestions(name.strip().lower())
        short = tuple(_short_names().values())
        hint = f"; did you mean {' or '.join(map(repr, self.suggestions))}?" if self.suggestions else "."
        super().__init__(
            f"unknown profile {name!r}{hint} A profile is a GPU model and its count in one node, written 'v100-2gpu' "
            f"or 'v100-16gb x2': models {', '.join(short)}; 1 to {MOST_GPUS} GPUs.",
        )


def _suggestions(wanted: str) -> tuple[str, ...]:
    head, _, tail = wanted.rpartition("-")
    sizes = tuple(f"{short}-{tail}" for short in _short_names().values() if head and short.startswith(f"{head}-"))
    usual = {entry.name for entry in profiles()}
    completed = tuple(name for name in sizes if name in usual)
    return completed or tuple(get_close_matches(wanted, sorted(usual), n=1))


@cache
def _short_names() -> Mapping[str, str]:
    return MappingProxyType({row["name"]: row["short"] for row in table()["gpu"]})


@cache
def _gpu_by_any_name() -> Mapping[str, GpuModel]:
    short = _short_names()
    whole = {name: gpu for gpu in gpu_models() for name in (gpu.name, short[gpu.name])}
    return MappingProxyType(whole | {gpu.name: gpu for gpu in gpu_slices()})


def profile_of(gpu: GpuModel, count: int) -> Profile:
    """Return the profile of this GPU model and count, under its stack name."""
    return Profile(f"{_short_names().get(gpu.name, gpu.name)}-{count}gpu", gpu, count)


@cache
def profiles() -> tuple[Profile, ...]:
    """Return the profiles of machines that are sold, in the order of the data file."""
    counts = {row["name"]: row["counts"] for row in table()["gpu"]}
    return tuple(profile_of(gpu, count) for gpu in gpu_models() for count in counts[gpu.name])


@lru_cache(maxsize=1024)
def profile(name: str) -> Profile:
    """Return the profile of this name: `v100-2gpu`, `v100-32gb-1gpu`, `v100-16gb x2`.

    Raises:
        UnknownProfile: not a GPU model of ours, or not 1 to 16 GPUs; the message has the nearest name and all names.
    """
    wanted = name.strip().lower()
    for spelling in _SPELLINGS:
        match = spelling.fullmatch(wanted)
        if match is None:
            continue
        gpu = _gpu_by_any_name().get(match["gpu"])
        count = int(match["count"])
        if gpu is not None and 1 <= count <= MOST_GPUS:
            return profile_of(gpu, count)
    raise UnknownProfile(name)
