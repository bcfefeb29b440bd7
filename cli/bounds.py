"""What a manifest may be at most, and how it is said that one is more."""

from __future__ import annotations

from typing import Any, Final

DEEPEST: Final = 100
"""Levels of nesting. A Kubernetes object with its CRD schema stays below 60."""
MOST_VALUES: Final = 300_000
"""Values of one file, keys left out, aliases counted as often as they stand for something.

Public renderings have one in 25 to 110 bytes: those of 10 MiB stay below 200,000.
"""
MOST_DOCUMENTS: Final = 10_000
"""Documents of one file; the largest public renderings have some hundred."""
LEFT_OUT: Final = frozenset({"CustomResourceDefinition"})
"""Kinds that are large, and of which nothing but the name is ever asked."""


MOST_TAGS: Final = 100
"""%TAG directives, which no manifest has; libyaml takes quadratic time for them."""
LONGEST_FAULT: Final = 300
"""Characters of what is said of a file: enough to recognise what stands in it."""


class Fault(ValueError):  # noqa: N818  named for what it says
    """What cannot be read, in one line that begins with its number where that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        shown = message if len(message) <= LONGEST_FAULT else f"{message[:LONGEST_FAULT]}…"
        super().__init__(shown if line is None else f"line {line}: {shown}")


def left_out(document: Any) -> Any:
    """Return a document; of a kind of which nothing is asked only what it is."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if isinstance(kind, str) and kind in LEFT_OUT:
        return {key: document[key] for key in ("apiVersion", "kind", "metadata") if key in document}
    return document
