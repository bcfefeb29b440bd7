"""One comment for all stacks of a change: the verdict first, then why, and everything that is long folded away."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cli.pull_request import bill, words
from cli.pull_request.limit import LONGEST, Block, within
from cli.pull_request.markdown import cell, code, fence, folded, plain, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.pull_request.model import Change, Operation, Report, Said, Side, Step

LONGEST_SUMMARY: Final = 20_000
"""Characters of the first table; the stacks with the worst verdicts come first in it."""
MOST_SECTIONS: Final = 50
"""Stacks that are told of one by one."""
MOST_FINDINGS: Final = 30
MOST_STEPS: Final = 300
MOST_PATHS: Final = 8
MOST_SOURCES: Final = 2
MOST_LINES: Final = 20
"""Findings, steps, properties of a step, sources of a finding, other lines of one stack; how many more is said."""
_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_SIGNS = {"create": "+", "update": "~", "replace": "+-", "delete": "-", "read": ">", "import": "="}
_OWN = "voltaic:"
"""Beginning of the types of our own components."""
_STEPS: Final[Mapping[Operation, str]] = {
    "delete": "to delete",
    "replace": "to replace",
    "create": "to create",
    "update": "to update",
    "import": "to import",
    "read": "to read",
    "other": "others",
    "same": "that stay as they are",
}
_FATES = {"restarts": "to restart", "starts": "to start", "stops": "to stop", "scales": "to scale"}


def marker(project: str) -> str:
    """Return the first line of every comment of a project: by it the comment is found, and replaced."""
    # No two hyphens in a row: some readers take them for the end of an HTML comment.
    name = re.sub(r"-{2,}", "-", _NAME.sub("-", project))[:100].strip("-")
    return f"<!-- voltaic-preview project={name or 'unnamed'} -->"


def comment(change: Change, longest: int = LONGEST) -> str:
    """Return the comment: Markdown that ends with a line break, at most `longest` characters."""
    reports = sorted(change.reports, key=lambda report: words.WORST_FIRST.index(report.outcome))
    blocks = [Block(marker(change.project)), *_head(change, reports)]
    for number, report in enumerate(reports[:MOST_SECTIONS]):
        blocks += [replace(block, stack=number) for block in _section(report, alone=len(reports) == 1)]
    if len(reports) > MOST_SECTIONS:
        blocks.append(Block(f"The {MOST_SECTIONS} stacks with the worst verdicts are told of one by one."))
    return within(blocks, longest)


def _head(change: Change, reports: Sequence[Report]) -> Iterator[Block]:
    outcome = "failed" if change.faults else words.worst(tuple(reports))
    yield Block(f"## voltaic preview: {words.OUTCOMES[outcome]}")
    if change.faults:
        yield Block(_listed(change.faults, 300))
    else:
        yield Block(_summary(reports) if reports else "No stack was previewed.")


def _listed(texts: Sequence[str], longest: int = 1000) -> str:
    lines = [f"- {prose(text, longest)}" for text in texts[:MOST_LINES]]
    if len(texts) > MOST_LINES:
        lines.append(f"- and {len(texts) - MOST_LINES:,} more")
    return "\n".join(lines)


def _summary(reports: Sequence[Report]) -> str:
    rows: list[list[str]] = []
    room = LONGEST_SUMMARY
    for report in reports:
        row = [
            cell(report.stack, 80),
            f"**{words.OUTCOMES[report.outcome]}**",
            cell(report.after.subject, 120) if report.after and report.after.subject else "",
            _memory(report),
            _running(report),
        ]
        room -= sum(map(len, row))
        if room < 0:
            break
        rows.append(row)
    text = table(["stack", "verdict", "serves", "fullest GPU, GiB", "pods"], rows, right=9)
    more = Counter(words.OUTCOMES[report.outcome] for report in reports[len(rows) :])
    return f"{text}\n\nAnd {', '.join(f'{count:,} {word}' for word, count in more.items())}." if more else text


def _memory(report: Report) -> str:
    sides = [side.bill for side in (report.before, report.after) if side is not None and side.bill is not None]
    if report.after is None or report.after.bill is None:
        return ""
    totals = dict.fromkeys(bill.in_gib(found.worst.total) for found in sides)
    return f"{' → '.join(totals)} of {bill.in_gib(sides[-1].worst.budget)}"


def _running(report: Report) -> str:
    if report.stopped or report.outcome in {"refuse", "failed"}:
        return "left alone"
    if report.outcome == "gone" or report.against == "nothing":
        return ""
    fates: Counter[str] = Counter(found.fate for found in report.pods)
    text = ", ".join(f"{fates[fate]} {told}" for fate, told in _FATES.items() if fates[fate]) or "go on"
    return f"{text}; **data is deleted**" if any(volume.fate == "lost" for volume in report.volumes) else text


def _section(report: Report, *, alone: bool) -> Iterator[Block]:
    if not alone:
        yield Block(f"### Stack {code(report.stack, 80)}: {words.OUTCOMES[report.outcome]}", "whole stacks")
    faults = (*report.faults, *(report.after.faults if report.after else ()))
    if faults:
        yield Block(_listed(faults), "whole stacks")
    yield from _danger(report)
    mandatory = [said for said in report.findings if said.level == "mandatory"]
    yield from _findings(mandatory, "reasons", "findings")
    yield from _ways(report)
    yield from _settings(report)
    yield from _bills(report)
    yield from _life(report)
    yield from _advice([said for said in report.findings if said.level != "mandatory"])
    if report.notes:
        yield Block(_listed(report.notes), "notes")
    yield from _steps(report)
    yield from _messages(report)


def _danger(report: Report) -> Iterator[Block]:
    lost = [volume for volume in report.volumes if volume.fate == "lost"]
    if lost and report.outcome not in {"refuse", "failed"}:
        lines = [f"> - {volume.kind} {code(volume.name)} {words.volume(volume)}" for volume in lost[:MOST_LINES]]
        more = [f"> - and {len(lost) - MOST_LINES:,} more"] if len(lost) > MOST_LINES else []
        yield Block("\n".join(["> **DATA WILL BE DELETED**", ">", *lines, *more]), "whole stacks")


def _findings(found: Sequence[Said], kind: str, then: str) -> Iterator[Block]:
    """Yield findings; in a comment that is too long only the message is left of each."""
    for said in found[:MOST_FINDINGS]:
        shorter = f"{_title(said)}: {prose(said.message, 300)}"
        yield Block(_finding(said), kind, shorter, then)
        if said.sources:
            yield Block(_sources(said), "sources")
    if len(found) > MOST_FINDINGS:
        yield Block(f"And {len(found) - MOST_FINDINGS:,} more findings.", then)


def _advice(found: Sequence[Said]) -> Iterator[Block]:
    """Yield what is only advice, folded away, with a shorter form that says what it is about."""
    if not found:
        return
    shown = found[:MOST_FINDINGS]
    more = [f"And {len(found) - len(shown):,} more."] if len(found) > len(shown) else []
    whole = [text for said in shown for text in (_finding(said), _sources(said)) if text]
    summary = f"Advice: {len(found):,} finding{'' if len(found) == 1 else 's'} that refuse nothing"
    short = [f"- {_title(said)}: {prose(said.message, 120)}" for said in shown]
    full = folded(summary, "\n\n".join([*whole, *more]))
    yield Block(full, "sources", folded(summary, "\n".join(short + more)), "advice")


def _title(said: Said) -> str:
    about = f", {code(said.about)}" if said.about else ""
    return f"**{code(said.rule, 80)}** ({plain_word(said.level)}, {plain_word(said.outcome)}{about})"


def _finding(said: Said) -> str:
    lines = [f"{_title(said)}: {prose(said.message, 3000)}"]
    if said.why:
        lines.append(f"**Why:** {prose(said.why, 3000)}")
    if said.fix:
        # An unknown names what would settle it, in these words.
        way_out = "" if said.fix.startswith("What would settle it") else "**Way out:** "
        lines.append(f"{way_out}{prose(said.fix, 3000)}")
    return "\n\n".join(lines)


def _sources(said: Said) -> str:
    shown = [code(source, 300) for source in said.sources[:MOST_SOURCES]]
    more = len(said.sources) - len(shown)
    return f"Sources: {', '.join([*shown, *([f'and {more:,} more'] if more else [])])}" if shown else ""


def plain_word(text: str) -> str:
    """Return a word of a fixed list as it is, and anything else safely."""
    return text if text in {"mandatory", "advisory", "violation", "unknown"} else prose(text, 40)


def _ways(report: Report) -> Iterator[Block]:
    if report.ways:
        yield Block("**Ways out**, each judged by the same rules and accepted:", "reasons")
    for number, way in enumerate(report.ways[:MOST_LINES]):
        commands = fence("\n".join(way.commands), 1000, "sh") if way.commands else ""
        inner = "\n".join(f"  {line}" for line in commands.split("\n"))
        text = f"- {prose(way.text, 500)}\n\n{inner}" if commands else f"- {prose(way.text, 500)}"
        yield Block(text, "further ways out" if number else "reasons")


def _settings(report: Report) -> Iterator[Block]:
    if report.settings:
        rows = [
            [
                cell(one.name, 60),
                *(bill.NONE if value is None else cell(value, 120) for value in (one.before, one.after)),
            ]
            for one in report.settings[:MOST_LINES]
        ]
        more = len(report.settings) - len(rows)
        text = table(["what changes", "before", "after"], rows, right=9)
        yield Block(f"{text}\n\nAnd {more:,} more." if more else text, "settings")
    elif report.before is not None and report.after is not None and report.outcome not in {"gone", "failed"}:
        yield Block("No setting changes.", "settings")


def _bills(report: Report) -> Iterator[Block]:
    if report.outcome in {"failed", "gone"}:
        return
    before, after = (None if side is None else side.bill for side in (report.before, report.after))
    if before is not None or after is not None:
        moments = dict.fromkeys(found.peak_moment for found in (before, after) if found is not None)
        what = "**VRAM of each GPU before the change**," if after is None else "**VRAM of each GPU**"
        yield Block(f"{what} at its worst moment ({', then '.join(moments)})", "bills")
        yield Block(bill.tabled(before, after), "bills")
        yield Block(bill.bars(before, after), "bars")
    reason = _no_bill(report.after)
    if reason:
        yield Block(reason, "bills")


def _no_bill(side: Side | None) -> str:
    from voltaic.memory.bill import NoBill

    found = side.verdict.bill if side is not None and side.verdict is not None else None
    if not isinstance(found, NoBill):
        return ""
    return f"No bill: {prose(found.because, 500)}. What would settle it: {prose(found.settled_by, 500)}."


def _life(report: Report) -> Iterator[Block]:
    kind = "restarts and volumes"
    if report.outcome in {"failed", "gone"}:
        return
    untouched = words.untouched(report)
    if untouched:
        yield Block(f"**What restarts:** {prose(untouched)}", kind)
        return
    first = report.against == "nothing"
    lines = ["**What a first deployment starts**" if first else "**What restarts**", ""]
    lines += [f"- {found.kind} {code(found.name)} {words.pods(found)}" for found in report.pods[:MOST_LINES]]
    if len(report.pods) > MOST_LINES:
        lines.append(f"- and {len(report.pods) - MOST_LINES:,} more")
    if not report.pods:
        lines.append("- No pod: what runs goes on running.")
    absence = " ".join(words.absence(report))
    yield Block("\n".join([*lines, *(["", absence] if absence else [])]), kind)
    kept = [volume for volume in report.volumes if volume.fate != "lost"]
    if kept:
        told = [f"- {volume.kind} {code(volume.name)} {words.volume(volume)}" for volume in kept[:MOST_LINES]]
        more = [f"- and {len(kept) - MOST_LINES:,} more"] if len(kept) > MOST_LINES else []
        yield Block("\n".join(["**What becomes of data**", "", *told, *more]), kind)


def _steps(report: Report) -> Iterator[Block]:
    if report.steps:
        counts = Counter(step.op for step in report.steps)
        summary = "Steps: " + ", ".join(f"{counts[op]:,} {told}" for op, told in _STEPS.items() if counts[op])
        full, short = (folded(summary, _steps_text(report.steps, paths=paths)) for paths in (True, False))
        yield Block(full, "properties of the steps", short, "steps")


def _steps_text(steps: Sequence[Step], *, paths: bool) -> str:
    changing = [step for step in steps if step.op != "same"]
    lines = []
    for step in changing[:MOST_STEPS]:
        line = f"{_SIGNS.get(step.op, '?'):<2} {plain(step.type, 80)} {plain(step.name, 80)}"
        if paths and step.paths and not step.type.startswith(_OWN):  # the tables above say what changes in these
            more = f" and {len(step.paths) - MOST_PATHS} more" if len(step.paths) > MOST_PATHS else ""
            line += f": {', '.join(plain(path, 120) for path in step.paths[:MOST_PATHS])}{more}"
        lines.append(line)
    if len(changing) > MOST_STEPS:
        lines.append(f"   and {len(changing) - MOST_STEPS:,} more")
    return fence("\n".join(lines) or "nothing but what stays as it is", 40_000)


def _messages(report: Report) -> Iterator[Block]:
    if report.messages:
        texts = "\n\n".join(f"{one.severity}: {_clipped(one.text)}" for one in report.messages[:MOST_LINES])
        count = len(report.messages)
        summary = f"{count:,} message{'' if count == 1 else 's'} of the run"
        yield Block(folded(summary, fence(texts, 12_000)), "messages of the run")


def _clipped(text: str, longest: int = 2000) -> str:
    stripped = text.strip()
    return stripped if len(stripped) <= longest else f"{stripped[:longest]}… ({len(stripped):,} characters)"
