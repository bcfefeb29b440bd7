"""Paired measurements: in turns, each way first in every other pair."""

from __future__ import annotations

import sys

import pytest

from bench.measure import Pairs, pairs, seconds_of


def test_two_ways_are_measured_in_turns_after_one_warm_round() -> None:
    """Whatever the machine does beside meets both ways alike."""
    order: list[str] = []

    def way(name: str, seconds: float) -> float:
        order.append(name)
        return seconds

    measured = pairs(lambda: way("a", 2.0), lambda: way("b", 1.0), count=3)

    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert measured == Pairs((2.0, 2.0, 2.0), (1.0, 1.0, 1.0))


def test_the_ratio_is_the_median_over_the_pairs() -> None:
    """One pair that was disturbed does not decide."""
    measured = Pairs((2.0, 2.2, 90.0), (1.0, 1.0, 3.0))

    assert (measured.ratio, measured.medians) == (2.2, (2.2, 1.0))


def test_a_run_that_fails_is_no_measurement() -> None:
    """A command that ends with an unexpected exit code stops the benchmark with what it printed."""
    with pytest.raises(RuntimeError, match=r"exit code 7\nno such thing$"):
        seconds_of([sys.executable, "-c", "import sys; sys.stdout.write('no such thing'); sys.exit(7)"])
