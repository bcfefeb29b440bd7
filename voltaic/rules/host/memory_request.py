"""Is the memory that a server needs set aside for it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs, units
from voltaic.findings import Finding, Source
from voltaic.rules.host._sizes import size
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "memory-request"
_SOURCES: Final = (
    Source("kubernetes.io, Pod Quality of Service Classes, Node-pressure Eviction: pods above their request go first"),
    host_needs.source("rank"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where nothing is asked for, or less than the engine certainly uses."""
    container = subject.container
    stated = container.request("memory")
    if stated is None:
        stated = container.limit("memory")
    if stated is None:
        if any(subject.others.of_kind("LimitRange", namespace=subject.pod.namespace)):
            return
        yield Finding(
            rule=ID,
            message="The server asks for no memory; wanted is a request of what it uses.",
            why="The node's memory is not set aside: when it runs short, this pod is the first to be ended.",
            fix="Set resources.requests.memory and resources.limits.memory to the same size.",
            sources=_SOURCES,
            path=container.path,
        )
        return
    asked = size(stated)
    need = None if subject.spec is None else host_needs.memory(subject.spec)
    if asked is None or need is None or asked >= need.value or _killed(subject):
        return
    yield Finding(
        rule=ID,
        message=(
            f"The server asks for {units.gib(asked)} of memory; it uses at least {units.gib(need.value)}: "
            f"{need.because}."
        ),
        why="The scheduler takes the node for emptier than it is; above its request a pod is ended first.",
        fix=f"Set resources.requests.memory to {units.quantity(units.round_up(need.value, units.GIB))} or more.",
        sources=_SOURCES,
        path=f"{container.path}.resources",
    )


def _killed(subject: Subject) -> bool:
    """Return whether the limit is so low that the server does not even start, as `memory-limit` says."""
    limit = size(subject.container.limit("memory"))
    whole = None if subject.spec is None else host_needs.built(subject.spec)
    return limit is not None and whole is not None and limit < whole.value


RULE: Final = Rule(
    id=ID,
    title="Is the memory that a server needs set aside for it?",
    why=(
        "A server that asks for less memory than it uses is ended first when its node runs short, and loads for "
        "minutes again."
    ),
    check=check,
    about="server",
    foreign="advisory",
    whole_input=True,
    fix="Set resources.requests.memory to what the server uses, and the limit to the same.",
    sources=_SOURCES,
)
