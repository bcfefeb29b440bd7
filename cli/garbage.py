"""How often Python looks for cycles: seldom, where a command makes many objects and next to no cycles."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000
"""Objects that are made and kept before the collector looks for cycles: a few MiB."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Search for cycles seldom: a verdict makes thousands of small objects and next to no cycles."""
    often = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *often[1:])
    try:
        yield
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()
