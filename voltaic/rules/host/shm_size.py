"""Is the shared memory large enough, and bounded?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs, units
from voltaic.findings import Finding, Source
from voltaic.manifests.views import size
from voltaic.rules.host import _volumes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "shm-size"
_SOURCES: Final = (
    Source(
        "kubernetes.io, Volumes, emptyDir: medium Memory is a tmpfs that counts as memory of the containers; sizeLimit"
    ),
    host_needs.source("shm"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where /dev/shm has no bound, too small a one, or lies on the disk."""
    shm = _volumes.place(subject.pod, subject.container, _volumes.SHARED_MEMORY)
    if shm.mount is None or shm.empty_dir is None:
        return
    if shm.empty_dir.get("medium") != "Memory":
        yield _finding(
            "The volume at /dev/shm is an emptyDir without `medium: Memory`; wanted is memory.",
            "Processes that share memory write through the node's disk.",
            "Write `emptyDir: {medium: Memory, sizeLimit: 1Gi}`.",
            f"{shm.path}.emptyDir",
        )
        return
    stated = shm.empty_dir.get("sizeLimit")
    if stated is None:
        yield _finding(
            "The volume at /dev/shm has no sizeLimit; wanted is one within the memory limit.",
            (
                "It may grow to all memory of the pod, or of the node where the pod has no limit: the server is "
                "killed instead."
            ),
            "Write `emptyDir: {medium: Memory, sizeLimit: 1Gi}`, more for several shards.",
            f"{shm.path}.emptyDir",
        )
        return
    limit, least = size(stated), host_needs.table()["shm"]["gib"] * units.GIB
    count = None if subject.spec is None else host_needs.processes(subject.spec)
    if limit is None or count is None or count <= 1 or limit >= least:
        return
    yield _finding(
        f"The volume at /dev/shm has {units.gib(limit)} for {count} model processes; wanted are {units.gib(least)}.",
        "NCCL shares memory through it, and ends with signal 7 (SIGBUS) where it is full.",
        f"Set sizeLimit: {units.quantity(least)} or more, within the memory limit.",
        f"{shm.path}.emptyDir.sizeLimit",
    )


def _finding(message: str, why: str, fix: str, path: str) -> Finding:
    return Finding(rule=ID, message=message, why=why, fix=fix, sources=_SOURCES, path=path)


RULE: Final = Rule(
    id=ID,
    title="Is the shared memory large enough, and bounded?",
    why=(
        "Too little shared memory ends a sharded server with signal 7; without a bound it takes the memory that "
        "the server needs."
    ),
    check=check,
    about="server",
    foreign="advisory",
    fix="Give the emptyDir at /dev/shm medium Memory, and a sizeLimit of 1Gi or more within the memory limit.",
    sources=_SOURCES,
)
