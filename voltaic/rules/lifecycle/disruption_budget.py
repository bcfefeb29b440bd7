"""Can a node be drained while the server runs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, mapping
from voltaic.rules.lifecycle import _beside, _rollout
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "disruption-budget"
_SOURCES: Final = (
    Source("kubernetes.io, Specifying a Disruption Budget: percentages are rounded up; no eviction is allowed at 0"),
)
_HOLDERS: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for a budget that never lets a pod go."""
    pod, replicas = subject.pod, subject.pod.replicas
    if pod.holder.kind not in _HOLDERS or not replicas or any(_beside.scalers(subject)):
        return
    for budget in subject.others.of_kind("PodDisruptionBudget", namespace=pod.namespace):
        spec = mapping(at(budget.content, "spec"))
        if at(spec, "selector", "matchExpressions") or not _beside.selects(at(spec, "selector", "matchLabels"), pod):
            continue
        field = "minAvailable" if spec.get("minAvailable") is not None else "maxUnavailable"
        stated = spec.get(field)
        number = None if stated is None else _rollout.share(stated, replicas, up=True)
        if number is None or (number < replicas if field == "minAvailable" else number > 0):
            continue
        count = f"{replicas} replica{'s' if replicas > 1 else ''}"
        yield Finding(
            rule=ID,
            message=f"PodDisruptionBudget {budget.name} has {field} {stated} for {count}: none may go.",
            why="A node with this pod is never drained: updates of the node wait, or end the pod by force after all.",
            fix="Leave the budget out for one replica, or set maxUnavailable: 1.",
            sources=_SOURCES,
            path=pod.object_path,
        )


RULE: Final = Rule(
    id=ID,
    title="Can a node be drained while the server runs?",
    why="A budget that never lets a pod go blocks whoever looks after the nodes.",
    check=check,
    about="server",
    foreign="advisory",
    whole_input=True,
    fix="Set maxUnavailable: 1, or no budget for one replica.",
    sources=_SOURCES,
)
