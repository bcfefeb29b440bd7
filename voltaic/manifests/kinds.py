"""The kinds of objects that hold pods, from kinds.toml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data
from voltaic.manifests.plain import at, items

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Seat:
    """Where an object keeps one of its pods."""

    steps: tuple[str, ...]
    """Keys from the object on; `[]` stands for each element of a list, `*` for each value of a mapping."""
    inline: bool = False
    """Whether a pod's specification stands there, without the metadata of a template."""
    part: str | None = None
    """Which of several pods it is: `leader`."""
    replicas: tuple[str, ...] = ("spec", "replicas")
    """Where the number of pods stands: a field of the object, or beside the template where it is a single key."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object that holds pods."""

    name: str
    groups: tuple[str, ...]
    seats: tuple[Seat, ...]
    size: tuple[str, ...] = ()
    """Field with the number of pods that serve together; empty: each pod serves alone."""
    injected: tuple[str, ...] = ()
    """Variables that its controller sets in every container."""
    partial: str | None = None
    """Why what is not written says nothing; None: the pod is as it is written."""
    first: str | None = None
    """What its controller starts in the first container of each pod, whatever the image is."""
    listed: str | None = None
    """What is said of an object of which no pod can be read."""
    template: bool = False
    """Whether nothing runs of such an object alone."""


def _steps(written: str) -> tuple[str, ...]:
    return tuple(written.replace("[]", ".[]").split(".")) if written else ()


def _seat(row: dict[str, Any]) -> Seat:
    replicas = _steps(row.get("replicas", "spec.replicas"))
    return Seat(_steps(row["at"]), row.get("inline", False), row.get("part"), replicas)


def _kind(row: dict[str, Any]) -> Kind:
    return Kind(
        name=row["name"],
        groups=tuple(row["group"]),
        seats=tuple(_seat(seat) for seat in row["pod"]),
        size=_steps(row.get("size", "")),
        injected=tuple(row.get("injected", ())),
        partial=row.get("partial"),
        first=row.get("first"),
        listed=row.get("listed"),
        template=row.get("template", False),
    )


@cache
def kinds() -> tuple[Kind, ...]:
    """Return all kinds that hold pods."""
    return tuple(_kind(row) for row in data.table(Path(__file__).with_name("kinds.toml"))["kind"])


@cache
def _by_name() -> dict[str, tuple[Kind, ...]]:
    return {kind.name: tuple(other for other in kinds() if other.name == kind.name) for kind in kinds()}


OWN_GROUPS = frozenset({"", "apps", "batch", "extensions"})
"""API groups of Kubernetes itself, whose objects are read without their apiVersion too."""


def kind_of(name: str, api_version: str | None) -> Kind | None:
    """Return the kind of this name and API version (`apps/v1`); None where it holds no pods, or is not known.

    A kind of Kubernetes itself is known in each of its groups, since kinds moved between them, and also where an object
    does not say its version, which no cluster takes.
    """
    found = _by_name().get(name)
    if found is None:
        return None
    group = "" if api_version is None else api_version.rpartition("/")[0]
    if group in OWN_GROUPS:
        return next((kind for kind in found if not OWN_GROUPS.isdisjoint(kind.groups)), None)
    return next((kind for kind in found if group in kind.groups), None)


def seated(content: Any, steps: tuple[str, ...], path: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Yield what stands at these steps, with what holds it and the field's path."""
    if not steps:
        yield content, None, path
        return
    first, rest = steps[0], steps[1:]
    if first == "[]":
        every = [(entry, f"{path}[{index}]") for index, entry in enumerate(items(content))]
    elif first == "*":
        named = content.items() if isinstance(content, dict) else ()
        every = [(entry, f"{path}.{key}") for key, entry in named if isinstance(key, str)]
    else:
        every = [(at(content, first), f"{path}.{first}" if path else first)]
    for entry, where in every:
        if rest:
            yield from seated(entry, rest, where)
        elif entry is not None:
            yield entry, content, where
