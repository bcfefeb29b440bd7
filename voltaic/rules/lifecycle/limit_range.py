"""Do the limits of the namespace let the pod in?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, mapping
from voltaic.manifests.views import cores
from voltaic.rules.lifecycle import _beside, _quotas
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Container, Subject


ID: Final = "limit-range"
_SOURCES: Final = (
    Source("kubernetes.io, Limit Ranges: min, max and maxLimitRequestRatio are held when a pod is created"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each bound of a LimitRange in the input that a container or the pod breaks."""
    for limits in subject.others.of_kind("LimitRange", namespace=subject.pod.namespace):
        if not _beside.same_namespace(subject, limits):
            continue
        for entry in items(at(limits.content, "spec", "limits")):
            if at(entry, "type") == "Container":
                for container in subject.pod.containers:
                    for broken in _of_container(container, entry):
                        yield _finding(str(limits.name), *broken, container.path)
            elif at(entry, "type") == "Pod":
                for broken in _of_pod(subject, entry):
                    yield _finding(str(limits.name), *broken, subject.pod.path)


def _of_container(container: Container, entry: Any) -> Iterator[tuple[str, str]]:
    """Yield what is found and what is allowed, for each bound that a container breaks."""
    for resource, most in mapping(at(entry, "max")).items():
        limit = container.limit(resource)
        value, bound = _quotas.amount(resource, limit), _quotas.amount(resource, most)
        if value is not None and bound is not None and value > bound:
            yield f"The limit of {container.name} for {resource} is {limit}", f"{most} at most"
    for resource, least in mapping(at(entry, "min")).items():
        asked = _quotas.stated(container, f"requests.{resource}")
        value, bound = _quotas.amount(resource, asked), _quotas.amount(resource, least)
        if value is not None and bound is not None and value < bound:
            yield f"The request of {container.name} for {resource} is {asked}", f"{least} at least"
    for resource, ratio in mapping(at(entry, "maxLimitRequestRatio")).items():
        asked, limit = _quotas.stated(container, f"requests.{resource}"), container.limit(resource)
        low, high, times = _quotas.amount(resource, asked), _quotas.amount(resource, limit), cores(ratio)
        if low and high and times and high / low > times:
            found = f"The limit of {container.name} for {resource} is {high / low:.3g} times its request"
            yield found, f"{ratio} times at most"


def _of_pod(subject: Subject, entry: Any) -> Iterator[tuple[str, str]]:
    """Yield what is found and what is allowed, for each bound that the containers break together."""
    running = [one for one in subject.pod.containers if not one.init]
    for resource, most in mapping(at(entry, "max")).items():
        values = [_quotas.amount(resource, one.limit(resource)) for one in running]
        bound, total = _quotas.amount(resource, most), sum(value for value in values if value is not None)
        if bound is not None and total > bound:
            yield f"The limits of the pod's containers for {resource} are above {most} together", f"{most} at most"


def _finding(name: str, found: str, wanted: str, path: str) -> Finding:
    return Finding(
        rule=ID,
        message=f"{found}; the LimitRange {name} allows {wanted}.",
        why="The API server refuses the pod: it is never created, and the object waits.",
        fix="Stay within the bounds of the namespace, or have them changed.",
        sources=_SOURCES,
        path=path,
    )


RULE: Final = Rule(
    id=ID,
    title="Do the limits of the namespace let the pod in?",
    why="A pod outside the bounds of a LimitRange is never created.",
    check=check,
    about="pod",
    whole_input=True,
    fix="Stay within min, max and maxLimitRequestRatio of the namespace.",
    sources=_SOURCES,
)
