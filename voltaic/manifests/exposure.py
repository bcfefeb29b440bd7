"""Who may reach a container from outside the cluster, as far as the objects of the input tell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data
from voltaic.manifests.plain import at, items, mapping, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voltaic.manifests.documents import Object
    from voltaic.manifests.views import Container, Objects, Pod


LONG = 200
"""Characters from which an annotation is a document of its own, such as the object as it was applied last."""


@dataclass(frozen=True, slots=True)
class WayIn:
    """An object that lets requests from outside the cluster reach a container."""

    kind: str
    """`Ingress`, `Service of type LoadBalancer`, …"""
    name: str
    guarded: bool
    """Whether something asks who comes before the container does, or lets only some addresses pass."""

    def __str__(self) -> str:
        """Return `Ingress llm`."""
        return f"{self.kind} {self.name}"


@cache
def _facts() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("exposure.toml"))


def services_of(pod: Pod, container: Container, others: Objects) -> Iterator[Object]:
    """Yield the Services of the input that lead to a container, or may do so.

    Those of the same file are meant where there are any: others are copies for another site.
    """
    found = others.services(pod.labels, namespace=pod.namespace)
    near = [one for one in found if one.document.file == pod.holder.document.file]
    names = [one.name for one in found]
    for service in near or [one for one in found if names.count(one.name) == 1]:
        ports = items(at(service.content, "spec", "ports"))
        if not ports or any(leads_to(port, pod, container) for port in ports):
            yield service


def leads_to(port: Any, pod: Pod, container: Container) -> bool:
    """Return whether a port of a Service ends at this container; also where another one does not claim it."""
    target = at(port, "targetPort")
    target = at(port, "port") if target is None else target
    named = text(target) if whole(target) is None else None
    own = _declares(container, target, named)
    return own or not any(_declares(other, target, named) for other in pod.containers if other is not container)


def _declares(container: Container, target: Any, named: str | None) -> bool:
    for port in items(container.content.get("ports")):
        if named is not None and text(at(port, "name")) == named:
            return True
        if named is None and whole(target) is not None and whole(at(port, "containerPort")) == whole(target):
            return True
    return False


def ways_in(pod: Pod, container: Container, others: Objects) -> Iterator[WayIn]:
    """Yield each object of the input through which requests from outside the cluster reach a container."""
    services = list(services_of(pod, container, others))
    for service in services:
        kind = text(at(service.content, "spec", "type"))
        if kind in {"LoadBalancer", "NodePort"} or items(at(service.content, "spec", "externalIPs")):
            what = f"Service of type {kind}" if kind in {"LoadBalancer", "NodePort"} else "Service with externalIPs"
            yield WayIn(what, service.name or "", _inside(service))
    names = {service.name for service in services if service.name}
    if not names:
        return
    policies = any(True for _ in others.of_kind(*_facts()["policies"]["kinds"], namespace=pod.namespace))
    for row in _facts()["route"]:
        for route in others.of_kind(row["kind"], namespace=pod.namespace):
            if names.intersection(_backends(route, row)) and not _in_mesh_only(route):
                yield WayIn(row["kind"], route.name or "", _guarded(route) or (row["policies"] and policies))


def _inside(service: Object) -> bool:
    """Return whether a Service answers inside the site's own network, or to some addresses alone."""
    return bool(items(at(service.content, "spec", "loadBalancerSourceRanges"))) or _annotated(service)


def _guarded(route: Object) -> bool:
    """Return whether a route asks who comes: by annotation, a middleware or a filter of its own."""
    return _annotated(route) or any(_values(route.content.get("spec"), _facts()["guards"]["keys"]))


def _annotated(found: Object) -> bool:
    annotations = mapping(at(found.content, "metadata", "annotations"))
    words = _facts()["guards"]["annotations"]
    stated = [f"{key}={value}".lower() for key, value in annotations.items() if len(str(value)) < LONG]
    return any(word in one for one in stated for word in words)


def _in_mesh_only(route: Object) -> bool:
    """Return whether a route is for callers inside the cluster: of a mesh, or bound to a Service."""
    gateways = [text(name) for name in items(at(route.content, "spec", "gateways"))]
    parents = items(at(route.content, "spec", "parentRefs"))
    if route.kind == "VirtualService":
        return not gateways or set(gateways) == {"mesh"}
    return bool(parents) and all(at(parent, "kind") == "Service" for parent in parents)


def _backends(route: Object, row: dict[str, Any]) -> set[str]:
    """Return the names of Services that a route leads to."""
    found: set[str] = set()
    for value in _values(route.content.get("spec"), row["backends"]):
        for entry in value if isinstance(value, list) else [value]:
            name = text(entry) or next((text(at(entry, key)) for key in row["names"] if text(at(entry, key))), None)
            if name is None and text(at(entry, "service", "name")):
                name = text(at(entry, "service", "name"))
            if name and at(entry, "kind") in (None, "Service"):
                found.add(name.partition(".")[0])
    return found


def _values(content: Any, keys: Iterable[str], depth: int = 12) -> Iterator[Any]:
    """Yield what stands under one of these keys, however deep."""
    keys = tuple(keys)
    if depth and isinstance(content, dict):
        for key, value in content.items():
            if key in keys and value not in (None, "", [], {}):
                yield value
            yield from _values(value, keys, depth - 1)
    elif depth and isinstance(content, (list, tuple)):
        for entry in content:
            yield from _values(entry, keys, depth - 1)
