"""Are as many GPUs requested as the limit says?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.rules.gpus._placement import mutated
from voltaic.rules.gpus._resources import SCHEDULE, asked
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "gpu-request"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every GPU resource whose request is another number than its limit."""
    if mutated(subject.pod):
        return
    limits = {one.name: one.count for one in asked(subject.container, "limits")}
    for one in asked(subject.container, "requests"):
        limit = limits.get(one.name)
        if limit is None or one.count is None or one.count == limit:
            continue
        yield Finding(
            rule=ID,
            message=f"{one.name} has the request {one.count} and the limit {limit}; wanted is one number.",
            why="An extended resource is never overcommitted: the API server refuses a request that is not the limit.",
            fix=f"Leave {one.name} under requests away: the request is the limit then.",
            sources=(SCHEDULE,),
            path=one.path,
        )


RULE: Final = Rule(
    id=ID,
    title="Are as many GPUs requested as the limit says?",
    why="A GPU request that differs from its limit is refused by the API server, and nothing is started.",
    check=check,
    about="container",
    fix="Write GPUs under limits alone, or the same number in both places.",
    sources=(SCHEDULE,),
)
