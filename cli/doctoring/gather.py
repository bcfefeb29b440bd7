"""Evidence of a cluster: objects, events and logs, as far as this login may see them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cli.cluster import ClusterError
from voltaic.doctor import Evidence, Log, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cli import stacks
    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Container, Pod

TAIL: Final = 2000
"""Lines of each log: a traceback of every rank, and what came before."""
AT_ONCE: Final = 8
"""Logs that are fetched at the same time."""
BESIDE: Final = ("deployments", "replicasets", "statefulsets", "jobs", "persistentvolumeclaims")
"""Objects with the labels of the workload that are asked for beside its pods."""
OURS: Final = ("deployments", "replicasets", "persistentvolumeclaims")
"""Those of them that our own stacks have."""
AWAY: Final = frozenset({"unreachable", "untrusted", "login"})
"""Failures between here and the cluster that are a diagnosis by themselves."""


def gather(cluster: Cluster, labels: Mapping[str, str] | None, stack: stacks.Stack | None = None) -> Evidence:
    """Return what the cluster tells of the pods with these labels.

    Args:
        cluster: where.
        labels: of the pods and what holds them; None: everything of the namespace.
        stack: the stack that they belong to.

    Raises:
        ClusterError: not even the pods may be seen. An API server that is away is evidence, and no error.
    """
    found = Evidence(at=datetime.now(UTC), namespace=cluster.namespace, stack=known(stack))
    found = replace(found, profile=_profile(stack))
    try:
        pods = cluster.pods(labels)
    except ClusterError as error:
        if error.kind not in AWAY:
            raise
        return replace(found, said=(f"{error.kind}: {error.message}",))
    objects: list[Mapping[str, Any]] = [{"kind": "Pod", "apiVersion": "v1", **pod.raw} for pod in pods]
    missing: list[str] = []
    owners = {f"{each['kind'].lower()}s" for pod in pods for each in pod.raw["metadata"].get("ownerReferences", ())}
    for kind in BESIDE:
        # That this login may not list Jobs is no news where there are none.
        objects += _asked(cluster, kind, labels, missing if kind in {*OURS, *owners} else [])
    names = {each["metadata"]["name"] for each in objects}
    events = _asked(cluster, "events", None, missing)
    objects += [each for each in events if labels is None or each.get("involvedObject", {}).get("name") in names]
    logs = _logs(cluster, pods, missing)
    return replace(found, objects=tuple(objects), logs=tuple(logs), missing=tuple(dict.fromkeys(missing)))


def known(stack: stacks.Stack | None) -> Stack | None:
    """Return a stack as the doctor knows it; its settings are left out where they are not valid."""
    if stack is None:
        return None
    from voltaic import settings

    try:
        return Stack(stack.name, settings.serving_spec(settings.read(dict(stack.values), where=str(stack.file))))
    except settings.InvalidSettings:
        return Stack(stack.name)


def _profile(stack: stacks.Stack | None) -> Any:
    from voltaic import hardware

    try:
        return None if stack is None else hardware.profile(str(stack.values.get("profile")))
    except hardware.UnknownProfile:
        return None


def _asked(cluster: Cluster, kind: str, labels: Mapping[str, str] | None, missing: list[str]) -> list[dict[str, Any]]:
    try:
        return cluster.items(kind, labels)
    except ClusterError as error:
        if error.kind != "forbidden":
            raise
        missing.append(f"{kind}: {error.message}")
        return []


def _logs(cluster: Cluster, pods: list[Pod], missing: list[str]) -> list[Log]:
    wanted = [(pod, container, previous) for pod in pods for container, previous in _speaking(pod)]
    if not wanted:
        return []
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="log") as pool:
        found = list(pool.map(lambda each: _log(cluster, *each), wanted))
    missing += [each for each in found if isinstance(each, str)]
    return [each for each in found if isinstance(each, Log)]


def _speaking(pod: Pod) -> Iterator[tuple[Container, bool]]:
    """Yield the containers that have a log, and whether it is that of the time before the last restart."""
    for container in (*pod.init_containers, *pod.containers):
        if container.state in {"running", "terminated"}:
            yield container, False
        if container.last is not None and not (pod.ready and container.ready):
            yield container, True


def _log(cluster: Cluster, pod: Pod, container: Container, previous: bool) -> Log | str | None:  # noqa: FBT001
    try:
        lines = tuple(cluster.logs(pod.name, container.name, previous=previous, tail=TAIL))
    except ClusterError as error:
        return f"logs: {error.message}" if error.kind == "forbidden" else None
    return Log(lines, pod.name, container.name, previous)
