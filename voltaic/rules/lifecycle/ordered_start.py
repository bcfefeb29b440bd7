"""Do replicas load side by side?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs
from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "ordered-start"
_SOURCES: Final = (
    Source("kubernetes.io, StatefulSets, Pod Management Policies: OrderedReady waits for each pod to be ready"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where each replica waits until the one before has loaded."""
    pod, count = subject.pod, subject.pod.replicas
    policy = at(pod.holder.content, "spec", "podManagementPolicy")
    if not any(at(view.content, probe) for view in pod.containers for probe in ("readinessProbe", "startupProbe")):
        return  # A pod is ready as soon as it runs, and the next one starts.
    if pod.holder.kind != "StatefulSet" or count is None or count <= 1 or policy not in {None, "OrderedReady"}:
        return
    usual = None if subject.spec is None else host_needs.usual_start(subject.spec)
    each = f" of some {usual} s" if usual is not None else ""
    yield Finding(
        rule=ID,
        message=f"{count} replicas start one after the other (podManagementPolicy OrderedReady); wanted is Parallel.",
        why=f"Each waits for the load{each} of the one before, while its GPUs are free.",
        fix="Set podManagementPolicy: Parallel, which takes a new StatefulSet.",
        sources=_SOURCES,
        path=pod.object_path,
    )


RULE: Final = Rule(
    id=ID,
    title="Do replicas load side by side?",
    why="Servers that wait for each other's load start minutes later than they could.",
    check=check,
    level="advisory",
    about="server",
    fix="Set podManagementPolicy: Parallel.",
    sources=_SOURCES,
)
