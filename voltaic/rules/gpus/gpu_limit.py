"""Is a GPU asked for where Kubernetes reads it: under limits?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.rules.gpus._placement import mutated
from voltaic.rules.gpus._resources import SCHEDULE, asked
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "gpu-limit"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every GPU resource under requests alone, where nothing is known to add the limit."""
    if mutated(subject.pod):
        return
    limits = {one.name for one in asked(subject.container, "limits")}
    for one in asked(subject.container, "requests"):
        if one.name in limits or one.count == 0:
            continue
        yield Finding(
            rule=ID,
            message=f"{one.name}: {one.value} stands under requests alone; wanted is the same under limits.",
            why="An extended resource is never overcommitted: the API server refuses a request without a limit.",
            fix=f"Write resources.limits: {{{one.name}: {one.value}}}; the request follows from it.",
            sources=(SCHEDULE,),
            path=one.path,
        )


RULE: Final = Rule(
    id=ID,
    title="Is a GPU asked for under limits?",
    why="A GPU that stands under requests alone is refused by the API server, and nothing is started.",
    check=check,
    about="container",
    fix="Write the GPU under resources.limits.",
    sources=(SCHEDULE,),
)
