"""All that is said about manifests: the verdict on every server, and what the rules around it find.

The command line and the policy pack ask here, so that both say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voltaic import kubernetes_names, rules
from voltaic.levels import Levels
from voltaic.manifests import workloads
from voltaic.manifests.views import Objects, Subject
from voltaic.rules import catalogue
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from voltaic.findings import Finding
    from voltaic.hardware import Profile
    from voltaic.manifests import Document, Workload
    from voltaic.manifests.views import Pod
    from voltaic.rules.rule import Rule
    from voltaic.verdict import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class Said:
    """One finding as it counts here."""

    finding: Finding
    """With the level at which it counts, and the field that it is about where that is known."""
    policy: str
    """Name under which its level is set."""
    waived: str | None = None
    """The reason for which its owner lives with it; None where it counts."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An object that holds a pod, and all that is said about it."""

    workload: Workload
    verdict: Verdict | None
    """None where it serves no model."""
    said: tuple[Said, ...]

    @property
    def judgement(self) -> Judgement:
        """The worst that is said at the level mandatory and not waived."""
        outcomes = {one.finding.outcome for one in self.said if one.finding.level == "mandatory" and one.waived is None}
        return "refuse" if "violation" in outcomes else "unknown" if "unknown" in outcomes else "accept"


def check(
    documents: Iterable[Document], *, profile: Profile | None = None, levels: Levels | None = None
) -> tuple[Checked, ...]:
    """Return what is to be said about every object that holds a pod, in order. Never raises.

    Args:
        documents: parsed YAML or JSON, of any shape.
        profile: the GPUs to assume where neither node labels nor the annotation `voltaic/profile` name the GPU model.
        levels: how strictly each rule is held; by default as the rules say.
    """
    documents = tuple(documents)
    others = Objects.of(documents)
    return of_workloads(workloads(documents, profile=profile), others, levels=levels)


def of_workloads(
    found: Sequence[Workload],
    others: Objects,
    *,
    levels: Levels | None = None,
    ours: bool = False,
    timeout_seconds: int | None = None,
) -> tuple[Checked, ...]:
    """Return what is to be said about workloads that were read already.

    Args:
        found: what `manifests.workloads` returned.
        others: all objects of the same input.
        levels: how strictly each rule is held.
        ours: whether our own component made them.
        timeout_seconds: how long the tool that applies them waits for each, where that is known.
    """
    held = levels or Levels()
    asked: set[int] = set()
    checked: list[Checked] = []
    for workload in found:
        verdict = None if workload.spec is None else judge(workload.spec)
        first = workload.pod is not None and id(workload.pod) not in asked
        asked.add(id(workload.pod))
        said = _said(workload, verdict, others, held, first=first, ours=ours, timeout_seconds=timeout_seconds)
        checked.append(Checked(workload, verdict, tuple(said)))
    return tuple(checked)


def _said(
    workload: Workload,
    verdict: Verdict | None,
    others: Objects,
    levels: Levels,
    *,
    first: bool,
    ours: bool,
    timeout_seconds: int | None,
) -> Iterator[Said]:
    if verdict is not None:
        for finding in verdict.findings:
            yield from _counted(rules.rule(finding.rule), finding, workload, levels, ours=ours)
        for rule in catalogue.about("spec"):
            for finding in rule.ask(verdict.spec):
                yield from _counted(rule, finding, workload, levels, ours=ours)
    pod = workload.pod
    if pod is None:
        return
    for rule, subject in _questions(workload, pod, others, first=first):
        for finding in rule.ask(replace(subject, ours=ours, timeout_seconds=timeout_seconds)):
            yield from _counted(rule, finding, workload, levels, ours=ours)


def _questions(workload: Workload, pod: Pod, others: Objects, *, first: bool) -> Iterator[tuple[Rule[Any], Subject]]:
    """Yield each rule about manifests with what it is asked of here: every container once, every pod once."""
    served = workload.view if workload.spec is not None else None
    told = served or next((view for view in pod.containers if view.role != "other"), None)
    if told is None:
        return
    if served is not None:
        for rule in catalogue.about("server", "container"):
            yield rule, Subject(pod, served, workload.spec, others)
    if not first:
        return
    for view in pod.containers:
        if view.role != "server":
            for rule in catalogue.about("page", "container") if view.role == "page" else catalogue.about("container"):
                yield rule, Subject(pod, view, None, others)
    for rule in catalogue.about("pod"):
        yield rule, Subject(pod, told, workload.spec, others)


def _counted(
    rule: Rule[Any] | None, finding: Finding, workload: Workload, levels: Levels, *, ours: bool
) -> Iterator[Said]:
    """Yield a finding at its level, unless it is disabled."""
    if rule is None:
        yield Said(finding, finding.rule)
        return
    default = finding.level if rule.about == "spec" else rule.level if ours else rule.foreign or rule.level
    level = levels.of(rule, finding, ours=ours)
    if level == "disabled":
        return
    path = finding.path or (workload.view.path if workload.view is not None else None)
    reason = None if ours else _waiver(workload, rule.id)
    yield Said(replace(finding, level=level, path=path), rule.policy(default), reason)


def _waiver(workload: Workload, rule_id: str) -> str | None:
    """Return the reason for which the owner of an object lives with what a rule finds."""
    pod = workload.pod
    reason = None if pod is None else pod.annotation(f"{kubernetes_names.WAIVER_ANNOTATION}{rule_id}")
    return reason.strip() or None if reason else None
