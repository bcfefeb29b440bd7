"""A run, and the difference of two, as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from cli import render
from cli.load.compare import MEASURES
from cli.load.measured import PERCENTILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from cli.load.compare import Difference

ROWS = (
    ("first", "time to first token, s"),
    ("between", "between tokens, s"),
    ("whole", "whole answer, s"),
    ("each", "tokens/s of one answer"),
    ("answer_tokens", "tokens of an answer"),
    ("prompt_tokens", "tokens of a prompt"),
)
MOST_ERRORS = 5
STYLES = {"better": "green", "worse": "bold red"}


def run(console: Console, document: Mapping[str, Any]) -> None:
    """Print a run."""
    load, summary = document["load"], document["summary"]
    asked = f"{load['concurrency']} at once" if load["loop"] == "closed" else f"{load['rate']:g} a second"
    paragraph(console, f"{load['model']}: {asked}, prompts of {load['prompt_tokens']} and answers of up to "
              f"{load['answer_tokens']} tokens.")  # fmt: skip
    paragraph(console, f"Lengths of prompts: {document['prompts']['length']}.")
    console.print()
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("")
    for name in (*(f"p{rank}" for rank in PERCENTILES), "max"):
        table.add_column(name, justify="right")
    for name, title in ROWS:
        found = summary.get(name)
        if found:
            table.add_row(title, *(number(found[key]) for key in (*(f"p{rank}" for rank in PERCENTILES), "max")))
    render.unpadded(console, table)
    console.print()
    paragraph(
        console,
        f"{summary['tokens_per_second']:.1f} tokens/s and {summary['requests_per_second']:.2f} requests/s over "
        f"{summary['seconds']:.1f} s; {summary['requests']} requests, {summary['failed']} failed.",
    )
    for said, count in list(summary["errors"].items())[:MOST_ERRORS]:
        render.indented(console, Text(f"{count} x {said}", style="red"))
    if document["stopped"]:
        paragraph(console, "Stopped before its end: what was answered until then counts.")


def comparison(console: Console, found: Sequence[Difference], unlike: Sequence[str]) -> None:
    """Print how two runs differ."""
    for what in unlike:
        paragraph(console, f"The loads differ: {what}. What follows says little about the server.", "yellow")
    table = Table(box=None, pad_edge=False, header_style="")
    table.add_column("median")
    for name in ("before", "after", "change", "95 % interval"):
        table.add_column(name, justify="right")
    table.add_column("")
    for each in found:
        title, unit, _ = MEASURES[each.name]
        interval = "" if each.low is None or each.high is None else f"{change(each.low)} to {change(each.high)}"
        style = STYLES.get(each.says, "")
        name = f"{title}, {unit}" if unit else title
        table.add_row(name, number(each.before), number(each.after), change(each.ratio), interval,
                      Text(each.says, style=style))  # fmt: skip
    render.unpadded(console, table)


def number(value: float) -> str:
    """Return a number with three figures that count."""
    if value >= 100:  # noqa: PLR2004  three figures
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}"  # noqa: PLR2004  the same


def change(ratio: float) -> str:
    """Return a ratio as a change in percent."""
    return f"{(ratio - 1) * 100:+.1f} %"


def paragraph(console: Console, text: str, style: str = "") -> None:
    """Print a paragraph."""
    render.paragraph(console, Text(text, style=style))
