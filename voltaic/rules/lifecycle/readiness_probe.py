"""Is the server kept out of the Service until it is ready?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import items
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "readiness-probe"
_SOURCES: Final = (
    Source(
        "kubernetes.io, Configure Liveness, Readiness and Startup Probes: without one a container is ready when it runs"
    ),
)
_SERVING: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"})


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where nothing tells that the server cannot answer yet."""
    container = subject.container
    if subject.pod.holder.kind not in _SERVING:
        return
    # A container with a startup probe is not ready before that succeeded.
    if any(_probes.probe(container, kind) is not None for kind in ("readinessProbe", "startupProbe")):
        return
    if container.init or any(entry for entry in items(subject.pod.spec.get("readinessGates"))):
        return
    yield Finding(
        rule=ID,
        message="There is no readinessProbe and no startupProbe; wanted is one on the server's own health route.",
        why=(
            "The pod counts as ready while it loads for minutes: requests fail, and a rollout ends the old pod at once."
        ),
        fix="Add a readinessProbe: httpGet on /health and the server's port.",
        sources=_SOURCES,
        path=container.path,
    )


RULE: Final = Rule(
    id=ID,
    title="Is the server kept out of the Service until it is ready?",
    why="Without a probe a pod gets requests, and counts as a success, minutes before the model is loaded.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Add a readinessProbe on the engine's health route.",
    sources=_SOURCES,
)
