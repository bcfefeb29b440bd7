"""What people see while set-up works."""

from __future__ import annotations

import io

import pytest

from toolchain.setup import console
from toolchain.setup.console import Step, clock


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The console's clock."""
    made = Clock()
    monkeypatch.setattr(console.time, "monotonic", made)
    return made


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (60, "1 min 00 s"), (61, "1 min 01 s"), (3725, "62 min 05 s")]
)
def test_clock(seconds: float, text: str) -> None:
    """Durations are read as people say them."""
    assert clock(seconds) == text


def test_plain_lines(time: Clock) -> None:
    """Where nobody watches, a long step prints a line now and then, and one at its end."""
    stream = io.StringIO()
    step = Step("building", stream)
    for second in range(95):
        time.now = 1000.0 + second
        step.show(f"package {second}", lasting=second == 1)
    step.end("built")
    assert stream.getvalue() == (
        "building: package 30, 30 s\nbuilding: package 60, 1 min 00 s\nbuilding: package 90, 1 min 30 s\n"
        "building: built, 1 min 34 s\n"
    )


def test_moving_line(time: Clock) -> None:
    """On a terminal one line moves; it is cut to the width, and leaves one line behind."""
    stream = Terminal()
    step = Step("building", stream)
    step.show("x" * 500)
    time.now += 0.05
    step.show("too soon")
    step.show("takes long", lasting=True)
    time.now += 61
    step.show("later")
    step.end("built")
    moved = stream.getvalue().split("\r\x1b[K")
    assert len(moved[1]) <= 500
    assert moved[2:] == ["building: takes long, 0 s", "building: later, 1 min 01 s", "building: built, 1 min 01 s\n"]
