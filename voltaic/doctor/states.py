"""Kubernetes objects as facts: what their states, conditions and events say, one text each. Nothing here raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from voltaic.doctor.evidence import About, Fact, Log
from voltaic.manifests.plain import at, items, mapping, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

USUAL: Final = ("ContainerCreating", "PodInitializing")
"""Reasons for waiting that are no reasons for concern by themselves."""
LOG_POLICY: Final = "FallbackToLogsOnError"
"""`terminationMessagePolicy` with which a termination message is the end of the log."""
SCHEDULED_BY: Final = frozenset({"FailedScheduling", "NotTriggerScaleUp", "TriggeredScaleUp"})
STARTED_BY: Final = frozenset(
    {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "ErrImagePull", "InspectFailed"}
)
"""Reasons of events that are history once the container runs, or has run."""
PULLS: Final = ("pull", "image")
PROBE: Final = {"periodSeconds": 10, "failureThreshold": 3, "initialDelaySeconds": 0}
"""What Kubernetes takes where a probe says nothing (core/v1 Probe)."""


@dataclass(frozen=True, slots=True)
class PodState:
    """A pod, as far as a diagnosis asks."""

    name: str
    document: Mapping[str, Any] = field(repr=False)
    ready: bool
    over: bool
    """Whether it is history: done, or failed while others took its place."""
    state: str
    """One word: `Running`, `CrashLoopBackOff`, `Pending`."""
    restarts: int
    node: str | None
    owner: tuple[str, str] | None


def objects(documents: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the Kubernetes objects among documents, those of lists among them."""
    found: list[dict[str, Any]] = []
    left = list(documents)[::-1]
    while left:
        item = mapping(left.pop())
        if "items" in item and isinstance(item["items"], list):
            kind = (text(item.get("kind")) or "List").removesuffix("List")
            left += [{"kind": kind, **mapping(each)} if kind else each for each in reversed(item["items"])]
        elif text(item.get("kind")):
            found.append(item)
    return found


def pod_states(documents: Sequence[Mapping[str, Any]]) -> list[PodState]:
    """Return the pods among objects, by name."""
    pods = [_pod(each) for each in documents if each.get("kind") == "Pod"]
    ready = {pod.owner for pod in pods if pod.ready and pod.owner}
    return sorted(
        (
            _superseded(pod) if pod.state in {"Evicted", "Failed", "Preempting"} and pod.owner in ready else pod
            for pod in pods
        ),
        key=lambda pod: pod.name,
    )


def moment(value: Any) -> datetime | None:
    """Return a moment as Kubernetes writes it (RFC 3339); None for anything else."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def facts(documents: Sequence[Mapping[str, Any]], pods: Sequence[PodState], now: datetime | None) -> Iterator[Fact]:
    """Yield what states, conditions and events of objects say."""
    for pod in pods:
        if not pod.over:
            yield from _of_pod(pod, now)
    for document in documents:
        kind = document.get("kind")
        if kind in {"Deployment", "ReplicaSet", "StatefulSet", "Job", "ReplicationController"}:
            yield from _of_workload(document)
        elif kind == "PersistentVolumeClaim":
            yield from _of_claim(document)
        elif kind == "Event":
            yield from _of_event(document, documents, {pod.name: pod for pod in pods})


def last_words(pods: Sequence[PodState]) -> Iterator[Log]:
    """Yield the ends of logs that containers left as termination messages: they are there without rights on logs."""
    for pod in pods:
        for container, status in _containers(pod.document):
            for key in ("state", "lastState"):
                said = text(at(status, key, "terminated", "message"))
                if said and container.get("terminationMessagePolicy") == LOG_POLICY and not pod.over:
                    previous = key == "lastState"
                    yield Log(tuple(said.splitlines()), pod.name, text(container.get("name")), previous)


def _pod(document: Mapping[str, Any]) -> PodState:
    status, meta = mapping(document.get("status")), mapping(document.get("metadata"))
    deleting = "deletionTimestamp" in meta
    conditions = {text(at(each, "type")): at(each, "status") for each in items(status.get("conditions"))}
    restarts = [whole(at(found, "restartCount")) or 0 for _, found in _containers(document)]
    phase = text(status.get("phase")) or "Unknown"
    owner = next((each for each in items(meta.get("ownerReferences")) if at(each, "controller") is not False), None)
    ready = conditions.get("Ready") == "True" and not deleting
    named = (text(at(owner, "kind")), text(at(owner, "name")))
    return PodState(
        name=text(meta.get("name")) or "",
        document=document,
        ready=ready,
        over=phase == "Succeeded",
        state="Terminating" if deleting else text(status.get("reason")) or _waiting(document) or phase,
        restarts=sum(restarts),
        node=text(at(document, "spec", "nodeName")),
        owner=(named[0], named[1]) if named[0] and named[1] else None,
    )


def _superseded(pod: PodState) -> PodState:
    return PodState(pod.name, pod.document, pod.ready, True, pod.state, pod.restarts, pod.node, pod.owner)


def _waiting(document: Mapping[str, Any]) -> str | None:
    for _, status in _containers(document):
        for kind in ("waiting", "terminated"):
            found = mapping(at(status, "state", kind))
            if found and not (kind == "terminated" and found.get("exitCode") == 0):
                return text(found.get("reason"))
    return None


def _containers(document: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each container of a pod with its status, init containers first."""
    found = []
    for key, states in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
        known = {text(at(each, "name")): mapping(each) for each in items(at(document, "status", states))}
        wanted = [mapping(each) for each in items(at(document, "spec", key))]
        names = {text(each.get("name")) for each in wanted}
        found += [(each, known.get(text(each.get("name")), {})) for each in wanted]
        found += [({"name": name}, status) for name, status in known.items() if name not in names]
    return found


