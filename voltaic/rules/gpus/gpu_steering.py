"""Does a pod that tolerates nodes with a certain GPU also select them?"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from voltaic import hardware
from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, text
from voltaic.rules.gpus._placement import steers
from voltaic.rules.gpus._resources import of_pod
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "gpu-steering"
_SOURCES: Final = (Source("kubernetes.io, Taints and Tolerations: they allow scheduling and require nothing"),)


@cache
def _names() -> frozenset[str]:
    """Return the short names of GPU models: `v100`, `a100`."""
    return frozenset(gpu.name.partition("-")[0] for gpu in hardware.gpu_models())


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a toleration names a GPU model and nothing selects nodes."""
    pod = subject.pod
    if not of_pod(pod) or steers(pod):
        return
    for index, toleration in enumerate(items(pod.spec.get("tolerations"))):
        key, value = text(at(toleration, "key")) or "", text(at(toleration, "value")) or ""
        words = re.split(r"[^a-z0-9]+", f"{key} {value}".lower())
        named = next((word for word in words if word.removesuffix("s") in _names() or word in _names()), None)
        if named is None:
            continue
        taint = f"{key}={value}" if value else key
        yield Finding(
            rule=ID,
            message=f"The pod tolerates {taint}, and nothing selects nodes with such a GPU; wanted is a node selector.",
            why="A toleration lets a pod onto tainted nodes and steers it to none: it may land on another GPU.",
            fix="Add spec.nodeSelector with the label of the GPU, as nvidia.com/gpu.product, beside the toleration.",
            sources=_SOURCES,
            path=f"{pod.path}.tolerations[{index}]",
        )
        return


RULE: Final = Rule(
    id=ID,
    title="Does a pod that tolerates nodes with a certain GPU also select them?",
    why="A toleration lets a pod in; without a selector the pod may land on any other GPU.",
    check=check,
    level="advisory",
    about="pod",
    fix="Select the nodes by the label that names their GPU, beside the toleration.",
    sources=_SOURCES,
)
