"""Does the memory limit hold the shared memory too?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs, units
from voltaic.findings import Finding, Source
from voltaic.rules.host import _volumes
from voltaic.rules.host._sizes import size
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "shm-in-memory"
_SOURCES: Final = (
    Source(
        "kubernetes.io, Volumes, emptyDir: files on a volume of medium Memory count as memory of the "
        "container that wrote them"
    ),
    host_needs.source("rank"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a full /dev/shm leaves the server less memory than it certainly uses."""
    limit, spec = size(subject.container.limit("memory")), subject.spec
    shm = _volumes.place(subject.pod, subject.container, _volumes.SHARED_MEMORY)
    if limit is None or spec is None or shm.empty_dir is None or shm.empty_dir.get("medium") != "Memory":
        return
    shared, need, whole = size(shm.empty_dir.get("sizeLimit")), host_needs.memory(spec), host_needs.built(spec)
    if shared is None or need is None or limit - shared >= need.value or (whole is not None and limit < whole.value):
        return
    enough = units.quantity(units.round_up(need.value + shared, units.GIB))
    yield Finding(
        rule=ID,
        message=(
            f"The memory limit is {units.gib(limit)}, of which /dev/shm may take {units.gib(shared)}; the server needs "
            f"at least {units.gib(need.value)} beside it: {need.because}."
        ),
        why=(
            "What lies in /dev/shm counts as memory of the container: when it fills up, the kernel ends the "
            "server (signal 9)."
        ),
        fix=f"Set resources.limits.memory to {enough} or more, or a smaller sizeLimit on the volume.",
        sources=_SOURCES,
        path=f"{subject.container.path}.resources.limits.memory",
    )


RULE: Final = Rule(
    id=ID,
    title="Does the memory limit hold the shared memory too?",
    why=(
        "Shared memory counts within the memory limit; a limit that forgets it is reached in operation, not at "
        "the start."
    ),
    check=check,
    about="server",
    foreign="advisory",
    fix="Set resources.limits.memory to the working set and the sizeLimit of /dev/shm together.",
    sources=_SOURCES,
)
