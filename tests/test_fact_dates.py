"""Facts age: every data file says when it was last compared with its sources, and every fact where it comes from."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from voltaic import facts_files
from voltaic.findings import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
FILES = sorted([*(ROOT / "voltaic").rglob("*.toml"), *(ROOT / "components").rglob("*.toml")])
NAMES = [str(file.relative_to(ROOT)) for file in FILES]
FIRST = date(2026, 11, 1)
"""No fact was read before the project began."""


def tables(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every table within a value."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from tables(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from tables(inner)


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_every_data_file_says_when_it_was_compared_with_its_sources(file: Path) -> None:
    """The file has a day, and a row may have a later one of its own."""
    facts = tomllib.loads(file.read_text(encoding="utf-8"))
    days = [date.fromisoformat(table["date"]) for table in tables(facts) if "date" in table]
    assert "date" in facts
    assert min(days) >= FIRST


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_every_source_has_a_confidence(file: Path) -> None:
    """A word for how a fact was read never stands without its source, and is one of the five."""
    found = tables(tomllib.loads(file.read_text(encoding="utf-8")))
    for table in (table for table in found if "confidence" in table):
        assert table["confidence"] in get_args(Confidence), table
        assert str(table.get("source", "")).strip(), table


def test_the_day_is_no_fact(tmp_path: Path) -> None:
    """Those who read a file get its facts without the day."""
    file = tmp_path / "facts.toml"
    file.write_text('date = "2026-11-21"\n[row]\nsize = 1\n', encoding="utf-8")
    assert facts_files.table(file) == {"row": {"size": 1}}
