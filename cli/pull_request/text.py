"""The report for a terminal: the same facts as the comment, short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.pull_request import bill, words
from cli.pull_request.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from cli.pull_request.model import Change, Report

STYLES = {"accept": "bold green", "refuse": "bold red", "unknown": "bold yellow", "failed": "bold red", "gone": "bold"}
MOST_LINES = 40
LONGEST = 600


def show(change: Change) -> None:
    """Print what was found out about all stacks; what is wrong with the input goes to stderr."""
    import sys

    from rich.text import Text

    from cli import render
    from cli.output import console, fault_text

    if change.faults:
        print(fault_text("voltaic preview", change.faults), file=sys.stderr)
        return
    screen = console()
    for number, report in enumerate(change.reports):
        if number:
            screen.print()
        subject = report.after.subject if report.after is not None else ""
        head = f"{report.stack}" + (f": {plain(subject)}" if subject else "")
        word = words.OUTCOMES[report.outcome].upper()
        render.paragraph(screen, Text.assemble((word, STYLES[report.outcome]), "  ", head))
        _bill(screen, report)
        for title, lines in _lists(report):
            if lines:
                screen.print()
                render.paragraph(screen, Text(title, style="bold"))
                for line in lines[:MOST_LINES]:
                    render.indented(screen, Text(plain(line, LONGEST)))
                if len(lines) > MOST_LINES:
                    render.indented(screen, Text(f"and {len(lines) - MOST_LINES:,} more"))
        _ways(screen, report)


def _bill(screen: Console, report: Report) -> None:
    from rich.text import Text

    if report.outcome in {"failed", "gone"}:
        return
    before, after = (None if side is None else side.bill for side in (report.before, report.after))
    drawn = bill.drawn(before, after)
    if drawn:
        screen.print()
        for line in drawn:
            screen.print(Text(line), soft_wrap=True)


def _lists(report: Report) -> Iterator[tuple[str, list[str]]]:
    yield "Why it was not previewed", [*report.faults, *(report.after.faults if report.after else ())]
    yield (
        "What changes",
        [f"{one.name}: {one.before or bill.NONE} → {one.after or bill.NONE}" for one in report.settings],
    )
    found = []
    for said in report.findings:
        found.append(f"{said.rule}  {said.level}, {said.outcome}{f', {said.about}' if said.about else ''}")
        fix = said.fix if said.fix.startswith("What would settle it") else f"Way out: {said.fix}"
        found += [f"  {text}" for text in (said.message, said.why and f"Why: {said.why}", said.fix and fix) if text]
    yield "Findings", found
    untouched = words.untouched(report)
    if untouched and report.outcome != "failed":
        yield "What restarts", [untouched[0].upper() + untouched[1:]]
    elif report.outcome in {"accept", "unknown"}:
        lost = [f"{volume.kind} {volume.name} {words.volume(volume)}" for volume in report.volumes]
        pods = [f"{one.kind} {one.name} {words.pods(one)}" for one in report.pods] or ["No pod: what runs goes on."]
        title = "What a first deployment starts" if report.against == "nothing" else "What restarts"
        yield title, [*pods, *words.absence(report)]
        yield "What becomes of data", lost
    yield "Notes", list(report.notes)
    yield "Messages of the run", [f"{one.severity}: {one.text}" for one in report.messages]


def _ways(screen: Console, report: Report) -> None:
    from rich.text import Text

    from cli import render

    if not report.ways:
        return
    screen.print()
    render.paragraph(screen, Text("Proven ways out: judged by the same rules, and accepted", style="bold"))
    for way in report.ways:
        render.indented(screen, Text(plain(way.text, LONGEST)))
        for command in way.commands:
            screen.print(Text(f"    {plain(command, LONGEST)}"), soft_wrap=True)
