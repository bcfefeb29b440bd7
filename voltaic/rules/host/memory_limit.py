"""Does the model fit into the memory limit while it is loaded?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs, units
from voltaic.findings import Finding
from voltaic.rules.host._sizes import size
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "memory-limit"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the whole model is built in host memory, and the limit is below it."""
    if subject.spec is None:
        return
    limit, least = size(subject.container.limit("memory")), host_needs.built(subject.spec)
    need = host_needs.memory(subject.spec)
    if limit is None or least is None or need is None or limit >= least.value:
        return
    enough = units.quantity(units.round_up(need.value, units.GIB))
    yield Finding(
        rule=ID,
        message=f"The memory limit is {units.gib(limit)}; loading needs at least {least.because}.",
        why="The kernel ends the process while it loads (signal 9, OOMKilled), at every start.",
        fix=f"Set resources.limits.memory to {enough} and what the largest weights file and /dev/shm need.",
        sources=(host_needs.source("built"),),
        path=f"{subject.container.path}.resources.limits.memory",
    )


RULE: Final = Rule(
    id=ID,
    title="Does the model fit into the memory limit while it is loaded?",
    why="An engine that builds the model in host memory before it moves to the GPU is killed below its size.",
    check=check,
    about="server",
    fix="Raise resources.limits.memory above the model, its largest weights file and /dev/shm together.",
    sources=(host_needs.source("built"),),
)
