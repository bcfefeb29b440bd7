"""What is known of Open WebUI, by release."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source


@cache
def facts() -> dict[str, Any]:
    """Return open_webui.toml."""
    return data.table(Path(__file__).with_name("open_webui.toml"))


def _row(name: str, release: Version | None) -> dict[str, Any] | None:
    rows = (row for row in facts()["fact"] if row["name"] == name)
    return None if release is None else next((row for row in rows if within(release, row["releases"])), None)


def holds(name: str, release: Version | None) -> bool | None:
    """Return whether a fact holds of a release; None where that, or the release, is not known."""
    row = _row(name, release)
    return None if row is None else bool(row["value"])


def source(name: str, release: Version | None = None) -> Source:
    """Return where a fact comes from: that of a release, or of a table of this name."""
    row = _row(name, release)
    if row is None:
        row = facts()[name]
    return data.source(row["source"], row["confidence"])
