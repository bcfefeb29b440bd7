"""Release numbers of engines, compared numerically, and ranges of them."""

from __future__ import annotations

import functools
import operator
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Version = tuple[int, int, int]

_VERSION = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})")
_COMPARATORS: dict[str, Callable[[Version, Version], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def parse_version(text: str | None) -> Version | None:
    """Return `1.10.0` as `(1, 10, 0)`; None for anything that is not three numbers."""
    match = _VERSION.fullmatch(text) if text is not None else None
    if match is None:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)


@functools.cache
def _comparators(text: str) -> tuple[tuple[Callable[[Version, Version], bool], Version], ...]:
    """Return the comparators of a range; raises ValueError where it is not one."""
    if text == "*":
        return ()
    found = []
    for part in text.split(","):
        sign = next((sign for sign in _COMPARATORS if part.startswith(sign)), None)
        version = parse_version(part[len(sign) :]) if sign else None
        if sign is None or version is None:
            raise ValueError(f"not a version range: {text!r}; write for example '>=2.1.0,<=2.3.0', '==1.2.0' or '*'")
        found.append((_COMPARATORS[sign], version))
    return tuple(found)


@functools.lru_cache(maxsize=8192)
def within(version: Version, text: str) -> bool:
    """Return whether a version lies in a range: comparators joined by commas, all of which must hold, or `*`.

    Raises ValueError where the text is not a range.
    """
    return all(holds(version, bound) for holds, bound in _comparators(text))
