"""Does the preStop hook leave the server time to end?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.lifecycle import _rollout
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "pre-stop"
_SOURCES: Final = (Source("kubernetes.io, Container Lifecycle Hooks: the grace period begins before the preStop hook"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a hook sleeps through the time that the pod has to end."""
    grace = _rollout.grace(subject.pod)
    for container in subject.pod.containers:
        hook, field = _rollout.pre_stop(container.content.get("lifecycle"))
        if grace is None or hook == 0 or hook < grace or container.role != "server":
            continue
        yield Finding(
            rule=ID,
            message=f"The preStop hook sleeps {hook} s; the pod has {grace} s to end.",
            why="The server is never told to end: it is killed when the time is over, with all answers that run.",
            fix=f"Set terminationGracePeriodSeconds: {hook + 120}, or a shorter sleep of 5 to 15 s.",
            sources=_SOURCES,
            path=f"{container.path}.{field}",
        )


RULE: Final = Rule(
    id=ID,
    title="Does the preStop hook leave the server time to end?",
    why="A hook as long as the grace period keeps the signal to end from the server.",
    check=check,
    about="pod",
    foreign="advisory",
    fix="Sleep 5 to 15 s in the hook, and set terminationGracePeriodSeconds well above.",
    sources=_SOURCES,
)
