"""Does every container state what the quota counts?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.lifecycle import _quotas
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "quota-limits"
_SOURCES: Final = (
    Source("kubernetes.io, Resource Quotas: where cpu or memory is counted, every container must state it"),
)
_COUNTED: Final = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a container leaves out what a quota counts, and nothing in the input fills it in."""
    if any(subject.others.of_kind("LimitRange", namespace=subject.pod.namespace)):
        return
    hard = _quotas.hard(subject)
    for container in subject.pod.containers:
        missing = [name for name in _COUNTED if name in hard and _quotas.stated(container, name) is None]
        if missing:
            what, quota = " and ".join(missing), hard[missing[0]][1]
            yield Finding(
                rule=ID,
                message=f"The container {container.name} does not state {what}, which the quota {quota} counts.",
                why="Unless a LimitRange of the namespace fills it in, the API server refuses every pod.",
                fix=f"Set {', '.join(f'resources.{name}' for name in missing)} for it; init containers count too.",
                sources=_SOURCES,
                path=container.path,
            )


RULE: Final = Rule(
    id=ID,
    title="Does every container state what the quota counts?",
    why="With a quota on CPU or memory, pods of containers that do not state them are refused.",
    check=check,
    about="pod",
    foreign="advisory",
    whole_input=True,
    fix="State requests and limits of cpu and memory for every container.",
    sources=_SOURCES,
)
