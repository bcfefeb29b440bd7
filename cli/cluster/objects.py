"""What the API server answers, read into plain data (`data.py`). Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.cluster.data import (
    Claim,
    Condition,
    Container,
    Event,
    Pod,
    Port,
    Quota,
    Service,
    State,
    Termination,
    Workload,
    is_gpu,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Claim",
    "Condition",
    "Container",
    "Event",
    "Pod",
    "Port",
    "Quota",
    "Service",
    "State",
    "Termination",
    "Workload",
    "claim",
    "event",
    "is_gpu",
    "pod",
    "quota",
    "service",
    "time",
    "workload",
]


def pod(item: Mapping[str, Any]) -> Pod:
    """Read a pod."""
    meta, spec, status = (_map(item, key) for key in ("metadata", "spec", "status"))
    return Pod(
        name=_text(meta, "name"),
        namespace=_text(meta, "namespace"),
        labels=_map(meta, "labels"),
        annotations=_map(meta, "annotations"),
        phase=_text(status, "phase") or "Unknown",
        reason=_text(status, "reason"),
        message=_text(status, "message"),
        node=_text(spec, "nodeName") or None,
        owner=_owner(meta),
        created=time(meta.get("creationTimestamp")),
        deleting="deletionTimestamp" in meta,
        containers=tuple(_containers(spec, status, "containers", "containerStatuses")),
        init_containers=tuple(_containers(spec, status, "initContainers", "initContainerStatuses")),
        conditions=_conditions(status),
        raw=item,
    )


def event(item: Mapping[str, Any]) -> Event:
    """Read an event of the core group."""
    meta, about, series = (_map(item, key) for key in ("metadata", "involvedObject", "series"))
    moments = [item.get("lastTimestamp"), series.get("lastObservedTime"), item.get("eventTime")]
    created = time(meta.get("creationTimestamp"))
    return Event(
        type=_text(item, "type"),
        reason=_text(item, "reason"),
        message=_text(item, "message").strip(),
        kind=_text(about, "kind"),
        name=_text(about, "name"),
        count=item.get("count") or series.get("count") or 1,
        first=time(item.get("firstTimestamp")) or time(item.get("eventTime")) or created,
        last=next((found for text in moments if (found := time(text))), created),
        source=_text(_map(item, "source"), "component") or _text(item, "reportingComponent"),
        raw=item,
    )


def workload(item: Mapping[str, Any]) -> Workload:
    """Read a Deployment, ReplicaSet, StatefulSet or Job."""
    meta, spec, status = (_map(item, key) for key in ("metadata", "spec", "status"))
    annotations = _map(meta, "annotations")
    replicas = spec.get("replicas", spec.get("parallelism"))
    return Workload(
        kind=_text(item, "kind"),
        name=_text(meta, "name"),
        labels=_map(meta, "labels"),
        annotations=annotations,
        selector=_map(_map(spec, "selector"), "matchLabels"),
        wanted=1 if replicas is None else int(replicas),
        pods=int(status.get("replicas") or status.get("active") or 0),
        ready=int(status.get("readyReplicas") or status.get("ready") or 0),
        updated=int(status.get("updatedReplicas") or 0),
        revision=annotations.get("deployment.kubernetes.io/revision"),
        owner=_owner(meta),
        created=time(meta.get("creationTimestamp")),
        conditions=_conditions(status),
        raw=item,
    )


def claim(item: Mapping[str, Any]) -> Claim:
    """Read a volume claim."""
    meta, spec, status = (_map(item, key) for key in ("metadata", "spec", "status"))
    return Claim(
        name=_text(meta, "name"),
        labels=_map(meta, "labels"),
        phase=_text(status, "phase") or "Pending",
        requested=_map(_map(spec, "resources"), "requests").get("storage"),
        capacity=_map(status, "capacity").get("storage"),
        storage_class=spec.get("storageClassName"),
        volume=_text(spec, "volumeName") or None,
        created=time(meta.get("creationTimestamp")),
        raw=item,
    )


def service(item: Mapping[str, Any]) -> Service:
    """Read a Service."""
    meta, spec = _map(item, "metadata"), _map(item, "spec")
    return Service(
        name=_text(meta, "name"),
        labels=_map(meta, "labels"),
        selector=_map(spec, "selector"),
        type=_text(spec, "type") or "ClusterIP",
        ports=tuple(Port(port.get("name"), int(port["port"]), port.get("targetPort")) for port in _list(spec, "ports")),
        raw=item,
    )


def quota(item: Mapping[str, Any]) -> Quota:
    """Read a ResourceQuota."""
    status = _map(item, "status")
    hard = _map(status, "hard") or _map(_map(item, "spec"), "hard")
    return Quota(_text(_map(item, "metadata"), "name"), hard, _map(status, "used"), item)


def time(text: Any) -> datetime | None:
    """Read a moment as Kubernetes writes it (RFC 3339); None for anything else."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _containers(spec: Mapping[str, Any], status: Mapping[str, Any], key: str, states: str) -> Iterable[Container]:
    known = {_text(found, "name"): found for found in _list(status, states)}
    for wanted in _list(spec, key):
        found = known.get(_text(wanted, "name"), {})
        state = _map(found, "state")
        kind: State = next((name for name in ("waiting", "running", "terminated") if name in state), "unknown")
        now, resources = _map(state, kind), _map(wanted, "resources")
        yield Container(
            name=_text(wanted, "name"),
            image=_text(wanted, "image"),
            init=key == "initContainers",
            ready=bool(found.get("ready")),
            started=found.get("started"),
            restarts=int(found.get("restartCount") or 0),
            state=kind,
            reason=_text(now, "reason"),
            message=_text(now, "message"),
            since=time(now.get("startedAt")) if kind == "running" else None,
            ended=_termination(state),
            last=_termination(_map(found, "lastState")),
            ports=tuple(Port(port.get("name"), int(port["containerPort"])) for port in _list(wanted, "ports")),
            requests={name: str(value) for name, value in _map(resources, "requests").items()},
            limits={name: str(value) for name, value in _map(resources, "limits").items()},
            args=tuple(map(str, wanted.get("args") or ())),
            env={_text(each, "name"): str(each["value"]) for each in _list(wanted, "env") if "value" in each},
        )


def _termination(state: Mapping[str, Any]) -> Termination | None:
    ended = _map(state, "terminated")
    if not ended:
        return None
    code = int(ended.get("exitCode") or 0)
    stated = ended.get("signal")
    return Termination(
        exit_code=code,
        signal=int(stated) if stated else (code - 128 if 128 < code < 128 + 65 else None),  # noqa: PLR2004  as shells count
        reason=_text(ended, "reason"),
        message=_text(ended, "message"),
        started=time(ended.get("startedAt")),
        finished=time(ended.get("finishedAt")),
    )


def _conditions(status: Mapping[str, Any]) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            _text(found, "type"),
            _text(found, "status"),
            _text(found, "reason"),
            _text(found, "message"),
            time(found.get("lastTransitionTime")),
        )
        for found in _list(status, "conditions")
    )


def _owner(meta: Mapping[str, Any]) -> tuple[str, str] | None:
    owners = [found for found in _list(meta, "ownerReferences") if found.get("controller")]
    return (_text(owners[0], "kind"), _text(owners[0], "name")) if owners else None


def _map(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = mapping.get(key)
    return found if isinstance(found, dict) else {}


def _list(mapping: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = mapping.get(key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _text(mapping: Mapping[str, Any], key: str) -> str:
    found = mapping.get(key)
    return found if isinstance(found, str) else ""
