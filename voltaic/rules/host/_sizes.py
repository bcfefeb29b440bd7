"""Memory as a container states it, where the number can be meant."""

from __future__ import annotations

from typing import Any, Final

from voltaic import units
from voltaic.manifests import views

LEAST: Final = units.MIB
"""No program runs in less memory: a smaller number lacks its suffix, which `resource-quantity` says."""


def size(value: Any) -> int | None:
    """Return the bytes of a quantity; None where it cannot be read, or lacks its suffix."""
    found = views.size(value)
    return found if found is not None and found >= LEAST else None
