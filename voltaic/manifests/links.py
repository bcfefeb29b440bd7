"""Variables that Services leave in the pods of their namespace, where a server takes them for its own.

Kubernetes sets NAME_PORT and others in every container for every Service that has an address of its own, unless the pod
says `enableServiceLinks: false` (Kubernetes documentation, Service, environment variables).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.manifests.plain import at, items, mapping, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voltaic.manifests.documents import Object, PodObject

Services = dict[str, list[tuple["Object", str]]]
"""Services by the variable NAME_PORT that each sets, with its value."""


def services(found: Iterable[Object]) -> Services:
    """Return the variables of all Services among these objects."""
    variables: Services = {}
    for service in found:
        spec = mapping(service.content.get("spec"))
        if service.kind != "Service" or spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
            continue
        port = _port(spec)
        if service.name and port is not None:
            address = text(spec.get("clusterIP")) or f"<address of {service.name}>"
            variable = service.name.upper().replace("-", "_") + "_PORT"
            variables.setdefault(variable, []).append((service, f"tcp://{address}:{port}"))
    return variables


def _port(spec: dict[str, Any]) -> int | None:
    """Return the first port; None where there is none that can be read."""
    ports = items(spec.get("ports"))
    return whole(at(ports[0], "port")) if ports else None


def links(holder: PodObject, names: Sequence[str], found: Services, own: Mapping[str, Any]) -> dict[str, str]:
    """Return those of these variables that Services leave in a pod which does not set them itself."""
    if not names or holder.partial is not None or holder.spec.get("enableServiceLinks") is False:
        return {}
    left = {name: _of(holder, found.get(name, ())) for name in names if name not in own}
    return {name: value for name, value in left.items() if value is not None}


def _of(holder: PodObject, services: Iterable[tuple[Object, str]]) -> str | None:
    """Return the value that a Service in the namespace of a pod gives."""
    return next((value for service, value in services if _beside(holder, service)), None)


def _beside(holder: PodObject, service: Object) -> bool:
    """Return whether a Service is certainly in the namespace of a pod.

    Where neither names its namespace, both are in the one that their file is applied to. A Service of another file may
    be for another place, as one example of many in a folder is, unless it leads to this very pod.
    """
    if service.namespace != holder.namespace:
        return False
    if service.namespace is not None or service.document.file == holder.document.file:
        return True
    selector = mapping(at(service.content, "spec", "selector"))
    labels = mapping(at(holder.template, "metadata", "labels"))
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())
