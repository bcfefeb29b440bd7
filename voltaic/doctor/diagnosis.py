"""From evidence to diagnoses: what happened, why, what shows it, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from voltaic.doctor.evidence import About, Evidence, Fact
from voltaic.doctor.judged import Judged
from voltaic.doctor.lines import last, read, shown
from voltaic.doctor.matching import Match, matches
from voltaic.doctor.numbers import SENTENCES
from voltaic.doctor.states import facts, last_words, objects, pod_states
from voltaic.doctor.ways_out import WayOut, ways_out
from voltaic.manifests.plain import at, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voltaic.doctor.pattern import Pattern
    from voltaic.doctor.states import PodState
    from voltaic.findings import Finding

Health = Literal["healthy", "unhealthy", "unknown"]
"""`unknown`: the evidence has no pod and no object that runs pods, so that nobody can say."""
LAST_LINES: Final = 12
"""Lines of a log that are shown where nothing in it is known."""
LAST_EVENTS: Final = 6
MOST_QUOTES: Final = 3
HOLDERS: Final = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "Job", "ReplicationController"})
"""Objects whose troubles with making pods say nothing about the pods that there are."""
Group = tuple[str, str]
"""What pods belong together by: kind and name of what made them."""
NO_GROUPS: Final[Mapping[str, Group]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Quote:
    """A piece of evidence as people read it."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong."""

    pattern: Pattern
    about: About
    details: tuple[str, ...]
    """Sentences with the numbers that were found."""
    quotes: tuple[Quote, ...]
    ways_out: tuple[WayOut, ...]
    findings: tuple[Finding, ...]
    """What the rules of the pattern say of this workload: the judge agrees."""
    others: tuple[About, ...] = ()
    """Further objects with the same trouble."""

    @property
    def sure(self) -> str:
        """`certain` where the text has one cause only, or where the judge found the same; else `likely`."""
        return "certain" if self.findings else self.pattern.sure


