"""Where something stands: a file, a document of it, and a field of the document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader looks."""

    file: str
    document: int
    """Position of the document in its file, from 1."""
    path: str
    """Field of the document: `spec.template.spec.containers[0].args[3]`; empty: the document itself."""
