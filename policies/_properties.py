"""Resource properties as Pulumi hands them over, read back as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_policy.proxy import UnknownValueError

NOT_KNOWN = "${not known before the update}"
"""Stands in for a value that a preview does not know. The core reads `${…}` as unreadable, never as a value."""


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of one resource."""

    values: dict[str, Any]
    """Plain dicts, lists, strings, numbers and booleans; `NOT_KNOWN` where the value is not known yet."""
    unknown: tuple[str, ...]
    """Paths of the values that are not known yet: `spec.template.spec.containers[0].args[1]`."""


def read(properties: Mapping[str, Any]) -> Properties:
    """Return the properties of a resource as plain values, with the paths of those that are not known."""
    unknown: list[str] = []
    values = _mapping(properties, "", unknown)
    return Properties(values, tuple(unknown))


def _mapping(wrapped: Mapping[str, Any], path: str, unknown: list[str]) -> dict[str, Any]:
    return {key: _item(wrapped, key, f"{path}.{key}" if path else str(key), unknown) for key in wrapped}


def _item(wrapped: Any, key: Any, path: str, unknown: list[str]) -> Any:
    try:
        value = wrapped[key]
    except UnknownValueError:
        unknown.append(path)
        return NOT_KNOWN
    return _plain(value, path, unknown)


def _plain(value: Any, path: str, unknown: list[str]) -> Any:
    if isinstance(value, bool | str | int | None):
        return value
    if isinstance(value, float):
        # Every number arrives as a float: `2.0` is the 2 that somebody wrote.
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return _mapping(value, path, unknown)
    if isinstance(value, Sequence):
        return [_item(value, index, f"{path}[{index}]", unknown) for index in range(len(value))]
    unknown.append(path)  # an asset or an archive: its content is not ours to read
    return NOT_KNOWN