@dataclass(frozen=True, slots=True)
class PodLine:
    """One pod in a few words."""

    name: str
    state: str
    ready: bool
    restarts: int
    node: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that there is to say."""

    health: Health
    diagnoses: tuple[Diagnosis, ...]
    """What explains it, the surest first; empty where nothing is known."""
    also: tuple[str, ...]
    """Ids of what was found too, and is explained by these."""
    pods: tuple[PodLine, ...]
    evidence: tuple[Quote, ...]
    """What there is to read of pods of which nothing is known: states, events, the last lines of logs."""
    before: tuple[Diagnosis, ...] = ()
    """Why containers of pods that are ready now were restarted."""
    missing: tuple[str, ...] = ()
    """What could not be asked for."""


def diagnose(evidence: Evidence) -> Report:
    """Return what can be said of some evidence. Never guesses: what no pattern knows is shown as it is."""
    documents = objects(evidence.objects)
    pods = pod_states(documents)
    known = [*_facts(evidence, documents, pods)]
    judged = Judged(evidence)
    serving = {pod.name for pod in pods if pod.ready}
    found = matches([fact for fact in known if not (fact.previous and fact.about.name in serving)])
    groups = {pod.name: pod.owner or ("Pod", pod.name) for pod in pods}
    deepest, rest = _deepest(found, groups)
    diagnoses = tuple(_diagnosis(group, judged) for group in _grouped(deepest))
    told = {each.pattern.id for each in diagnoses}
    earlier = [_as_if_down(fact) for fact in known if fact.previous and fact.about.name in serving]
    history, _ = _deepest([match for match in matches(earlier) if match.pattern.id not in told], groups)
    return Report(
        health=_health(documents, pods),
        diagnoses=tuple(sorted(diagnoses, key=lambda each: each.sure != "certain")),
        also=tuple(dict.fromkeys(match.pattern.id for match in rest if match.pattern.id not in told)),
        pods=tuple(PodLine(pod.name, pod.state, pod.ready, pod.restarts, pod.node) for pod in pods if not pod.over),
        evidence=tuple(_shown(_unexplained(known, deepest, groups))),
        before=tuple(_diagnosis(group, judged) for group in _grouped(history)),
        missing=evidence.missing,
    )


def _facts(evidence: Evidence, documents: Sequence[dict[str, object]], pods: Sequence[PodState]) -> Iterable[Fact]:
    ready = {pod.name: pod.ready for pod in pods}
    over = {pod.name for pod in pods if pod.over}
    yield from facts(documents, pods, evidence.at)
    logs = {(log.pod, log.container, log.previous): log for log in last_words(pods)}
    logs |= {(log.pod, log.container, log.previous): log for log in evidence.logs if log.lines}
    for log in logs.values():
        if log.pod not in over:
            about = About("Pod" if log.pod else "", log.pod, log.container)
            yield Fact("log", "\n".join(read(log.lines)), about, ready.get(log.pod, False), log.previous)
    for each in evidence.texts:
        yield Fact("text", "\n".join(read(each.lines)))
    for said in evidence.said:
        yield Fact("client", said)


def _as_if_down(fact: Fact) -> Fact:
    return Fact(fact.where, fact.text, fact.about, ready=False, previous=True)


def _deepest(found: Sequence[Match], groups: Mapping[str, Group] = NO_GROUPS) -> tuple[list[Match], list[Match]]:
    """Return what explains the rest, and the rest.

    A pattern that another one is over is dropped where that one was found; then only the deepest remain. Pods of one
    group explain one another, and what is about no pod; a pod of another group has its own troubles.
    """
    kept = [match for match in found if not any(_explains(other, match, groups) for other in found)]
    told = [
        match
        for match in kept
        if not any(other.pattern.rank < match.pattern.rank and _near(other, match, groups) for other in kept)
    ]
    return told, [match for match in found if match not in told]


def _explains(other: Match, match: Match, groups: Mapping[str, Group]) -> bool:
    return match.pattern.id in other.pattern.over and _near(other, match, groups)


def _near(other: Match, match: Match, groups: Mapping[str, Group]) -> bool:
    """Return whether one match may explain another: unless they are about pods of different groups."""
    abouts = (other.fact.about, match.fact.about)
    if any(about.kind != "Pod" for about in abouts):
        return match.fact.about.kind != "Pod" or other.fact.about.kind not in HOLDERS
    return len({groups.get(about.name) for about in abouts}) == 1


def _unexplained(known: Sequence[Fact], told: Sequence[Match], groups: Mapping[str, Group]) -> list[Fact]:
    """Return the facts of which nothing is told: all where nothing is, else those about pods of other groups."""
    explained = {groups.get(match.fact.about.name) for match in told}
    if not told:
        return list(known)
    if any(match.fact.about.kind != "Pod" for match in told):
        return []
    return [fact for fact in known if fact.about.kind == "Pod" and groups.get(fact.about.name) not in explained]


def _grouped(found: Iterable[Match]) -> list[list[Match]]:
    """Return matches of the same pattern together: replicas fail alike."""
    groups: dict[str, list[Match]] = {}
    for match in found:
        groups.setdefault(match.pattern.id, []).append(match)
    return list(groups.values())


def _diagnosis(group: Sequence[Match], judged: Judged) -> Diagnosis:
    match = group[0]
    about, pattern = match.fact.about, match.pattern
    findings = tuple(judged.findings(about, pattern.rules))
    sentences = [line for name in pattern.numbers for line in SENTENCES[name](judged, about)]
    for detail in pattern.details:
        try:
            sentences.append(detail.format(**match.values))
        except KeyError:
            continue
    quotes = [
        Quote(match.fact.source, shown(line)) for text in match.quotes for line in text.splitlines() if line.strip()
    ]
    return Diagnosis(
        pattern=pattern,
        about=about,
        details=tuple(dict.fromkeys(sentences)),
        quotes=tuple(dict.fromkeys(quotes))[:MOST_QUOTES],
        ways_out=ways_out(match, judged, findings),
        findings=findings,
        others=tuple(dict.fromkeys(other.fact.about for other in group[1:])),
    )


def _health(documents: Sequence[dict[str, object]], pods: Sequence[PodState]) -> Health:
    alive = [pod for pod in pods if not pod.over]
    holders = [each for each in documents if each.get("kind") in {"Deployment", "StatefulSet"}]
    if not alive and not any(_wanted(each) for each in holders):
        return "unknown"
    if any(not pod.ready for pod in alive):
        return "unhealthy"
    return "unhealthy" if any(_wanted(each) > _ready(each) for each in holders) else "healthy"


def _wanted(document: dict[str, object]) -> int:
    stated = at(document, "spec", "replicas")
    return 1 if stated is None else whole(stated) or 0


def _ready(document: dict[str, object]) -> int:
    return whole(at(document, "status", "readyReplicas")) or 0


def _shown(known: Sequence[Fact]) -> Iterable[Quote]:
    """Yield states and events once each, then the last lines of each log."""
    told: set[str] = set()
    for kinds, most in ((("client", "state"), LAST_LINES), (("event",), LAST_EVENTS)):
        said = [fact for fact in known if fact.where in kinds and not fact.ready]
        for fact in said[-most:]:
            line = shown(fact.text)
            if line not in told:
                told.add(line)
                yield Quote(fact.source, line)
    for fact in known:
        if fact.where in {"log", "text"} and not fact.ready:
            yield from (Quote(fact.source, line) for line in last(fact.text.splitlines(), LAST_LINES))
