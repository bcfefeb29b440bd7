"""What `voltaic check` found as people read it: the worst first, advice behind it, one line of numbers at the end."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.text import Text

from cli import render, stack_files
from cli.check_counts import OUTCOMES, Counts, counted, outcome, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from cli.check_counts import Outcome
    from cli.check_run import Judged, Run, Told
    from voltaic.verdict import Verdict

MOST_WHOLE: Final = 3
"""Servers up to which the bill of an accepted one is shown too, and why something is unknown."""
MOST_OF_A_RULE: Final = 5
"""Findings of one rule that are advised before the rest is counted."""
MOST_WAIVED: Final = 20
MOST_NOT_JUDGED: Final = 20
STYLES: Final[dict[Outcome, str]] = {**render.STYLES, "waived": "bold yellow"}  # type: ignore[dict-item]


def show(screen: Console, run: Run, *, quiet: bool = False, strict: bool = False) -> None:
    """Print what was found.

    Args:
        screen: where to.
        run: what was found.
        quiet: whether to print no more than what decides the exit code, and the numbers.
        strict: whether advisory findings decide it too.
    """
    counts = Counts.of(run)
    asked = sorted((one for one in run.judged if one.checked.asked), key=_rank)
    render.paragraph(screen, _headline(run, counts, asked))
    whole = sum(counts.servers.values()) <= MOST_WHOLE
    for judged in asked:
        decides = outcome(judged) in {"refuse", "unknown"}
        if decides or (judged.checked.verdict is not None and not quiet):
            with screen:  # written at once, not line by line
                _workload(screen, judged, whole=whole)
    told = [one for judged in run.judged for one in judged.told]
    if strict or not quiet:
        _advice(screen, [one for one in told if one.rank in {2, 3}])
    if not quiet:
        _waived(screen, [one for one in told if one.said.waived is not None])
        _not_judged(screen, [one for one in run.judged if not one.checked.asked])
    unplaced = sum(one.checked.verdict is not None and one.checked.verdict.spec.gpu is None for one in asked)
    screen.print()
    if unplaced:
        what = "names no GPU model" if unplaced == 1 else "name no GPU model"
        render.paragraph(screen, Text(f"{counted(unplaced, 'model server')} {what}: --profile NAME says which."))
    render.paragraph(screen, Text(f"Summary: {counts.summary()}"))


def _rank(judged: Judged) -> int:
    return list(OUTCOMES).index(outcome(judged))


def _headline(run: Run, counts: Counts, asked: Sequence[Judged]) -> Text:
    files = counted(run.files, "file")
    servers = sum(counts.servers.values())
    what = f"{counted(servers, 'model server')} in {files}: {spread(counts.servers)}"
    if not servers:
        what = f"No model server found in {files}."
    worst = outcome(asked[0]) if asked else "accept"
    if not servers and worst == "accept":
        return Text(what)
    return _titled(worst, what)


def _titled(found: Outcome, text: str) -> Text:
    return Text.assemble((OUTCOMES[found].upper(), STYLES[found]), "  ", text)


def _workload(screen: Console, judged: Judged, *, whole: bool) -> None:
    """Print one workload: its verdict, its bill, and what stands against it."""
    verdict, found = judged.checked.verdict, outcome(judged)
    against = [told for told in judged.told if told.rank < 2]  # noqa: PLR2004  what refuses, or leaves it open
    screen.print()
    render.paragraph(screen, Text(judged.title, style="bold"))
    if verdict is None:
        render.paragraph(screen, _titled(found, "by the rules around it"))
    else:
        render.paragraph(screen, _titled(found, f"{render.subject(verdict.spec)}{_aside(judged, verdict)}"))
        if found != "accept" or whole:
            render.how(screen, verdict)
    for told in against:
        if whole or told.finding.outcome == "violation":
            _finding(screen, told)
        else:
            _short(screen, told, f"{told.finding.level}, {told.finding.outcome}")
            _fix(screen, told)
    if verdict is not None and verdict.verdict == "refuse":
        of_stack = judged.workload.kind == stack_files.KIND
        lines = render.as_stack(judged.workload.name or "") if of_stack else render.as_arguments
        render.fixes(screen, verdict.fixes, lines)
        render.elsewhere(screen, verdict.ways.elsewhere)


def _aside(judged: Judged, verdict: Verdict) -> str:
    """Return what explains an outcome that is not that of the verdict."""
    if outcome(judged) == "waived":
        word = OUTCOMES[verdict.verdict]
        return f": {word} by the rules, and its owner lives with it"
    if verdict.verdict != judged.checked.judgement:
        return f": {OUTCOMES[verdict.verdict]} by its verdict, not by the rules around it"
    return ""


def _finding(screen: Console, told: Told) -> None:
    """Print a finding that stands against a workload, with reason and sources."""
    finding = told.finding
    style = "bold red" if finding.outcome == "violation" else "bold yellow"
    screen.print()
    head = Text.assemble(f"{told.place}  ", (finding.rule, style), f"  {finding.level}, {finding.outcome}")
    render.paragraph(screen, head)
    parts = [("", finding.message), ("Why: ", finding.why), (_way_out(told), finding.fix)]
    for name, text in [*parts, ("Sources: ", render.sources(finding))]:
        if text:
            render.indented(screen, Text.assemble((name, "bold"), text))


def _short(screen: Console, told: Told, level: str) -> None:
    """Print a finding without its reason: where, which rule, and what was found."""
    head = Text.assemble(f"{told.place}  ", (told.finding.rule, "bold yellow"), f"  {level}  ")
    render.hanging(screen, head + Text(told.finding.message))


def _fix(screen: Console, told: Told) -> None:
    if told.finding.fix:
        render.indented(screen, Text.assemble((_way_out(told), "bold"), told.finding.fix))


def _way_out(told: Told) -> str:
    # An unknown names what would settle it, in these words.
    return "" if told.finding.fix.startswith("What would settle it") else "Way out: "


def _advice(screen: Console, found: Sequence[Told]) -> None:
    """Print advisory findings, those of one rule together, violations first."""
    if not found:
        return
    by_rule = {
        rule: list(each) for rule, each in groupby(sorted(found, key=_of_rule), key=lambda one: one.finding.rule)
    }
    screen.print()
    what = f"{counted(len(found), 'advisory finding')} of {counted(len(by_rule), 'rule')}"
    render.paragraph(screen, Text(f"Advice: {what}; the verdict stands", style="bold"))
    for rule, each in by_rule.items():
        for number, told in enumerate(each[:MOST_OF_A_RULE]):
            _short(screen, told, told.finding.level + (", unknown" if told.finding.outcome == "unknown" else ""))
            if number == 0 or told.finding.fix != each[number - 1].finding.fix:
                _fix(screen, told)
        if len(each) > MOST_OF_A_RULE:
            more = f"and {len(each) - MOST_OF_A_RULE} more of {rule} (--format json has all)"
            render.indented(screen, Text(more))


def _of_rule(told: Told) -> tuple[int, str]:
    return told.rank, told.finding.rule


def _waived(screen: Console, found: Sequence[Told]) -> None:
    """Print what owners live with, and why."""
    if not found:
        return
    screen.print()
    render.paragraph(screen, Text(f"Waived: {len(found)}", style="bold"))
    for told in found[:MOST_WAIVED]:
        head = Text.assemble(f"{told.place}  ", (told.finding.rule, "bold"), f"  {told.said.waived}")
        render.hanging(screen, head)
        render.indented(screen, Text(told.finding.message))
    _rest(screen, len(found) - MOST_WAIVED)


def _not_judged(screen: Console, found: Sequence[Judged]) -> None:
    """Print what is no model server that is known here, and why where that is not obvious."""
    if not found:
        return
    screen.print()
    what = f"Not judged: {counted(len(found), 'object')} without a model server that is known here"
    render.paragraph(screen, Text(what))
    for judged in found[:MOST_NOT_JUDGED]:
        reason = judged.workload.reason
        render.paragraph(screen, Text(f"  {judged.title}" + (f": {reason}" if reason else "")))
    _rest(screen, len(found) - MOST_NOT_JUDGED)


def _rest(screen: Console, more: int) -> None:
    if more > 0:
        render.indented(screen, Text(f"and {more} more (--format json has all)"))
