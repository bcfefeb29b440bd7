"""Does the quota of the namespace hold all replicas?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import units
from voltaic.findings import Finding, Source
from voltaic.rules.lifecycle import _quotas
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "quota"
_SOURCES: Final = (
    Source("kubernetes.io, Resource Quotas: a pod beyond a hard limit is refused; requests.nvidia.com/gpu"),
)
_HOLDERS: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for the first resource of which the replicas ask more than a quota of the input has."""
    pod = subject.pod
    replicas = pod.replicas if pod.holder.kind in _HOLDERS else 1
    if replicas is None or replicas < 1:
        return
    for name, (each, hard, quota) in _quotas.bounds(subject).items():
        if replicas * each <= hard:
            continue
        asked = f"{replicas} replicas ask" if replicas > 1 else "The pod asks"
        wanted = _shown(name, replicas * each)
        yield Finding(
            rule=ID,
            message=f"{asked} for {wanted} of {name}; the quota {quota} has {_shown(name, hard)}.",
            why="The API server refuses pods beyond the quota: they are never created, and the object waits.",
            fix=f"Ask for less, or have {name} of the quota raised to {wanted} or more.",
            sources=_SOURCES,
            path=pod.object_path,
        )
        return


def _shown(name: str, number: float) -> str:
    return units.gib(int(number)) if name.endswith(("memory", "storage")) else f"{number:g}"


RULE: Final = Rule(
    id=ID,
    title="Does the quota of the namespace hold all replicas?",
    why="Pods beyond the quota are never created.",
    check=check,
    about="pod",
    whole_input=True,
    fix="Ask for no more than the quota has, for all replicas together.",
    sources=_SOURCES,
)
