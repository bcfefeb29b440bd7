"""How far a start is: what logs of engines tell, and estimates where they say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from cli.deploying import starting
from voltaic import engines, host
from voltaic.host import Figure, Start

SIZE = 15_000_000_000
START = Start(*(Figure(seconds, "seconds", "") for seconds in (300, 75, 60, 60)))
EXAMPLES = [
    (engine, example)
    for engine, row in starting.table().items()
    if isinstance(row, dict)
    for example in row["examples"]
]


def at(seconds: int, text: str) -> str:
    """Return a line with its moment."""
    return f"2026-11-21T18:{seconds // 60:02d}:{seconds % 60:02d}.123456789Z {text}"


@pytest.mark.parametrize(("engine", "example"), EXAMPLES)
def test_example_lines(engine: str, example: dict[str, Any]) -> None:
    """Each example line tells its stage, and counts where it has them."""
    found = starting.read(engine, [example["line"]])
    assert found is not None
    assert found.stage == example["stage"]
    assert found.files == ((example["done"], example["total"]) if "done" in example else None)
    if "percent" in example:
        assert found.share == pytest.approx(example["percent"] / 100)


def test_every_engine_has_lines_and_a_source() -> None:
    """What is written down are engines that we know, each with a source and with examples."""
    rows = {name: row for name, row in starting.table().items() if isinstance(row, dict)}
    assert set(rows) <= set(engines.names())
    assert all(row["source"] and row["confidence"] and row["examples"] for row in rows.values())
    assert all(line["stage"] in starting.STAGES for row in rows.values() for line in row["lines"])


def test_the_last_line_decides() -> None:
    """A later stage takes the place of an earlier one; the time counts from its first line."""
    lines = [
        at(0, "INFO text_generation_launcher: Starting check and download process for m"),
        at(20, "INFO text_generation_launcher: Download: [1/4] -- ETA: 0:01:00"),
        at(40, "INFO text_generation_launcher: Download: [2/4] -- ETA: 0:00:40"),
        at(41, "something else"),
    ]
    assert starting.read("tgi", lines) == starting.Reading("download", 0.5, (2, 4), 40.0)
    after = [*lines, at(90, "INFO download: text_generation_launcher: Successfully downloaded weights for m")]
    assert starting.read("tgi", after) == starting.Reading("load", None, None, 0.0)


@pytest.mark.parametrize(("engine", "lines"), [("tgi", []), ("tgi", ["nothing known"]), ("other", ["Download: [1/2]"])])
def test_nothing_is_known(engine: str, lines: list[str]) -> None:
    """Where no line is known, nothing is said."""
    assert starting.read(engine, lines) is None


@pytest.mark.parametrize(
    ("reading", "elapsed", "text"),
    [
        (
            starting.Reading("download", 0.5, (2, 4), 40.0),
            45,
            "download of the model 7.5 of 15.0 GB (2 of 4 files), about 4 min left",
        ),
        (
            starting.Reading("load", 0.6, (3, 5), 60.0),
            400,
            "load into the GPU 9.0 of 15.0 GB (3 of 5 files), about 2 min left",
        ),
        (starting.Reading("warm-up", None, None, 10.0), 400, "warm-up, 50 s left; estimated"),
        (starting.Reading("warm-up", None, None, 100.0), 400, "warm-up, longer than estimated; estimated"),
        (None, 150, "download of the model about 7.5 of 15.0 GB, about 6 min left; estimated"),
        (None, 330, "load into the GPU about 3.3 of 15.0 GB, about 3 min left; estimated"),
        (None, 10_000, "warm-up, longer than estimated; estimated"),
    ],
)
def test_in_words(reading: starting.Reading | None, elapsed: float, text: str) -> None:
    """Bytes and time left are measured where the log tells a share, and called estimated elsewhere."""
    assert str(starting.progress(reading, START, SIZE, elapsed)) == text


def test_a_start_that_is_over() -> None:
    """Nothing is left to tell."""
    assert starting.progress(starting.Reading("ready"), START, SIZE, 10) is None


def test_without_an_estimate() -> None:
    """Where neither log nor estimate says anything there is no progress; a share alone promises no time."""
    assert starting.progress(None, None, None, 10) is None
    assert str(starting.progress(starting.Reading("load", 0.5, None, 10.0), None, None, 10)) == "load into the GPU"


def test_steps_of_ten_per_cent() -> None:
    """A line is worth printing where the stage changes, or ten per cent more of it are done."""
    steps = [starting.progress(starting.Reading("download", share), START, SIZE, 1) for share in (0.41, 0.49, 0.5)]
    assert [found.step for found in steps if found] == [("download", 4), ("download", 4), ("download", 5)]


def test_estimates_are_those_of_the_probe() -> None:
    """The stages together take as long as the estimate by which the startup probe is set."""
    found = starting.progress(None, START, SIZE, 0)
    assert found is not None
    assert found.left == START.seconds
    assert set(host.table()) >= {"download", "load"}
