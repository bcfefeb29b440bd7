"""Sizes as people read them."""

from __future__ import annotations

GIB = 2**30
"""Bytes of one GiB."""


def gib(size: int) -> str:
    """Return a size in bytes as `13.50 GiB`."""
    return f"{size / GIB:.2f} GiB"
