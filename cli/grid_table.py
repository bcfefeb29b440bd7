"""A grid as people read it: one table for each model, release and profile, in words that need no colour."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cli.grid_documents import counts, reason
from cli.render import STYLES, indented, paragraph, unpadded
from voltaic.units import GIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from voltaic.grid import Axes, Cell

WORDS = {"accept": "accept", "refuse": "REFUSE", "unknown": "unknown?"}
TIGHT = "accept, tight"
SHORTLY_TIGHT = "tight"
_NARROW = 80
"""Characters below which total, moment and reason have no room."""


def show(console: Console, axes: Axes, cells: Sequence[Cell]) -> None:
    """Print a grid: how many of each verdict, then a table a server, with the reasons below it."""
    found = counts(cells)
    tight = f" ({found['tight']} of them tight)" if found["tight"] else ""
    sizes = (len(axes.models), "model"), (len(axes.releases), "release"), (len(axes.profiles), "profile")
    limits = (len(axes.contexts), "context"), (len(axes.batch_sizes), "batch size")
    product = " x ".join(f"{number} {name}{'' if number == 1 else 's'}" for number, name in (*sizes, *limits))
    paragraph(console, Text(f"{product} = {len(cells):,} cell{'' if len(cells) == 1 else 's'}"))
    paragraph(console, Text(f"{found['accept']} accept{tight}, {found['refuse']} refuse, {found['unknown']} unknown"))
    for _, group in groupby(cells, key=lambda cell: (id(cell.model), cell.release, cell.profile)):
        _server(console, list(group))
    console.print()
    note = "Sizes in GiB, on the fullest GPU at its worst moment. One cell in full: voltaic plan, or --json."
    paragraph(console, Text(note))


def _server(console: Console, cells: Sequence[Cell]) -> None:
    first = cells[0]
    console.print()
    title = f"{first.model.id or 'model'} on {first.profile.count} x {first.profile.gpu.name} with {first.release}"
    paragraph(console, Text(title, style="bold"))
    if first.worst is None and len({(cell.verdict, cell.worst, reason(cell)) for cell in cells}) == 1:
        everywhere = f" at all {len(cells)} limits" if len(cells) > 1 else ""
        rule, message = reason(first) or ("", "")
        indented(console, Text.assemble((WORDS[first.verdict], STYLES[first.verdict]), f"{everywhere}  {rule}"))
        indented(console, Text(message))
        return
    reasons: dict[str, int] = {}
    unpadded(console, _table(console.width, cells, reasons))
    for message, number in reasons.items():
        indented(console, Text(f"[{number}] {message}"))


def _table(width: int, cells: Sequence[Cell], reasons: dict[str, int]) -> Table:
    """Return the rows of one server; a narrow terminal gets fewer columns and shorter words, never cut numbers."""
    narrow = width < _NARROW
    table = Table(box=None, show_header=True, header_style="", pad_edge=False, padding=(0, 1))
    table.add_column("  context", justify="right", no_wrap=True)
    table.add_column("batch", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    if not narrow:
        table.add_column("total", justify="right", no_wrap=True)
    table.add_column("headroom", justify="right", no_wrap=True)
    if not narrow:
        table.add_column("worst at", no_wrap=True)
        table.add_column("reason", overflow="fold")
    for cell in cells:
        context, size = cell.limits
        rule, number = _told(cell, reasons)
        word = (SHORTLY_TIGHT if narrow else TIGHT) if cell.tight else WORDS[cell.verdict]
        worst, moment = cell.worst, "" if cell.bill is None else cell.bill.peak_moment
        row = [_number(context), _number(size)]
        row.append(f"{word} {number}".rstrip() if narrow else word)
        row += [] if narrow else ["" if worst is None else f"{worst.total / GIB:.2f}"]
        row.append("" if worst is None else f"{worst.headroom / GIB:+.2f}")
        row += [] if narrow else [moment, f"{rule} {number}".rstrip()]
        styles = ["", "", STYLES[cell.verdict]] + [""] * (len(row) - 3)
        table.add_row(*(Text(text, style=style) for text, style in zip(row, styles, strict=True)))
    return table


def _told(cell: Cell, reasons: dict[str, int]) -> tuple[str, str]:
    """Return the rule that speaks against a cell, and the number of its message below the table."""
    found = reason(cell)
    if found is None:
        return "", ""
    rule, message = found
    if cell.worst is not None and cell.worst.headroom < 0 and rule == "vram-budget":
        return rule, ""  # its numbers stand in the row
    return rule, f"[{reasons.setdefault(message, len(reasons) + 1)}]"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
