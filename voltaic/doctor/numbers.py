"""Numbers of a manifest that explain a failure: sentences, each only where it is certain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs
from voltaic.doctor.states import startup_seconds
from voltaic.manifests.plain import at, mapping
from voltaic.manifests.views import size
from voltaic.units import gib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from voltaic.doctor.evidence import About
    from voltaic.doctor.judged import Judged
    from voltaic.manifests.views import Container, Pod

SHM: Final = "/dev/shm"  # noqa: S108  the shared memory of a container, no file of ours
DEFAULT_SHM: Final = "64 MiB"
"""Shared memory of a container without a volume there: the default of runc and containerd."""


def memory(judged: Judged, about: About) -> Iterator[str]:
    """Yield the memory limit, what shared memory may take of it, and what loading needs."""
    container, pod = _seen(judged, about)
    limit = None if container is None else size(container.limit("memory"))
    if container is None or pod is None or limit is None:
        return
    volume = _shm(pod, container)
    bound = size(at(volume, "emptyDir", "sizeLimit"))
    if volume is not None and at(volume, "emptyDir", "medium") == "Memory":
        share = "without a bound" if bound is None else f"up to {gib(bound)}"
        yield f"The memory limit is {gib(limit)}, of which {SHM} may take a part, {share}."
    else:
        yield f"The memory limit is {gib(limit)}."
    spec = judged.spec(about)
    need = None if spec is None else host_needs.memory(spec)
    if need is not None:
        yield f"Loading takes at least {gib(need.value)}: {need.because}."


def shared(judged: Judged, about: About) -> Iterator[str]:
    """Yield how large the shared memory is."""
    container, pod = _seen(judged, about)
    if container is None or pod is None:
        return
    volume = _shm(pod, container)
    bound = size(at(volume, "emptyDir", "sizeLimit"))
    if volume is None:
        yield f"No volume is mounted at {SHM}, so that it has the {DEFAULT_SHM} of the container runtime."
    elif bound is not None:
        yield f"{SHM} is bounded to {gib(bound)}."


def gpus(judged: Judged, about: About) -> Iterator[str]:
    """Yield the GPUs that the server is given, and the processes that it starts."""
    spec = judged.spec(about)
    if spec is None or spec.gpus is None:
        return
    kind = "GPUs" if spec.gpu is None else f"x {spec.gpu.title}"
    yield f"The pod has {spec.gpus} {kind}."


def served(judged: Judged, about: About) -> Iterator[str]:
    """Yield what is served, by which release, on what."""
    spec = judged.spec(about)
    if spec is None:
        return
    card = "" if spec.gpu is None else f" on {spec.gpus or 1} x {spec.gpu.title} ({spec.gpu.arch})"
    yield f"It is {spec.release} with {spec.model.id or 'a model that is not known'}{card}."


def startup(judged: Judged, about: About) -> Iterator[str]:
    """Yield how long the startup probe waits, and how long the start takes at least."""
    container, _ = _seen(judged, about)
    budget = None if container is None else startup_seconds(container.content)
    if budget is not None:
        yield f"The startup probe waits {budget} s."
    spec = judged.spec(about)
    need = None if spec is None else host_needs.usual_start(spec)
    if need is not None:
        yield f"A cold start takes about {need} s."


SENTENCES: Final[Mapping[str, Callable[[Judged, About], Iterator[str]]]] = {
    "memory": memory,
    "shared": shared,
    "gpus": gpus,
    "served": served,
    "startup": startup,
}
"""Sentences by the name that patterns call them by."""


def _seen(judged: Judged, about: About) -> tuple[Container | None, Pod | None]:
    found = judged.server(about)
    return judged.container(about), None if found is None else found.workload.pod


def _shm(pod: Pod, container: Container) -> dict[str, object] | None:
    """Return the volume that is mounted at /dev/shm; None where none is."""
    for mount, _ in container.mounts():
        if str(mount.get("mountPath", "")).rstrip("/") == SHM:
            volume = pod.volumes.get(str(mount.get("name")))
            return None if volume is None else mapping(volume[0])
    return None
