"""All that is said about manifests: the verdict on every server, and what the rules around it find.

The command line and the policy pack ask here, so that both say the same.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from voltaic import rules
from voltaic.levels import Levels, default_of
from voltaic.manifests import workloads
from voltaic.manifests.places import Place
from voltaic.manifests.views import Objects, Subject
from voltaic.rules import catalogue
from voltaic.rules.waivers import waiver_in_use
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from voltaic.findings import Finding
    from voltaic.hardware import Profile
    from voltaic.manifests import Document, Workload
    from voltaic.manifests.views import Container, Pod
    from voltaic.rules.rule import About, Rule
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class Said:
    """One finding as it counts here."""

    finding: Finding
    """With the level at which it counts, and the field that it is about where that is known."""
    policy: str
    """Name under which its level is set."""
    file: str
    """File of the document that it is about: mostly that of the workload."""
    document: int
    """Position of that document in its file, from 1."""
    waived: str | None = None
    """The reason for which its owner lives with it; None where it counts."""

    @property
    def counts(self) -> bool:
        """Whether it is a violation that nobody has waived, at whatever level."""
        return self.waived is None and self.finding.outcome == "violation"


@dataclass(frozen=True, slots=True)
class Checked:
    """An object that holds a pod, and all that is said about it."""

    workload: Workload
    verdict: Verdict | None
    """None where it serves no model."""
    said: tuple[Said, ...]

    @property
    def asked(self) -> bool:
        """Whether anything was asked about it: it serves a model, or is a chat page."""
        pod = self.workload.pod
        return self.verdict is not None or (pod is not None and any(view.role != "other" for view in pod.containers))

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
    checked: list[Checked] = []
    pods: dict[int, _Pod] = {}
    for workload in found:
        verdict = None if workload.spec is None else judge(workload.spec)
        pod = pods.setdefault(id(workload.pod), _Pod(len(checked)))
        asking = _Asking(workload, others, held, pod.found, ours=ours, timeout_seconds=timeout_seconds)
        said = [*asking.of_spec(verdict), *asking.of_pod(first=pod.place == len(checked))]
        checked.append(Checked(workload, verdict, tuple(said)))
    for pod in pods.values() if not ours else ():
        one = checked[pod.place]
        asking = _Asking(one.workload, others, held, pod.found, ours=ours, timeout_seconds=timeout_seconds)
        checked[pod.place] = replace(one, said=(*one.said, *asking.of_waivers()))
    return tuple(checked)


@dataclass(slots=True)
class _Pod:
    """What is known of a pod, which may hold several servers."""

    place: int
    """Place of its first workload."""
    found: set[str] = field(default_factory=set)
    """Ids of the rules that found something about it, at whatever level."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks the rules about one workload."""

    workload: Workload
    others: Objects
    levels: Levels
    found: set[str]
    _: KW_ONLY
    ours: bool
    timeout_seconds: int | None

    def of_spec(self, verdict: Verdict | None) -> Iterator[Said]:
        """Yield what is said of a serving spec, wherever it comes from."""
        if verdict is None:
            return
        for finding in verdict.findings:
            yield from self._counted(rules.rule(finding.rule), finding)
        for rule in catalogue.about("spec"):
            for finding in rule.ask(verdict.spec):
                yield from self._counted(rule, finding)

    def of_pod(self, *, first: bool) -> Iterator[Said]:
        """Yield what is said of the manifest; of what all its servers share only with the first of them."""
        for rule, subject in self._questions(first=first):
            for finding in rule.ask(subject):
                yield from self._counted(rule, finding)

    def of_waivers(self) -> Iterator[Said]:
        """Yield what is said of the waivers of a pod about which everything was asked."""
        pod = self.workload.pod
        if pod is not None and self._told() is not None:
            # What looks at other objects may find something where these are there too.
            asked = (rule for rule in catalogue.catalogue() if not rule.whole_input)
            for finding in waiver_in_use.unused(pod, self.found, asked):
                yield from self._counted(waiver_in_use.RULE, finding)

    def _told(self) -> Container | None:
        """Return the container that rules about a pod are told of; None where the manifest is not asked about.

        A pod that a controller completes is not: what is not written in it may be there all the same.
        """
        pod, served = self.workload.pod, self._served()
        if pod is None or pod.partial:
            return None
        return served or next((view for view in pod.containers if view.role != "other"), None)

    def _served(self) -> Container | None:
        return self.workload.view if self.workload.spec is not None else None

    def _questions(self, *, first: bool) -> Iterator[tuple[Rule[Any], Subject]]:
        """Yield each rule about manifests with what it is asked of here: every container once, every pod once."""
        pod, told, served, spec = self.workload.pod, self._told(), self._served(), self.workload.spec
        if pod is None or told is None:
            return
        if served is not None:
            subject = self._subject(pod, served, spec)
            for rule in catalogue.about("server", "container"):
                yield rule, subject
        if not first:
            return
        for view in pod.containers:
            if view.role != "server":
                kinds: tuple[About, ...] = ("page", "container") if view.role == "page" else ("container",)
                subject = self._subject(pod, view, None)
                for rule in catalogue.about(*kinds):
                    yield rule, subject
        subject = self._subject(pod, told, spec)
        for rule in catalogue.about("pod"):
            yield rule, subject

    def _subject(self, pod: Pod, view: Container, spec: ServingSpec | None) -> Subject:
        return Subject(pod, view, spec, self.others, self.ours, self.timeout_seconds)

    def _counted(self, rule: Rule[Any] | None, finding: Finding) -> Iterator[Said]:
        """Yield a finding at its level, unless it is disabled."""
        workload = self.workload
        self.found.add(finding.rule)
        if finding.path is None:
            place = workload.place(finding.about)
        else:
            place = Place(workload.file, workload.document, finding.path)
        if rule is None:
            yield Said(replace(finding, path=place.path), finding.rule, place.file, place.document)
            return
        level = self.levels.of(rule, finding, ours=self.ours)
        if level == "disabled":
            return
        policy = rule.policy(default_of(rule, finding, ours=self.ours))
        reason = None
        if workload.pod is not None and not self.ours:
            reason = waiver_in_use.reason(workload.pod, rule.id)
        yield Said(replace(finding, level=level, path=place.path), policy, place.file, place.document, reason)
