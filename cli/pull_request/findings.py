"""What judge and policies say of a stack, put together and said once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.pull_request.model import Said, WayOut
from voltaic import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.pull_request.engine import Run, Violation
    from cli.pull_request.model import Message, Outcome, Side

OWN_PACK: Final = "voltaic"
ADVICE: Final = "-advice"
"""Ending of the policy with a rule's advisory findings."""
_PARTS: Final = {"Why: ": "why", "Way out: ": "fix", "Sources: ": "sources"}


def outcome(after: Side, run: Run) -> Outcome:
    """Return the verdict on a stack: what the judge says of its file, and what policies and the run add."""
    judged = after.outcome
    if judged == "refuse":
        return "refuse"
    unknown = {said.rule for said in _judged(after) if said.outcome == "unknown"}
    mandatory = [found for found in run.violations if found.level == "mandatory"]
    if any(_rule(found) not in unknown for found in mandatory):
        return "refuse"
    if judged == "unknown":
        return "unknown"
    return "failed" if run.failed else judged


def findings(after: Side, run: Run) -> tuple[Said, ...]:
    """Return all findings, the mandatory ones first; what a policy repeats of the judge is left out."""
    judged = list(_judged(after))
    said = [*judged, *(_of(found) for found in run.violations if not _is_repeated(found, judged))]
    return tuple(sorted(dict.fromkeys(said), key=lambda one: one.level != "mandatory"))


def _judged(after: Side) -> Iterator[Said]:
    for found in after.verdict.findings if after.verdict is not None else ():
        sources = tuple(str(source) for source in found.sources)
        yield Said(found.rule, found.level, found.outcome, found.message, found.why, found.fix, sources)


def _is_repeated(found: Violation, judged: list[Said]) -> bool:
    return any(_rule(found) == said.rule and said.message in found.message for said in judged)


def _rule(found: Violation) -> str:
    if found.pack != OWN_PACK:
        return f"{found.pack}: {found.policy}"
    return found.policy.removesuffix(ADVICE)


def _of(found: Violation) -> Said:
    """Return what a policy says, taken apart: its title comes first; reason, way out and sources begin their lines."""
    title, _, rest = found.message.strip().partition("\n")
    parts = {"message": "", "why": "", "fix": "", "sources": ""}
    name = "message"
    for line in rest.split("\n"):
        mark = next((mark for mark in _PARTS if line.startswith(mark)), None)
        name = _PARTS[mark] if mark else name
        parts[name] = f"{parts[name]}\n{line.removeprefix(mark or '')}".strip()
    sources = tuple(source for source in parts["sources"].split("; ") if source)
    about = f"{found.urn.rpartition('::')[0].rpartition('$')[2].rpartition('::')[2]} {found.urn.rpartition('::')[2]}"
    level = found.level if found.level == "mandatory" else "advisory"
    message = parts["message"] or title
    return Said(_rule(found), level, "violation", message, parts["why"], parts["fix"], sources, about.strip())


def ways(after: Side, stack: str) -> tuple[WayOut, ...]:
    """Return the changes that the judge accepts, with what to type for this stack."""
    verdict = after.verdict
    if verdict is None or verdict.verdict != "refuse":
        return ()
    near = [WayOut(str(fix), tuple(commands.of_settings(fix.settings, stack))) for fix in verdict.fixes]
    far = [
        WayOut(f"with another engine, which no stack deploys: {fix}", tuple(fix.commands))
        for fix in verdict.ways.elsewhere
    ]
    return (*near, *far)


def is_told(message: Message, after: Side) -> bool:
    """Return whether a message only repeats what the findings say."""
    return message.severity == "error" and any(said.message in message.text for said in _judged(after))
