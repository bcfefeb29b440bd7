"""A change of a stack file as people read it: the verdict, what changes, the bill before and after, what restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from cli import render
from cli.editing import effects, words
from cli.pull_request import bill, sides
from voltaic.hidden import secrets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from cli.editing.edit import Edit
    from voltaic.fixes import Fix


def show(screen: Console, edit: Edit, *, notes: Sequence[str] = (), take: bool = True) -> None:
    """Print a change.

    Args:
        screen: where to.
        edit: what to print.
        notes: what else is to be said.
        take: whether the command has an option that takes a way out by its number.
    """
    verdict = edit.verdict
    render.paragraph(screen, render.headline(verdict.verdict, edit.after.subject))
    _changes(screen, edit)
    _bill(screen, edit)
    render.rests_on(screen, verdict)
    secrets = secrets_of(verdict.spec.command.args, verdict.spec.command.env)
    render.findings(screen, [words.finding(found) for found in verdict.findings], secrets)
    _ways(screen, edit, take=take)
    render.elsewhere(screen, verdict.ways.elsewhere if verdict.verdict == "refuse" else ())
    told = [*notes, *(effects.lines(edit) if verdict.verdict != "refuse" else ())]
    if told:
        screen.print()
    for line in told:
        render.paragraph(screen, Text(line))


def _changes(screen: Console, edit: Edit) -> None:
    render.paragraph(screen, Text(f"{edit.path.name}{'  (new)' if edit.old is None else ''}", style="bold"))
    if not edit.changes:
        render.indented(screen, Text("nothing changes"))
    for change in edit.changes:
        told = str(change) if edit.old is not None else f"{change.key}: {change.after}"
        render.indented(screen, Text(told))
    asked = {change.key for change in edit.changes}
    if edit.before is None or edit.verdict.verdict != "accept":
        return
    follows = sides.settings_changed(edit.before, edit.after, (None, None), edit.project)
    derived = [one for one in follows if one.name not in asked | {"model"}]
    if derived:
        render.paragraph(screen, Text("What follows from it", style="bold"))
        for one in derived:
            render.indented(screen, Text(f"{one.name}: {one.before or bill.NONE} → {one.after or bill.NONE}"))


def _bill(screen: Console, edit: Edit) -> None:
    before = None if edit.before is None else edit.before.bill
    drawn = bill.drawn(before, edit.after.bill)
    if not drawn:
        return
    screen.print()
    render.paragraph(screen, Text("VRAM of the fullest GPU at the worst moment", style="bold"))
    for line in drawn:
        screen.print(Text(line), soft_wrap=True)


def _ways(screen: Console, edit: Edit, *, take: bool) -> None:
    fixes = edit.verdict.fixes
    if not fixes:
        return
    screen.print()
    render.paragraph(screen, Text("Proven ways out: judged by the same rules, and accepted", style="bold"))
    for number, fix in enumerate(fixes, 1):
        render.indented(screen, Text(f"{number}. {fix}"))
        if not edit.afresh:  # else the stack that the command is about is not there yet
            screen.print(Text(f"    {command(edit.asked, fix, edit.stack)}"), soft_wrap=True)
    if take:
        screen.print()
        render.paragraph(screen, Text("To take one: the same command again with --take NUMBER."))


def command(asked: Mapping[str, object], fix: Fix, stack: str) -> str:
    """Return what makes the change as it was asked for, with a way out in it."""
    return words.command({**asked, **fix.settings}, stack)
