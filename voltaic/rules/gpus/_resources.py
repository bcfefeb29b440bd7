"""GPU resources as containers ask for them. Nothing here judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from voltaic.findings import Source
from voltaic.manifests.accelerators import SLICES, resource_names
from voltaic.manifests.plain import at, mapping, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Container, Pod

Side = Literal["limits", "requests"]
SCHEDULE: Final = Source(
    "kubernetes.io, Schedule GPUs: a GPU stands under limits; a request beside it must be equal, and alone is refused"
)
SHARED: Final = ".shared"
"""Ending of the resource of GPUs that several containers share (NVIDIA device plugin, renameByDefault)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One GPU resource under limits or requests."""

    name: str
    """`nvidia.com/gpu`."""
    value: Any
    """As written."""
    path: str
    """Field of the document."""

    @property
    def count(self) -> int | None:
        """GPUs or slices; None where it is no whole number."""
        return whole(self.value)


def is_gpu(name: str) -> bool:
    """Return whether a resource is one of GPUs, of their slices, or of shared GPUs."""
    return name in resource_names() or name.startswith(SLICES) or shared(name)


def shared(name: str) -> bool:
    """Return whether a resource is one of GPUs that several containers share."""
    return name.endswith(SHARED) and name.removesuffix(SHARED) in resource_names()


def asked(container: Container, side: Side) -> Iterator[Asked]:
    """Yield the GPU resources of a container under limits or requests."""
    for name, value in mapping(at(container.content, "resources", side)).items():
        if is_gpu(name):
            yield Asked(name, value, f"{container.path}.resources.{side}")


def gpus(container: Container) -> int:
    """Return how many whole GPUs a container asks for, as far as that can be read."""
    found = {one.name: one.count or 0 for side in ("requests", "limits") for one in asked(container, side)}
    return sum(count for name, count in found.items() if name in resource_names())


def of_pod(pod: Pod) -> int:
    """Return how many whole GPUs a pod holds: those of its containers, or more where an init container asks for more.

    Init containers run one after the other, before the others (kubernetes.io, Init Containers, resource sharing).
    """
    most = max((gpus(one) for one in pod.containers if one.init), default=0)
    return max(most, sum(gpus(one) for one in pod.containers if not one.init))
