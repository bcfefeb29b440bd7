"""A doctor's report for people, and as a document for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from cli import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from voltaic.doctor import Diagnosis, Report, WayOut

SCHEMA: Final = "voltaic/doctor/v1"
WORDS: Final = {"healthy": "HEALTHY", "cause": "CAUSE FOUND", "unknown": "UNKNOWN"}
STYLES: Final = {"healthy": "bold green", "cause": "bold red", "unknown": "bold yellow"}
MOST_OTHERS: Final = 3
"""Further objects with the same trouble that are named."""


def verdict(report: Report) -> str:
    """Return what a report comes to: `healthy`, `cause` or `unknown`."""
    if report.diagnoses:
        return "cause"
    return "healthy" if report.health == "healthy" else "unknown"


def show(console: Console, report: Report, where: str) -> None:
    """Print a report.

    Args:
        console: where to.
        report: what to print.
        where: what it is about, as a headline goes on.
    """
    said = verdict(report)
    render.paragraph(console, Text.assemble((WORDS[said], STYLES[said]), f"  {where}{_counts(report)}"))
    for pod in report.pods:
        if not pod.ready:
            restarts = f", {pod.restarts} restarts" if pod.restarts else ""
            render.indented(console, Text(f"{pod.name}: {pod.state}{restarts}{f', on {pod.node}' if pod.node else ''}"))
    for found in report.diagnoses:
        console.print()
        diagnosis(console, found)
    if report.also:
        console.print()
        render.paragraph(console, Text(f"Found too, and explained by this: {', '.join(report.also)}."))
    if said == "unknown" or (said == "cause" and report.evidence):
        _evidence(console, report)
    for found in report.before:
        console.print()
        render.paragraph(
            console, Text.assemble(("Before its last restart: ", "bold"), (found.pattern.id, "bold yellow"))
        )
        _body(console, found)
    if report.missing:
        console.print()
        for text in report.missing:
            render.paragraph(console, Text(f"Not seen: {text}"))


def diagnosis(console: Console, found: Diagnosis) -> None:
    """Print one diagnosis."""
    about = f"  {found.about}" if str(found.about) else ""
    others = [str(each) for each in found.others[:MOST_OTHERS]]
    more = len(found.others) - len(others)
    also = f"; also {', '.join(others)}{f' and {more} more' if more > 0 else ''}" if others else ""
    sure = "" if found.sure == "certain" else "  likely"
    render.hanging(console, Text.assemble((found.pattern.id, "bold red"), f"{about}{also}", (sure, "yellow")))
    _body(console, found)


def _body(console: Console, found: Diagnosis) -> None:
    pattern = found.pattern
    render.indented(console, Text(" ".join([pattern.what, *found.details])))
    render.indented(console, Text.assemble(("Why: ", "bold"), pattern.why))
    for quote in found.quotes:
        render.indented(console, Text.assemble(("Seen: ", "bold"), quote.text, (f"  ({quote.source})", "dim")))
    for finding in found.findings:
        render.indented(console, Text.assemble(("Judged: ", "bold"), f"{finding.rule}: {finding.message}"))
    for way in found.ways_out:
        _way(console, way)
    if pattern.rules:
        render.indented(console, Text(f"Told before an apply by: {', '.join(pattern.rules)}.", style="dim"))


def _way(console: Console, way: WayOut) -> None:
    head = "Way out, proven: " if way.proven else "Way out: "
    render.indented(console, Text.assemble((head, "bold"), way.text))
    for command in way.commands:
        # A command is never wrapped: it is there to be copied.
        console.print(Text(f"    {command}"), soft_wrap=True)


def _counts(report: Report) -> str:
    if not report.pods:
        return ": no pods"
    ready = sum(pod.ready for pod in report.pods)
    return f": {ready} of {len(report.pods)} {'pod' if len(report.pods) == 1 else 'pods'} ready"


def _evidence(console: Console, report: Report) -> None:
    console.print()
    if not report.evidence:
        render.paragraph(console, Text("There is nothing to read: no states, no events, no logs."))
        return
    what = "Of other pods nothing is known." if report.diagnoses else "Nothing of this is known here."
    render.paragraph(console, Text(f"{what} What there is to read:", style="bold"))
    source = None
    for quote in report.evidence:
        if quote.source != source:
            source = quote.source
            render.indented(console, Text(f"{source}:", style="dim"))
        render.indented(console, Text(f"  {quote.text}"))


def document(report: Report, **about: Any) -> dict[str, Any]:
    """Return the document of a report."""
    return {
        "schema": SCHEMA,
        **about,
        "verdict": verdict(report),
        "health": report.health,
        "pods": [
            {"name": pod.name, "state": pod.state, "ready": pod.ready, "restarts": pod.restarts, "node": pod.node}
            for pod in report.pods
        ],
        "diagnoses": [_document(each) for each in report.diagnoses],
        "also": list(report.also),
        "evidence": [{"source": quote.source, "text": quote.text} for quote in report.evidence],
        "before": [_document(each) for each in report.before],
        "missing": list(report.missing),
    }


def _document(found: Diagnosis) -> dict[str, Any]:
    pattern = found.pattern
    return {
        "id": pattern.id,
        "subject": pattern.subject,
        "sure": found.sure,
        "about": _about(found.about),
        "others": [_about(each) for each in found.others],
        "what": pattern.what,
        "why": pattern.why,
        "details": list(found.details),
        "quotes": [{"source": quote.source, "text": quote.text} for quote in found.quotes],
        "ways_out": [
            {"text": way.text, "commands": list(way.commands), "proven": way.proven, "rule": way.rule}
            for way in found.ways_out
        ],
        "rules": list(pattern.rules),
        "findings": [{"rule": each.rule, "message": each.message} for each in found.findings],
        "source": str(pattern.source),
    }


def _about(found: Any) -> dict[str, Any]:
    return {"kind": found.kind or None, "name": found.name or None, "container": found.container}


def listed() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the patterns by subject: ids and what they mean."""
    from voltaic.doctor.pattern import patterns

    subjects: dict[str, list[tuple[str, str]]] = {}
    for pattern in patterns():
        subjects.setdefault(pattern.subject, []).append((pattern.id, pattern.what))
    yield from subjects.items()
