"""Does every waiver name a rule, say why, and waive something?"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from voltaic.findings import Finding, Source
from voltaic.kubernetes_names import WAIVER_ANNOTATION
from voltaic.manifests.documents import joined
from voltaic.manifests.plain import at, mapping
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from voltaic.manifests.views import Pod, Subject

ID: Final = "waiver-in-use"
_SOURCES: Final = (Source("voltaic, docs/how-to/any-manifest.md: waivers", "derived"),)


def written(pod: Pod) -> dict[str, tuple[Any, str]]:
    """Return the waivers of a pod: reason as written and field, by the id of the rule that they name."""
    found: dict[str, tuple[Any, str]] = {}
    holder = pod.holder
    for owner, path in ((holder.content, holder.path), (holder.template, holder.template_path)):
        for name, reason in mapping(at(owner, "metadata", "annotations")).items():
            if name.startswith(WAIVER_ANNOTATION):
                found[name.removeprefix(WAIVER_ANNOTATION)] = reason, joined(path, f"metadata.annotations.{name}")
    return found


def reason(pod: Pod, rule_id: str) -> str | None:
    """Return why the owner of a pod lives with what a rule finds; None where it is not said."""
    stated, _ = written(pod).get(rule_id, (None, ""))
    return stated.strip() or None if isinstance(stated, str) else None


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each waiver that cannot waive anything."""
    from voltaic.rules import catalogue  # noqa: PLC0415  the catalogue holds this rule too

    ids = [rule.id for rule in catalogue.catalogue()]
    for name, (_, path) in written(subject.pod).items():
        if name not in ids:
            near = difflib.get_close_matches(name, ids, 1)
            yield _finding(
                path,
                f"The annotation {WAIVER_ANNOTATION}{name} names a rule that there is not.",
                "What it was meant to waive counts as if it were not there.",
                f"Write {WAIVER_ANNOTATION}{near[0]}." if near else "Remove it; `voltaic rules` lists the rules.",
            )
        elif reason(subject.pod, name) is None:
            yield _finding(
                path,
                f"The annotation {WAIVER_ANNOTATION}{name} gives no reason; wanted is why its owner lives with it.",
                "Without a reason nothing is waived: nobody could tell later whether it still holds.",
                f'Say why: {WAIVER_ANNOTATION}{name}: "…", or remove it.',
            )


def unused(pod: Pod, found: Collection[str], asked: Iterable[Rule[Any]]) -> Iterator[Finding]:
    """Yield a finding for each waiver with a reason whose rule finds nothing.

    Args:
        pod: the pod.
        found: ids of the rules that found something about it.
        asked: the rules that were asked about it and saw all they look at.
    """
    ids = {rule.id for rule in asked}
    for name, (_, path) in written(pod).items():
        if name in ids and name not in found and reason(pod, name) is not None:
            yield _finding(
                path,
                f"The annotation {WAIVER_ANNOTATION}{name} waives nothing: the rule finds nothing here.",
                "A waiver that is left behind hides what the rule finds one day, for a reason that held for another.",
                "Remove it.",
            )


def _finding(path: str, message: str, why: str, fix: str) -> Finding:
    return Finding(ID, message, why, fix, _SOURCES, path=path)


RULE: Final = Rule(
    id=ID,
    title="Does every waiver name a rule, say why, and waive something?",
    why="A waiver that waives nothing is a promise that nobody keeps: what it was for counts, or is gone.",
    check=check,
    level="advisory",
    about="pod",
    whole_input=True,
    fix="Name the rule as `voltaic rules` does, say why, and remove what waives nothing.",
    sources=_SOURCES,
)
