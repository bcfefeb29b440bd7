"""The server that an address of a chat page leads to, where both are in the input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voltaic.hidden import HIDDEN
from voltaic.manifests.documents import POD_TEMPLATES, pod_objects
from voltaic.manifests.exposure import leads_to
from voltaic.manifests.plain import at, items, mapping, whole
from voltaic.manifests.reading import containers_of
from voltaic.manifests.servers import Server, of_view
from voltaic.manifests.views import Container, Pod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.documents import Object
    from voltaic.rules.webui._page import Page

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?:[^/@]*@)?(?P<host>[^/:?#]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>/[^?#]*)?(?:[?#].*)?"
)
_SECRET = re.compile(r"(?<=//)[^/@]*(?=@)|(?<=[?#]).*")
"""Where a password or a key may stand in an address."""
_PORTS = {"http": 80, "https": 443}
_CLUSTER = ("svc", "svc.cluster.local")


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address."""

    host: str
    port: int
    path: str
    """Without a slash at its end; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A server of the input."""

    server: Server
    container: Container
    pod: Pod


def address(url: str) -> Address | None:
    """Return the parts of an address; None where it is none."""
    match = _ADDRESS.fullmatch(url)
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else _PORTS[match["scheme"]]
    return Address(match["host"].lower(), port, (match["path"] or "").rstrip("/"))


def shown(url: str) -> str:
    """Return an address as a message shows it: without what may be a secret."""
    return repr(_SECRET.sub(HIDDEN, url))


def service(page: Page, host: str) -> Object | None:
    """Return the Service of the input that a name inside the cluster stands for."""
    name, _, rest = host.partition(".")
    namespace, _, suffix = rest.partition(".")
    if suffix not in {"", *_CLUSTER}:
        return None
    if rest and namespace == page.pod.namespace:
        rest = ""
    found = page.beside("Service", name, namespace if rest else page.pod.namespace)
    return found if found is not None and at(found.content, "spec", "type") != "ExternalName" else None


def ports(found: Object) -> list[int]:
    """Return the ports of a Service that can be read."""
    stated = (whole(at(port, "port")) for port in items(at(found.content, "spec", "ports")))
    return [port for port in stated if port is not None]


def behind(page: Page, found: Object, port: int) -> Iterator[Behind]:
    """Yield the servers of the input that a port of a Service leads to."""
    selector = mapping(at(found.content, "spec", "selector"))
    entries = items(at(found.content, "spec", "ports"))
    entry = next((one for one in entries if whole(at(one, "port")) == port), None)
    namespace = found.namespace or page.pod.namespace
    others = page.subject.others.of_kind(*POD_TEMPLATES, namespace=namespace) if selector else ()
    for holder in pod_objects(others):
        labels = mapping(at(holder.template, "metadata", "labels"))
        if any(labels.get(key) != value for key, value in selector.items()):
            continue
        pod = Pod(holder, tuple(containers_of(holder)))
        for view in pod.containers:
            server = None if view.init else of_view(view)
            if isinstance(server, Server) and leads_to(entry, pod, view):
                yield Behind(server, view, pod)
