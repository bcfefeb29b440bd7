"""Is no request above its limit?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.views import cores, size
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "request-above-limit"
_SOURCES: Final = (
    Source("kubernetes pkg/apis/core/validation/validation.go: must be less than or equal to the limit"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each resource whose request the API server refuses."""
    container = subject.container
    for name in ("cpu", "memory", "ephemeral-storage"):
        request, limit = container.request(name), container.limit(name)
        read = cores if name == "cpu" else size
        asked, bound = read(request), read(limit)
        if asked is None or bound is None or asked <= bound:
            continue
        yield Finding(
            rule=ID,
            message=f"The request for {name} is {request}, above its limit of {limit}.",
            why="The API server refuses the pod: a request must be less than or equal to its limit.",
            fix=f"Set resources.limits.{name} to {request} or more, or a smaller request.",
            sources=_SOURCES,
            path=f"{container.path}.resources.requests.{name}",
        )


RULE: Final = Rule(
    id=ID,
    title="Is no request above its limit?",
    why="Kubernetes refuses a pod that asks for more than it may use.",
    check=check,
    about="container",
    fix="Make request and limit of memory equal, and a request of CPU no larger than its limit.",
    sources=_SOURCES,
)
