"""Which pod and which of its ports a Service leads to: decided here for port-forwards, as kube-proxy does. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cli.cluster.objects import Pod, Port, Service


@dataclass(frozen=True, slots=True)
class Target:
    """Where a port-forward ends."""

    pod: str
    port: int
    """Port of the container."""


def of_service(service: Service, pods: Sequence[Pod], port: int | str | None = None) -> Target:
    """Return the pod and the container port that a Service leads to: of the ready pods the one that is so longest.

    Args:
        service: the Service.
        pods: pods of its namespace; those that its selector does not match are left out.
        port: number or name of the Service's port; None: its only one, else its first.

    Raises:
        ClusterError: no such port, or no pod that is ready (kind `not-found`).
    """
    asked = _port(service, port)
    behind = [pod for pod in pods if service.selector and selects(service.selector, pod.labels)]
    ready = sorted((pod for pod in behind if pod.ready), key=_ready_since)
    if not ready:
        states = ", ".join(f"{pod.name} is {pod.state}" for pod in behind) or "it has no pods"
        raise ClusterError(
            "not-found",
            f"No pod behind the service {service.name} is ready: {states}.",
            "Why, and what mends it: voltaic doctor",
        )
    return of_pod(ready[0], asked.number if asked.target is None else asked.target)


def of_pod(pod: Pod, port: int | str | None = None) -> Target:
    """Return a pod and the number of one of its ports.

    Args:
        pod: the pod.
        port: number, or name of a container's port; None: the first that a container states.

    Raises:
        ClusterError: no container has a port of this name.
    """
    if isinstance(port, int) or (isinstance(port, str) and port.isdecimal()):
        return Target(pod.name, int(port))
    stated = [found for container in pod.containers for found in container.ports]
    found = next((each for each in stated if port is None or each.name == port), None)
    if found is None:
        names = ", ".join(str(each.name or each.number) for each in stated) or "none"
        raise ClusterError("not-found", f"The pod {pod.name} has no port {port or ''}; it states: {names}.")
    return Target(pod.name, found.number)


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether labels have all that a selector asks for."""
    return all(labels.get(name) == value for name, value in selector.items())


def text(selector: Mapping[str, str] | str | None) -> str | None:
    """Return a label selector as a request states it."""
    if selector is None or isinstance(selector, str):
        return selector
    return ",".join(f"{name}={value}" for name, value in selector.items())


def _port(service: Service, port: int | str | None) -> Port:
    found = next((each for each in service.ports if port is None or port in {each.number, each.name}), None)
    if found is None:
        names = _listed(service.ports)
        raise ClusterError("not-found", f"The service {service.name} has no port {port}; it has: {names}.")
    return found


def _ready_since(pod: Pod) -> tuple[float, str]:
    since = next((found.since for found in pod.conditions if found.type == "Ready"), None)
    return since.timestamp() if since else 0.0, pod.name


def _listed(ports: Iterable[Port]) -> str:
    return ", ".join(f"{port.number} ({port.name})" if port.name else str(port.number) for port in ports) or "none"
