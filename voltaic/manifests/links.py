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

Services = dict[tuple[str | None, str], str]
"""Value of NAME_PORT by namespace (None: not said) and name of the variable."""


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
            variables[service.namespace, variable] = f"tcp://{address}:{port}"
    return variables


def _port(spec: dict[str, Any]) -> int | None:
    """Return the first port; None where there is none that can be read."""
    ports = items(spec.get("ports"))
    return whole(at(ports[0], "port")) if ports else None


def links(holder: PodObject, names: Sequence[str], found: Services, own: Mapping[str, Any]) -> dict[str, str]:
    """Return those of these variables that Services leave in a pod which does not set them itself."""
    if not names or holder.spec.get("enableServiceLinks") is False:
        return {}
    namespace = holder.namespace
    return {name: found[namespace, name] for name in names if name not in own and (namespace, name) in found}
