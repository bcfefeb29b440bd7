"""Ways out of a failure: first those that the judge has accepted, then what is known to mend it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic import changes, commands, engines, host_needs
from voltaic.doctor.states import startup_seconds
from voltaic.engines.ways import ways_of
from voltaic.manifests.plain import at, items, mapping, whole
from voltaic.manifests.views import size
from voltaic.memory.bill import Bill
from voltaic.units import GIB, MIB, quantity, round_up
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from voltaic.checking import Checked
    from voltaic.doctor.evidence import Stack
    from voltaic.doctor.judged import Judged
    from voltaic.doctor.matching import Match
    from voltaic.findings import Finding
    from voltaic.fixes import Fix
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

MOST: Final = 3
"""Proven changes of settings that are told."""
MORE_ROOM: Final = 0.05
"""Share of a GPU that smaller limits leave free beyond what was left, where nobody says how much was missing."""
_SIZE: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>[KMG]i?B)")
_UNITS: Final = {"KiB": 2**10, "MiB": MIB, "GiB": GIB, "KB": 10**3, "MB": 10**6, "GB": 10**9}
SPARE: Final = 2 * GIB
"""Host memory beside the model that is not in its floor: router and tokenizer (host.toml, memory.router_gib)."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """One change that mends a failure."""

    text: str
    commands: tuple[str, ...] = ()
    """What to type."""
    proven: bool = False
    """Whether the judge accepts the workload with it, or the rule that spoke against it is silent then."""
    rule: str | None = None
    """Rule that names it."""


def ways_out(match: Match, judged: Judged, findings: Sequence[Finding]) -> tuple[WayOut, ...]:
    """Return the ways out of a failure, the proven ones first.

    Args:
        match: what was found.
        judged: the workload as the judge sees it.
        findings: what the rules of the pattern say of it.
    """
    about, pattern = match.fact.about, match.pattern
    verdict = judged.verdict(about)
    found = [*_of_verdict(verdict, match, judged.evidence.stack)] if verdict is not None else []
    found += _of_manifest(judged, match)
    told = {way.rule for way in found if way.rule}
    if not found:
        found += [WayOut(finding.fix, rule=finding.rule) for finding in findings if finding.rule not in told]
    found.append(WayOut(pattern.way_out, typed(match, judged)))
    return tuple(found)


def typed(match: Match, judged: Judged) -> tuple[str, ...]:
    """Return the commands of a pattern with what is known put in; without those for which something is missing."""
    evidence, about = judged.evidence, match.fact.about
    known: dict[str, str] = {}  # nothing that a log says
    if evidence.stack is not None:
        known["stack"] = shlex.quote(evidence.stack.name)
    known["n"] = f" -n {shlex.quote(evidence.namespace)}" if evidence.namespace else ""
    if about.kind == "Pod" and about.name:
        known["pod"] = shlex.quote(about.name)
    elif about.name:
        known["name"] = shlex.quote(about.name)
    found = judged.server(about)
    if found is not None and found.workload.kind in {"Deployment", "StatefulSet"} and found.workload.name:
        known["workload"] = shlex.quote(f"{found.workload.kind.lower()}/{found.workload.name}")
    made = []
    for command in match.pattern.commands:
        try:
            made.append(command.format(**known))
        except KeyError:
            continue
    return tuple(made)


def _of_verdict(verdict: Verdict, match: Match, stack: Stack | None) -> Iterator[WayOut]:
    if verdict.verdict == "refuse" and any(finding.rule in match.pattern.rules for finding in verdict.answers):
        yield from (_as_way(fix, stack) for fix in verdict.fixes[:MOST])
    elif match.pattern.remedy == "smaller" and verdict.verdict == "accept":
        found = _smaller(verdict, match.values.get("wanted"))
        if found is not None:
            yield _as_way(found, stack)


def _as_way(fix: Fix, stack: Stack | None) -> WayOut:
    typed = commands.of_settings(fix.settings, stack.name) if stack and fix.spec.origin is not None else fix.commands
    return WayOut(str(fix), tuple(typed), proven=True)


def _smaller(verdict: Verdict, wanted: str | None) -> Fix | None:
    """Return smaller limits that are accepted, and leave as much more room as was missing."""
    from voltaic.fixes import Fix  # noqa: PLC0415  it imports the search, which few diagnoses need

    spec, bill = verdict.spec, verdict.bill
    if not isinstance(bill, Bill) or verdict.runs is None or spec.gpu is None:
        return None
    missing = bytes_of(wanted) or int(MORE_ROOM * bill.worst.budget)
    for settings in _halves(spec, verdict):
        changed = _changed(spec, settings)
        judged = None if changed is None else judge(changed)
        if changed is None or judged is None or judged.verdict != "accept" or not isinstance(judged.bill, Bill):
            continue
        if judged.bill.worst.headroom >= bill.worst.headroom + missing:
            total = max(gpu.total for gpu in judged.bill.per_gpu)
            return Fix(settings, changed, total, judged.tight)
    return None


def _halves(spec: ServingSpec, verdict: Verdict) -> Iterator[dict[str, Any]]:
    """Yield smaller limits, those that change least first: fewer requests, shorter passes, shorter requests."""
    engine = engines.engine(spec.release.engine)
    ways = ways_of(engine)
    load = None if ways is None or verdict.runs is None else ways.load_of(spec, verdict.runs)
    if load is None:
        return
    requests = load.requests
    while requests > 1:
        requests //= 2
        yield {"maxBatchSize": requests}
    if load.prefill is not None and load.prompt is not None and load.prompt < load.prefill:
        yield {"maxBatchPrefillTokens": load.prompt}
    total = load.total
    while total >= 2 * 512:
        total = total // 2 // 64 * 64
        shorter: dict[str, Any] = {"maxBatchSize": 1, "maxTotalTokens": total}
        if load.prompt is not None:
            prompt = total * 3 // 4
            shorter |= {"maxInputTokens": prompt, "maxBatchPrefillTokens": prompt}
        yield shorter


def _changed(spec: ServingSpec, settings: Mapping[str, Any]) -> ServingSpec | None:
    return changes.apply(spec, settings) if spec.origin is None else spec.origin.changed(settings)


def bytes_of(text: str | None) -> int | None:
    """Return the bytes of a size as PyTorch writes it: `222.00 MiB`; None where it is none."""
    match = _SIZE.search(text or "")
    return int(float(match["number"]) * _UNITS[match["unit"]]) if match else None


def _of_manifest(judged: Judged, match: Match) -> Iterator[WayOut]:
    """Yield changes of the manifest after which the rules that are against it are silent."""
    found = judged.server(match.fact.about)
    if found is None or found.workload.kind == "Pod" or judged.evidence.stack is not None:
        return
    broken = {one.finding.rule for one in found.said if one.finding.outcome == "violation"}
    for rules, make in _CHANGES.items():
        if not any(rule in match.pattern.rules for rule in rules):
            continue
        asked = broken.intersection(rules)
        made = make(judged, found) if asked or make is _more_time else None
        if made is None:
            continue
        text, typed, change = made
        after = judged.again(found, change) if asked else None
        silent = after is not None and not any(
            one.finding.rule in rules for one in after.said if one.finding.outcome == "violation"
        )
        if silent or not asked:
            yield WayOut(text, typed, proven=silent, rule=min(asked, default=None))


def _more_memory(judged: Judged, found: Checked) -> Any:
    spec, view = found.workload.spec, found.workload.view
    need = None if spec is None else host_needs.memory(spec)
    if need is None or view is None:
        return None
    volumes = {str(mount.get("name")) for mount, _ in view.mounts() if mount.get("mountPath") == "/dev/shm"}  # noqa: S108  the container's
    shared = [size(at(each, "emptyDir", "sizeLimit")) or 0 for each in _volumes(found) if each.get("name") in volumes]
    enough = quantity(round_up(need.value + sum(shared) + SPARE, GIB))
    name, kind = view.name, found.workload.kind.lower()

    def change(document: dict[str, Any]) -> None:
        for each in _same(document, found):
            for key in ("limits", "requests"):
                each.setdefault("resources", {}).setdefault(key, {})["memory"] = enough

    where = f" -n {shlex.quote(judged.evidence.namespace)}" if judged.evidence.namespace else ""
    told = shlex.join(["kubectl", "set", "resources", f"{kind}/{found.workload.name}", "-c", str(name)])
    return (
        f"Set resources.limits.memory and requests.memory of the container {name} to {enough}.",
        (f"{told}{where} --limits=memory={enough} --requests=memory={enough}",),
        change,
    )


def _more_time(judged: Judged, found: Checked) -> Any:
    spec, view = found.workload.spec, found.workload.view
    need = None if spec is None else host_needs.usual_start(spec)
    budget = None if view is None else startup_seconds(view.content)
    if need is None or view is None or budget is None or budget >= 2 * need:
        return None
    period = whole(mapping(view.content["startupProbe"]).get("periodSeconds")) or 10
    failures = -(-2 * need // period)

    def change(document: dict[str, Any]) -> None:
        for each in _same(document, found):
            each["startupProbe"]["failureThreshold"] = failures

    names = [at(each, "name") for each in _containers(found)]
    typed: tuple[str, ...] = ()
    if view.name in names and found.workload.name:
        path = f"/spec/template/spec/containers/{names.index(view.name)}/startupProbe/failureThreshold"
        patch = json.dumps([{"op": "add", "path": path, "value": failures}])
        where = ["-n", judged.evidence.namespace] if judged.evidence.namespace else []
        kind = f"{found.workload.kind.lower()}/{found.workload.name}"
        typed = (shlex.join(["kubectl", "patch", kind, *where, "--type=json", "-p", patch]),)
    return f"Set startupProbe.failureThreshold of the container {view.name} to {failures}.", typed, change


_CHANGES: Final[Mapping[tuple[str, ...], Callable[[Judged, Checked], Any]]] = {
    ("memory-limit", "shm-in-memory"): _more_memory,
    ("startup-budget",): _more_time,
}
"""Changes by the rules that they are to silence."""


def _containers(found: Checked) -> list[Any]:
    pod = found.workload.pod
    return [] if pod is None else items(pod.spec.get("containers"))


def _volumes(found: Checked) -> list[dict[str, Any]]:
    pod = found.workload.pod
    return [] if pod is None else [mapping(each) for each in items(pod.spec.get("volumes"))]


def _same(document: dict[str, Any], found: Checked) -> Iterator[dict[str, Any]]:
    """Yield the container of a changed object that a workload runs in."""
    spec = at(document, "spec", "template", "spec")
    for each in items(at(spec, "containers")):
        if isinstance(each, dict) and each.get("name") == found.workload.container:
            yield each
