"""Inference engines: capability matrix, command line and memory semantics, one module each."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voltaic.engines.base import Engine

_NAMES = ("tgi",)


def names() -> tuple[str, ...]:
    """Return the names of the engines that have facts here."""
    return _NAMES


@functools.cache
def engine(name: str) -> Engine | None:
    """Return an engine by name; None where nothing is known about it."""
    if name != "tgi":
        return None
    from voltaic.engines.tgi.engine import Tgi  # noqa: PLC0415  loads facts only when an engine is asked

    return Tgi()
