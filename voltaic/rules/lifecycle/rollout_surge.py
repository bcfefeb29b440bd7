"""Can an update start without GPUs that nobody has?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at
from voltaic.rules.lifecycle import _rollout
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "rollout-surge"
_SOURCES: Final = (
    Source(
        "Kubernetes API reference, apps/v1 RollingUpdateDeployment: maxSurge and maxUnavailable are 25 %, "
        "rounded up and down"
    ),
    Source(
        "https://github.com/ai-runway/airunway/issues/400, https://github.com/defilantech/LLMKube/issues/192",
        "reported",
    ),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a new pod must get GPUs before an old one gives its own back."""
    pod, spec = subject.pod, subject.spec
    steps = _rollout.surge(pod)
    if spec is None or not spec.gpus or steps is None or steps[1] > 0:
        return
    replicas = pod.replicas or 1
    stated = at(pod.holder.content, "spec", "strategy")
    how = "Without a strategy" if stated is None else "With this strategy"
    change = "type: Recreate" if replicas == 1 else "rollingUpdate: {maxSurge: 0, maxUnavailable: 1}"
    yield Finding(
        rule=ID,
        message=(
            f"{how} an update of {replicas} replica{'s' if replicas > 1 else ''} adds {steps[0]} and takes none "
            "down first."
        ),
        why=(
            f"The new pod waits for {spec.gpus} free GPU{'s' if spec.gpus > 1 else ''} that the old one holds, "
            "for ever where no other is free."
        ),
        fix=f"Set strategy: {{{change}}}.",
        sources=_SOURCES,
        path=f"{pod.object_path}.strategy" if stated is not None else pod.object_path,
    )


RULE: Final = Rule(
    id=ID,
    title="Can an update start without GPUs that nobody has?",
    why="A rollout that starts the new pod first waits for GPUs that the old pod holds.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Use Recreate for one replica, and maxSurge 0 with maxUnavailable 1 for several.",
    sources=_SOURCES,
)
