"""Do the variables of NCCL leave it its ways and the log its room?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic import host_needs
from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "nccl-variables"
_SOURCES: Final = (
    Source(
        "docs.nvidia.com, NCCL, Environment Variables: NCCL_DEBUG, NCCL_P2P_DISABLE, NCCL_SHM_DISABLE are for debugging"
    ),
)
_LOUD: Final = frozenset({"INFO", "TRACE"})


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where NCCL fills the log, or is left with the network alone between the GPUs of a node."""
    spec, variables = subject.spec, subject.container.variables
    count = None if spec is None else host_needs.processes(spec)
    if spec is None or count is None or count <= 1:
        return
    env = spec.command.env
    level = (env.get("NCCL_DEBUG") or "").upper()
    if level in _LOUD:
        yield Finding(
            rule=ID,
            message=f"NCCL_DEBUG is {level}; wanted is WARN, or nothing.",
            why="Every process logs every channel and every call: the log of the engine drowns in it.",
            fix="Leave NCCL_DEBUG out, or set NCCL_DEBUG=WARN.",
            sources=_SOURCES,
            about="NCCL_DEBUG",
            path=_path(variables, "NCCL_DEBUG"),
        )
    if env.get("NCCL_P2P_DISABLE") == "1" and env.get("NCCL_SHM_DISABLE") == "1":
        yield Finding(
            rule=ID,
            message=f"NCCL_P2P_DISABLE and NCCL_SHM_DISABLE are both 1 for {count} processes of one pod.",
            why=(
                "Neither the GPUs' own links nor shared memory are left: every layer's result goes through "
                "network sockets."
            ),
            fix="Leave NCCL_SHM_DISABLE out, and mount a volume of medium Memory at /dev/shm.",
            sources=_SOURCES,
            about="NCCL_SHM_DISABLE",
            path=_path(variables, "NCCL_SHM_DISABLE"),
        )


def _path(variables: dict[str, tuple[Any, str]], name: str) -> str | None:
    return variables[name][1] if name in variables else None


RULE: Final = Rule(
    id=ID,
    title="Do the variables of NCCL leave it its ways and the log its room?",
    why=(
        "Variables that are left from a search for a fault flood the log, or make GPUs of one node talk through "
        "sockets."
    ),
    check=check,
    about="server",
    foreign="advisory",
    fix="Leave the variables of NCCL out.",
    sources=_SOURCES,
)
