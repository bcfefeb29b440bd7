"""Can what scales the server see its load, and get GPUs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items
from voltaic.rules.lifecycle import _beside, _quotas
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.documents import Object
    from voltaic.manifests.views import Subject


ID: Final = "autoscaler"
_SOURCES: Final = (
    Source("kubernetes.io, Horizontal Pod Autoscaling: without metrics it scales on 80 % of the CPU request"),
    Source("KEDA documentation, Scaling Deployments: triggers, maxReplicaCount"),
)
_HOST: Final = frozenset({"cpu", "memory"})


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for an autoscaler that watches the CPU alone, and for one that asks for more than a quota has."""
    if subject.spec is None or not subject.spec.gpus:
        return
    for scaler in _beside.scalers(subject):
        if _watches_host_alone(scaler):
            yield _finding(
                subject,
                f"{scaler.kind} {scaler.name} scales the server on CPU or memory; wanted is the queue of the engine.",
                "A GPU server keeps its CPUs as busy with one request as with many: it is scaled at the wrong time.",
                "Scale on a metric of the engine: requests that wait (vllm:num_requests_waiting, tgi_queue_size).",
            )
        yield from _beyond_quota(subject, scaler)


def _watches_host_alone(scaler: Object) -> bool:
    spec = at(scaler.content, "spec")
    if scaler.kind == "ScaledObject":
        kinds = [at(trigger, "type") for trigger in items(at(spec, "triggers"))]
        return bool(kinds) and _HOST.issuperset(str(kind) for kind in kinds)
    metrics = items(at(spec, "metrics"))
    names = [at(metric, "resource", "name") or at(metric, "containerResource", "name") for metric in metrics]
    return all(isinstance(name, str) and name in _HOST for name in names)


def _beyond_quota(subject: Subject, scaler: Object) -> Iterator[Finding]:
    count, replicas = _beside.most(scaler), subject.pod.replicas
    if count is None or (replicas is not None and count <= replicas):
        return
    for name, (each, hard, quota) in _quotas.bounds(subject).items():
        if name.startswith(_quotas.GPUS) and count * each > hard:
            asked = f"{count} replicas, {count * each:g} of {name}"
            yield _finding(
                subject,
                f"{scaler.kind} {scaler.name} may ask for {asked}; the quota {quota} has {hard:g}.",
                "Replicas beyond the quota are never created: the load stays where it is, and nobody is told.",
                f"Set the most replicas to {int(hard // each)}, or have the quota raised.",
            )


def _finding(subject: Subject, message: str, why: str, fix: str) -> Finding:
    return Finding(rule=ID, message=message, why=why, fix=fix, sources=_SOURCES, path=subject.pod.object_path)


RULE: Final = Rule(
    id=ID,
    title="Can what scales the server see its load, and get GPUs?",
    why="CPU says nothing about the load of a GPU, and replicas that no quota holds are never created.",
    check=check,
    about="server",
    foreign="advisory",
    whole_input=True,
    fix="Scale on the engine's queue, up to as many replicas as there are GPUs.",
    sources=_SOURCES,
)
