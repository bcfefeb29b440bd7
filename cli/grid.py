"""`voltaic plan --grid`: the verdict on every combination, as a table, as CSV and as JSON."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli import files, grid_documents
from cli.output import ACCEPT, REFUSE, UNKNOWN, fail, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cli.grid_options import GridOptions
    from voltaic.grid import Axes, Cell, Told

STDOUT = "-"
LONG = 100
"""Cells from which on progress is shown: below it is over before it can be read."""


def run(options: GridOptions, *, csv: str | None, as_json: bool) -> int:
    """Judge a grid, print it or write it, and return the exit code: 0 something is accepted, 1 nothing, 3 unknown.

    Files are written at the end, each as a whole: an interrupted run leaves nothing behind.
    """
    from cli.plan_options import InvalidOptions

    try:
        axes, told = options.grid()
        if csv is not None and csv != STDOUT:
            files.writable(csv)
    except InvalidOptions as invalid:
        fail("plan", invalid.faults, as_json=as_json, usage=invalid.usage)
    except files.Unwritable as fault:
        fail("plan", [f"--csv {fault}"], as_json=as_json)
    cells = _judged(axes, told)
    if csv == STDOUT:
        sys.stdout.write(grid_documents.table(cells))
        sys.stdout.flush()
    elif as_json:
        print_json(grid_documents.document(axes, cells))
    else:
        from cli import grid_table
        from cli.output import console

        grid_table.show(console(), axes, cells)
    if csv is not None and csv != STDOUT:
        try:
            files.write(csv, grid_documents.table(cells).encode())
        except files.Unwritable as fault:
            fail("plan", [f"--csv {fault}"])
    return exit_code(cells)


def exit_code(cells: Sequence[Cell]) -> int:
    """Return 0 where any cell is accepted, else 1 where any is refused, else 3: the answer to "is there a way?"."""
    verdicts = {cell.verdict for cell in cells}
    return ACCEPT if "accept" in verdicts else REFUSE if "refuse" in verdicts else UNKNOWN


def _judged(axes: Axes, told: Told) -> list[Cell]:
    from voltaic import grid

    found = []
    with _progress(len(axes)) as advance:
        for cell in grid.cells(axes, told):
            found.append(cell)
            advance(len(found))
    return found


@contextmanager
def _progress(cells: int) -> Iterator[Callable[[int], None]]:
    """Show progress on a terminal, on stderr, where it takes long enough to be read."""
    if cells < LONG or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("judging", total=cells)
        yield lambda done: shown.update(task, completed=done)
