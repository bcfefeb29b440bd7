"""Do processes that share a model have shared memory?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs
from voltaic.findings import Finding
from voltaic.manifests.plain import at
from voltaic.rules.host import _volumes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "shm-missing"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where several processes talk through NCCL in the 64 MiB that a container gets by itself."""
    pod, container, spec = subject.pod, subject.container, subject.spec
    count = None if spec is None else host_needs.processes(spec)
    if spec is None or count is None or count <= 1 or container.mounted_at(_volumes.SHARED_MEMORY) is not None:
        return
    # On the node's own shared memory, or none of it.
    if at(pod.spec, "hostIPC") is True or spec.command.env.get("NCCL_SHM_DISABLE") == "1":
        return
    facts = host_needs.table()["shm"]
    yield Finding(
        rule=ID,
        message=(
            f"No volume is mounted at /dev/shm for {count} model processes; wanted is one of {facts['gib']} GiB "
            "or more."
        ),
        why=(
            f"They share memory through NCCL; a container has {facts['default_mib']} MiB of it, then ends with "
            "signal 7 (SIGBUS)."
        ),
        fix="Mount a volume `emptyDir: {medium: Memory, sizeLimit: 4Gi}` at /dev/shm, within the memory limit.",
        sources=(host_needs.source("shm"),),
        path=container.path,
    )


RULE: Final = Rule(
    id=ID,
    title="Do processes that share a model have shared memory?",
    why=(
        "A container has 64 MiB at /dev/shm; processes that talk through NCCL need more, unless all GPUs reach "
        "each other directly."
    ),
    check=check,
    about="server",
    foreign="advisory",
    fix="Mount an emptyDir of medium Memory with a sizeLimit at /dev/shm.",
    sources=(host_needs.source("shm"),),
)
