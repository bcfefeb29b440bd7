"""Facts as data: TOML files beside the code, read once and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from voltaic import facts_files
from voltaic.findings import Confidence, Source

if TYPE_CHECKING:
    from pathlib import Path

_CONFIDENCES = get_args(Confidence)


class BadFactsError(Exception):
    """A data file of this package contradicts its own rules. Never caused by what a user wrote."""


def table(path: Path) -> dict[str, Any]:
    """Return a TOML file as a dictionary."""
    return facts_files.table(path)


def source(text: str, confidence: str) -> Source:
    """Return a source; raises BadFactsError where the confidence is not one or the citation is empty."""
    if not text.strip():
        raise BadFactsError("a fact without a source")
    for known in _CONFIDENCES:
        if known == confidence:
            return Source(text, known)
    raise BadFactsError(f"confidence {confidence!r} of {text!r}: write one of {', '.join(_CONFIDENCES)}")


def only(row: dict[str, Any], allowed: frozenset[str], where: str) -> None:
    """Raise BadFactsError for keys that nobody reads, so that a typing error cannot hide a fact."""
    unknown = sorted(set(row) - allowed)
    if unknown:
        raise BadFactsError(f"{where}: unknown keys {', '.join(unknown)}; write one of {', '.join(sorted(allowed))}")
