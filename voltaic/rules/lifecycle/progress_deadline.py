"""Does the rollout wait as long as a start may take?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, whole
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "progress-deadline"
_SOURCES: Final = (
    Source("kubernetes.io, Deployments, Progress Deadline Seconds: 600 where nothing is said; above minReadySeconds"),
)
_DEFAULT: Final = 600


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a rollout is reported as failed while its pods still have time to start."""
    pod, probe = subject.pod, _probes.probe(subject.container, "startupProbe")
    if pod.holder.kind != "Deployment" or probe is None or probe.budget is None:
        return
    written = at(pod.holder.content, "spec", "progressDeadlineSeconds")
    deadline = _DEFAULT if written is None else whole(written)
    if deadline is None or deadline >= probe.budget:
        return
    found = (
        f"progressDeadlineSeconds is {deadline}"
        if written is not None
        else f"progressDeadlineSeconds is not set, which is {deadline}"
    )
    yield Finding(
        rule=ID,
        message=f"{found}; the startupProbe gives a start {probe.budget} s.",
        why=(
            "The rollout is reported as failed while the server still loads: whoever waits for it gives up or "
            "rolls back."
        ),
        fix=f"Set progressDeadlineSeconds: {probe.budget} and the time to pull the image.",
        sources=_SOURCES,
        path=f"{pod.object_path}.progressDeadlineSeconds" if written is not None else pod.object_path,
    )


RULE: Final = Rule(
    id=ID,
    title="Does the rollout wait as long as a start may take?",
    why="A deadline below the startup probe's patience reports a failure where there is none.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Set progressDeadlineSeconds above the startup probe's budget and the image's download.",
    sources=_SOURCES,
)
