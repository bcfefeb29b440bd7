"""Release numbers compare as numbers, and ranges hold what they say."""

from __future__ import annotations

import pytest

from voltaic.engines.versions import parse_version, within


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.0.1", (3, 0, 1)),
        ("1.10.0", (1, 10, 0)),
        ("v3.0.1", None),
        ("3.0", None),
        ("3.0.1.2", None),
        ("3.0.x", None),
        ("latest", None),
        ("", None),
        ("3.0.\u0661", None),
        ("3.0.1\n", None),
        (None, None),
    ],
)
def test_versions_are_three_numbers(text: str | None, version: tuple[int, int, int] | None) -> None:
    """Anything but three decimal numbers is not a release."""
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("version", "text", "holds"),
    [
        ((1, 10, 0), ">1.9.0", True),
        ((1, 9, 0), ">=1.10.0", False),
        ((2, 3, 0), ">=2.1.0,<=2.3.0", True),
        ((2, 3, 1), ">=2.1.0,<=2.3.0", False),
        ((2, 3, 1), "<2.3.1", False),
        ((1, 2, 0), "==1.2.0", True),
        ((1, 2, 1), "==1.2.0", False),
        ((9, 9, 9), "*", True),
    ],
)
def test_ranges_hold_by_number(version: tuple[int, int, int], text: str, *, holds: bool) -> None:
    """All comparators of a range must hold, each by number and not by letter."""
    assert within(version, text) is holds


@pytest.mark.parametrize("text", ["", "3.0.1", ">=3.0", "=>3.0.0", ">=3.0.0,", "~=3.0.0", "latest"])
def test_what_is_not_a_range_is_said(text: str) -> None:
    """A range that cannot be read is an error in the facts, never an empty range."""
    with pytest.raises(ValueError, match="not a version range"):
        within((3, 0, 1), text)
