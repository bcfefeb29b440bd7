"""What people see while set-up works: one line that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

#: Seconds between two plain lines of a step that takes long.
_PLAIN_INTERVAL = 30.0
#: Seconds between two changes of the moving line.
_MOVING_INTERVAL = 0.2


def clock(seconds: float) -> str:
    """Return a duration as people read it: ``8 s``, ``3 min 05 s``."""
    whole = int(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"  # noqa: PLR2004  a minute


class Step:
    """One piece of work with a title, shown with what it is at and the time that it has taken."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self.title = title
        self._stream = stream if stream is not None else sys.stderr
        self._moving = self._stream.isatty()
        self._start = time.monotonic()
        self._shown = self._start if not self._moving else float("-inf")

    @property
    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._start

    def show(self, doing: str, *, lasting: bool = False) -> None:
        """Say what the step is at. Called as often as there is something new; not each call is shown.

        Args:
            doing: what it does now.
            lasting: nothing else may be said for a long time, so the moving line must not miss it.
        """
        now = time.monotonic()
        if now - self._shown < (_MOVING_INTERVAL if self._moving else _PLAIN_INTERVAL) and not (
            lasting and self._moving
        ):
            return
        self._shown = now
        text = f"{self.title}: {doing}, {clock(self.elapsed)}"
        if self._moving:
            width = shutil.get_terminal_size().columns - 1
            self._write(f"\r\x1b[K{text[:width]}")
        else:
            self._write(f"{text}\n")

    def end(self, outcome: str) -> None:
        """Leave one line that says how the step ended."""
        line = f"{self.title}: {outcome}, {clock(self.elapsed)}\n"
        self._write(f"\r\x1b[K{line}" if self._moving else line)

    def abandon(self) -> None:
        """Take the moving line away: somebody else will say what happened."""
        if self._moving:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def note(text: str) -> None:
    """Print a line for people."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
