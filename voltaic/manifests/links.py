"""Variables that Services leave in the pods of their namespace, where a server takes them for its own.

Kubernetes sets NAME_PORT and others in every container for every Service that has an address of its own, unless the pod
says `enableServiceLinks: false` (Kubernetes documentation, Service, environment variables).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.manifests.documents import DEEPEST
from voltaic.manifests.plain import at, items, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from voltaic.manifests.documents import Document, PodObject

Services = dict[tuple[str | None, str], str]
"""Value of NAME_PORT by namespace (None: not said) and name of the variable."""


def services(documents: Iterable[Document]) -> Services:
    """Return the variables of all Services in these documents."""
    found: Services = {}
    for document in documents:
        for service in _within(document.content, 0):
            name, port = text(at(service, "metadata", "name")), _port(service)
            if name and port is not None and text(at(service, "spec", "clusterIP")) != "None":
                address = text(at(service, "spec", "clusterIP")) or f"<address of {name}>"
                variable = name.upper().replace("-", "_") + "_PORT"
                found[text(at(service, "metadata", "namespace")), variable] = f"tcp://{address}:{port}"
    return found


def _within(content: Any, depth: int) -> Iterator[Any]:
    if isinstance(content, (list, tuple)):
        entries = items(content)
    elif text(at(content, "kind")) == "Service":
        if text(at(content, "spec", "type")) != "ExternalName":
            yield content
        return
    else:
        entries = items(at(content, "items")) if (text(at(content, "kind")) or "").endswith("List") else []
    if depth < DEEPEST:
        for entry in entries:
            yield from _within(entry, depth + 1)


def _port(service: Any) -> int | None:
    """Return the first port; None where there is none that can be read."""
    ports = items(at(service, "spec", "ports"))
    return whole(at(ports[0], "port")) if ports else None


def links(holder: PodObject, names: Sequence[str], found: Services, own: Mapping[str, Any]) -> dict[str, str]:
    """Return those of these variables that Services leave in a pod which does not set them itself."""
    if at(holder.template, "spec", "enableServiceLinks") is False:
        return {}
    namespace = text(at(holder.content, "metadata", "namespace"))
    return {name: found[namespace, name] for name in names if name not in own and (namespace, name) in found}
