"""Whole workloads that fail: what is told of folders with objects and logs as kubectl prints them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.doctor import examined
from cli.doctoring import files, show

FOLDER = Path(__file__).parent / "evidence"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "expected.toml").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_told_of_a_workload(name: str) -> None:
    """Each failure has its cause, sentences with its numbers, and the change that mends it."""
    expected = EXPECTED[name]
    evidence, faults = files.evidence([str(FOLDER / name)])
    report = examined(evidence)
    ways = [way for found in report.diagnoses for way in found.ways_out]
    assert faults == []
    assert (expected["verdict"], expected["causes"]) == (
        show.verdict(report),
        [found.pattern.id for found in report.diagnoses],
    )
    assert expected.get("before", []) == [found.pattern.id for found in report.before]
    assert expected.get("others", []) == [str(other) for found in report.diagnoses for other in found.others]
    assert expected.get("proven", False) == any(way.proven for way in ways)
    for text in expected.get("says", []):
        assert any(text in detail for found in report.diagnoses for detail in found.details)
    for text in expected.get("typed", []):
        assert any(command.startswith(text) for way in ways for command in way.commands)
    shown = [quote.text for quote in report.evidence]
    assert [text for text in shown if text in expected.get("evidence", [])] == expected.get("evidence", [])


def test_every_folder_has_its_expectation() -> None:
    """No evidence lies about unread."""
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == EXPECTED.keys()


def test_what_nothing_is_known_of_is_shown_once_and_without_moments() -> None:
    """The last lines of an unknown failure are shown without moments, repetitions and frames of tracebacks."""
    evidence, _ = files.evidence([str(FOLDER / "unknown")])
    log = [quote.text for quote in examined(evidence).evidence if "log" in quote.source]
    assert log == ["INFO starting", "INFO step 2 of 3", "ERROR the flux capacitor is not charged"]
