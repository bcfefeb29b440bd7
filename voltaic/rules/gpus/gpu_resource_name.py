"""Is the GPU asked for by the resource that its vendor's device plugin offers?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.accelerators import resource_names
from voltaic.rules.gpus._placement import choices
from voltaic.rules.gpus._resources import asked
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "gpu-resource-name"
_SOURCES: Final = (
    Source("NVIDIA/k8s-device-plugin README: nvidia.com/gpu; ROCm/k8s-device-plugin README: amd.com/gpu"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where every node that is selected offers the resource of another vendor."""
    placed = choices(subject.pod)
    if not placed or any(choice.gpus is None for choice in placed):
        return  # some node that is selected may have any GPU
    offered = {gpu.resource_name for choice in placed for gpu in choice.gpus or ()}
    if len(offered) != 1:
        return
    (wanted,) = offered
    for one in asked(subject.container, "limits"):
        if one.name not in resource_names() or one.name == wanted or one.count == 0:
            continue
        yield Finding(
            rule=ID,
            message=f"The limit is on {one.name}, and the nodes that are selected offer {wanted}.",
            why="Each vendor's device plugin offers a resource of its own, so that the pod pends.",
            fix=f"Write {wanted}: {one.value} under resources.limits, or select other nodes.",
            sources=_SOURCES,
            path=one.path,
        )


RULE: Final = Rule(
    id=ID,
    title="Is the GPU asked for by the name that its vendor's device plugin offers?",
    why="A pod that asks for NVIDIA GPUs on nodes with AMD GPUs, or the other way round, is never scheduled.",
    check=check,
    about="server",
    fix="Ask for nvidia.com/gpu on nodes with NVIDIA GPUs, and for amd.com/gpu on nodes with AMD GPUs.",
    sources=_SOURCES,
)