def _of_pod(pod: PodState, now: datetime | None) -> Iterator[Fact]:
    status = mapping(pod.document.get("status"))
    about = About("Pod", pod.name)
    if reason := text(status.get("reason")):
        yield Fact("state", f"{status.get('phase')} {reason}: {text(status.get('message')) or ''}", about, pod.ready)
    for condition in items(status.get("conditions")):
        kind, value = text(at(condition, "type")), at(condition, "status")
        if (kind == "PodScheduled" and value == "False") or (kind == "DisruptionTarget" and value == "True"):
            said = f"{kind}={value} {text(at(condition, 'reason')) or ''}: {text(at(condition, 'message')) or ''}"
            yield Fact("state", said + intolerance(pod.document, said), about, pod.ready)
    for container, state in _containers(pod.document):
        yield from _of_container(pod, container, state, now)


def _of_container(
    pod: PodState, container: Mapping[str, Any], status: Mapping[str, Any], now: datetime | None
) -> Iterator[Fact]:
    about = About("Pod", pod.name, text(container.get("name")))
    waiting = mapping(at(status, "state", "waiting"))
    reason = text(waiting.get("reason"))
    if reason and reason not in USUAL:
        yield Fact("state", f"waiting {reason}: {text(waiting.get('message')) or ''}", about, pod.ready)
    restarts = whole(status.get("restartCount")) or 0
    for key in ("state", "lastState"):
        ended = mapping(at(status, key, "terminated"))
        code = whole(ended.get("exitCode"))
        if not ended or (code == 0 and not restarts):
            continue
        said = text(ended.get("message")) or ""
        told = "" if container.get("terminationMessagePolicy") == LOG_POLICY else said
        line = f"terminated {text(ended.get('reason')) or 'Error'}, exit code {code}, {restarts} restarts: {told}"
        yield Fact("state", line.rstrip(": "), about, pod.ready, previous=key == "lastState")
    running = moment(at(status, "state", "running", "startedAt"))
    if running is not None and status.get("ready") is False and now is not None:
        seconds = max(0, int((now - running).total_seconds()))
        budget = startup_seconds(container)
        told = "no startup probe" if budget is None else f"a startup probe that waits {budget} s"
        yield Fact("state", f"running and not ready for {seconds} s, {told}, {restarts} restarts", about, pod.ready)


def intolerance(document: Mapping[str, Any], said: str) -> str:
    """Return, where taints keep a pod that asks for GPUs off nodes, that it tolerates none of GPU nodes.

    The scheduler names no taints: nodes without GPUs and tainted nodes with GPUs look like too few GPUs otherwise.
    """
    containers = [mapping(each) for each in items(at(document, "spec", "containers"))]
    limits = [name for each in containers for name in mapping(at(each, "resources", "limits"))]
    wants = any(str(name).endswith("/gpu") for name in limits)
    tolerated = [mapping(each) for each in items(at(document, "spec", "tolerations"))]
    keys = {text(each.get("key")) for each in tolerated}
    if "untolerated taint" not in said or not wants or any(key is None or "gpu" in key for key in keys):
        return ""
    return " (the pod tolerates no taint of GPU nodes)"


