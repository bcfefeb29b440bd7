"""Does a node that is selected have as many GPUs as the pod asks for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.rules.gpus._placement import choices, source
from voltaic.rules.gpus._resources import of_pod
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "node-gpu-count"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where every node that is selected has fewer GPUs than the containers of the pod need together."""
    wanted = of_pod(subject.pod)
    most = [choice.most_gpus for choice in choices(subject.pod)]
    if not most or None in most:
        return
    found, requirement = max((one for one in most if one is not None), key=lambda one: one[0])
    if found >= wanted:
        return
    yield Finding(
        rule=ID,
        message=(
            f"The pod asks for {wanted} GPUs, and nodes with {requirement} have {found}; wanted is a node with "
            f"{wanted} or more."
        ),
        why="All GPUs of a pod come from one node: the pod pends for ever.",
        fix=f"Ask for {found} GPU{'s' if found > 1 else ''} under resources.limits, or select nodes with {wanted}.",
        sources=(source("machines"), source("labels")),
        path=requirement.path,
    )


RULE: Final = Rule(
    id=ID,
    title="Does a node that is selected have as many GPUs as the pod asks for?",
    why="All GPUs of a pod come from one node; where no node has as many, the pod pends for ever.",
    check=check,
    about="pod",
    fix="Select nodes with as many GPUs as the pod's containers ask for together.",
)
