"""Tags of images that are given to another image with a later build."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data

if TYPE_CHECKING:
    from voltaic.findings import Source
    from voltaic.images import Image


@cache
def _facts() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("moving_tags.toml"))


@cache
def _everywhere() -> re.Pattern[str]:
    facts = _facts()["everywhere"]
    return re.compile(f"(?:{'|'.join(facts['tags'])})(?:[-_](?:{'|'.join(facts['flavours'])}))*", re.IGNORECASE)


def moving(image: Image) -> bool:
    """Return whether an image without a digest may be another one tomorrow: no tag, or one that moves."""
    if image.digest is not None:
        return False
    if image.tag is None or _everywhere().fullmatch(image.tag):
        return True
    return _row(image) is not None


def source(image: Image) -> Source | None:
    """Return what says that this repository moves the tag; None where every repository does."""
    row = _row(image)
    return None if row is None else data.source(row["source"], row["confidence"])


def _row(image: Image) -> dict[str, Any] | None:
    for row in _facts()["repository"]:
        name = image.name if "/" in row["name"] else image.repository
        if re.fullmatch(row["name"], name) and re.fullmatch(row["tags"], image.tag or ""):
            found: dict[str, Any] = row
            return found
    return None