def startup_seconds(container: Mapping[str, Any]) -> int | None:
    """Return how long the startup probe of a container waits, in seconds; None where it has none."""
    probe = mapping(container.get("startupProbe"))
    if not probe:
        return None
    period, failures, delay = ((whole(probe.get(key)) or default) for key, default in PROBE.items())
    return delay + period * failures


def _of_workload(document: Mapping[str, Any]) -> Iterator[Fact]:
    if document.get("kind") == "ReplicaSet" and at(document, "spec", "replicas") == 0:
        return
    about = About(str(document.get("kind")), text(at(document, "metadata", "name")) or "")
    for condition in items(at(document, "status", "conditions")):
        kind, value, reason = (text(at(condition, key)) for key in ("type", "status", "reason"))
        bad = (kind in {"ReplicaFailure", "Failed"} and value == "True") or (kind == "Progressing" and value == "False")
        if bad:
            yield Fact("state", f"{kind}={value} {reason}: {text(at(condition, 'message')) or ''}", about)


def _of_claim(document: Mapping[str, Any]) -> Iterator[Fact]:
    phase = text(at(document, "status", "phase"))
    if phase in {"Pending", "Lost"}:
        name = text(at(document, "metadata", "name")) or ""
        storage = text(at(document, "spec", "storageClassName"))
        yield Fact(
            "state", f"claim is {phase}, storage class {storage or 'none'}", About("PersistentVolumeClaim", name)
        )


def _of_event(
    document: Mapping[str, Any], documents: Sequence[Mapping[str, Any]], pods: Mapping[str, PodState]
) -> Iterator[Fact]:
    subject = mapping(document.get("involvedObject")) or mapping(document.get("regarding"))
    kind, name = text(subject.get("kind")) or "", text(subject.get("name")) or ""
    reason = text(document.get("reason")) or ""
    said = text(document.get("message")) or text(document.get("note")) or ""
    if document.get("type") == "Normal" and reason not in {
        "Killing",
        "NotTriggerScaleUp",
        "TaintManagerEviction",
        "Preempted",
    }:
        return
    if _is_history(kind, name, reason, said, documents, pods):
        return
    pod = pods.get(name) if kind == "Pod" else None
    if pod is not None and reason in SCHEDULED_BY:
        said += intolerance(pod.document, said)
    container = text(subject.get("fieldPath")) or ""
    about = About(kind, name, container[container.find("{") + 1 : -1] if container.endswith("}") else None)
    yield Fact("event", f"{reason}: {said.strip()}", about, pod is not None and pod.ready)


def _is_history(  # noqa: PLR0917  the parts of one event
    kind: str,
    name: str,
    reason: str,
    said: str,
    documents: Sequence[Mapping[str, Any]],
    pods: Mapping[str, PodState],
) -> bool:
    """Return whether an event is about what is gone, or over."""
    if kind == "Pod":
        pod = pods.get(name)
        if pod is None:
            return bool(pods)
        begun = any(
            at(status, "state", "running") or at(status, "lastState", "terminated")
            for _, status in _containers(pod.document)
        )
        pulling = reason in {"Failed", "BackOff"} and any(word in said.lower() for word in PULLS)
        return (
            pod.over
            or (pod.ready and reason not in {"Unhealthy", "Killing"})
            or (pod.node is not None and reason in SCHEDULED_BY)
            or (begun and (reason in STARTED_BY or pulling))
        )
    if kind == "ReplicaSet":
        alike = [each for each in documents if each.get("kind") == kind]
        wanted = [each for each in alike if at(each, "metadata", "name") == name]
        return bool(alike) and not any(at(each, "spec", "replicas") != 0 for each in wanted)
    if kind == "PersistentVolumeClaim":
        claims = [each for each in documents if each.get("kind") == kind and at(each, "metadata", "name") == name]
        return any(at(each, "status", "phase") == "Bound" for each in claims)
    return False
