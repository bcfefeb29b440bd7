"""How far `voltaic check` is, for people who wait at a terminal; nothing anywhere else."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FEWEST: Final = 40
"""Steps from which it is worth showing: two a file."""


@contextmanager
def progress() -> Iterator[Callable[[int, int], None]]:
    """Give what shows that so many of so many steps are done; on stderr, and gone at the end."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb" or os.environ.get("CI"):
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    bar = Progress(
        TextColumn("Checking"), BarColumn(), TaskProgressColumn(), console=Console(stderr=True), transient=True
    )
    task = bar.add_task("Checking", total=None)

    def advance(done: int, steps: int) -> None:
        if steps >= FEWEST:
            bar.start()
            bar.update(task, completed=done, total=steps)

    try:
        yield advance
    finally:
        bar.stop()
