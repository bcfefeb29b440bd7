"""Has every model process a core?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs
from voltaic.findings import Finding
from voltaic.manifests.views import cores
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "cpu-starved"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where limit or request are below a core for each model process."""
    container, spec = subject.container, subject.spec
    count = None if spec is None else host_needs.processes(spec)
    if count is None:
        return
    least = count * host_needs.table()["cpu"]["per_process"]
    wanted = f"{count} model process{'es' if count > 1 else ''} need{'' if count > 1 else 's'} {least} or more"
    limit, request = cores(container.limit("cpu")), cores(container.request("cpu"))
    if limit is not None and limit < least:
        yield _finding(
            f"The CPU limit is {limit:g} cores; {wanted}.",
            "The kernel stops the process that feeds the GPU for part of every tenth of a second; GPUs wait.",
            f"Set no CPU limit, or resources.limits.cpu: {least} or more.",
            f"{container.path}.resources.limits.cpu",
        )
    elif request is not None and request < least:
        yield _finding(
            f"The server asks for {request:g} cores; {wanted}.",
            "On a busy node it gets no more than its share: GPUs wait for the process that feeds them.",
            f"Set resources.requests.cpu: {least} or more.",
            f"{container.path}.resources.requests.cpu",
        )
    elif container.asked("cpu") is None and not any(
        subject.others.of_kind("LimitRange", namespace=subject.pod.namespace)
    ):
        yield _finding(
            f"The server asks for no CPU; {wanted}.",
            "On a busy node it gets next to nothing: GPUs wait for the process that feeds them.",
            f"Set resources.requests.cpu: {least} or more.",
            container.path,
        )


def _finding(message: str, why: str, fix: str, path: str) -> Finding:
    return Finding(rule=ID, message=message, why=why, fix=fix, sources=(host_needs.source("cpu"),), path=path)


RULE: Final = Rule(
    id=ID,
    title="Has every model process a core?",
    why="A process that starts kernels on a GPU keeps a core busy; without it the GPU waits.",
    check=check,
    about="server",
    foreign="advisory",
    whole_input=True,
    fix="Ask for a core for each model process, and set no CPU limit below that.",
    sources=(host_needs.source("cpu"),),
)
