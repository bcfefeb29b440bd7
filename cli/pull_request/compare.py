"""Two previews of the same program compared: what one stack file changes against another where nothing is deployed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic import facts_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.pull_request.model import Operation, Step

AUTONAMED = "pulumi.com/autonamed"
"""Annotation of an object whose name ends in random characters (pulumi-kubernetes v4.25.0 provider/pkg/metadata)."""
MOST_PATHS = 200
"""Differences of one object that are listed."""


@cache
def facts() -> dict[str, Any]:
    """Return kubernetes.toml."""
    return facts_files.table(Path(__file__).with_name("kubernetes.toml"))


def steps(before: Sequence[Step], after: Sequence[Step]) -> tuple[Step, ...]:
    """Return what leads from what one preview makes to what the other makes, both from nothing."""
    old = {step.urn: step for step in before}
    new = {step.urn: step for step in after}
    found = [_step(old.get(urn), step) for urn, step in new.items()]
    return (
        *found,
        *(replace(step, op="delete", old=step.new, new=None) for urn, step in old.items() if urn not in new),
    )


def _step(old: Step | None, new: Step) -> Step:
    if old is None:
        return new
    paths = tuple(_compared(old.new or {}, new.new or {}))
    return replace(new, op=_operation(new, paths), old=old.new, paths=paths)


def _compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    random = _is_autonamed(old) and _is_autonamed(new)
    left_out = (*facts()["not_compared"]["paths"], *(("metadata.name",) if random else ()))
    for path in differences(old, new):
        if path not in left_out:
            yield path


def _is_autonamed(inputs: Mapping[str, Any]) -> bool:
    metadata = inputs.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and annotations.get(AUTONAMED) == "true"


def _operation(step: Step, paths: Sequence[str]) -> Operation:
    if not paths:
        return "same"
    if not step.is_kubernetes:
        return "update"
    fixed = (*facts()["replaced"]["*"], *facts()["replaced"].get(step.kind, ()))
    return "replace" if any(within(path, field) for path in paths for field in fixed) else "update"


def within(path: str, field: str) -> bool:
    """Return whether a path is this field or lies in it: `spec.selector.matchLabels` in `spec.selector`."""
    return path == field or path.startswith((f"{field}.", f"{field}["))


def differences(old: Any, new: Any) -> tuple[str, ...]:
    """Return the paths of all values that differ: `spec.template.spec.containers[0].args[1]`."""
    return tuple(path for path, _ in zip(_differences(old, new, ""), range(MOST_PATHS), strict=False))


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            inner = f"{path}.{key}" if path else str(key)
            if key in old and key in new:
                yield from _differences(old[key], new[key], inner)
            else:
                yield inner
    elif isinstance(old, list) and isinstance(new, list):
        for number in range(max(len(old), len(new))):
            inner = f"{path}[{number}]"
            if number < min(len(old), len(new)):
                yield from _differences(old[number], new[number], inner)
            else:
                yield inner
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path
