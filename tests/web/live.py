"""What a Deployment in the cluster gives its container, with everything resolved as a kubelet and the DNS would."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Read = Callable[[str], Any]
    """Answers a path of the API server."""


@dataclass(frozen=True, slots=True)
class Container:
    """The first container of a Deployment."""

    environment: Mapping[str, str]
    """With the values of Secrets."""
    from_secrets: frozenset[str]
    """Variables whose values stand in Secrets only."""
    port: int
    args: tuple[str, ...]
    raw: Mapping[str, Any]


def container(read: Read, namespace: str, name: str) -> Container:
    """Read the first container of a Deployment.

    Args:
        read: asks the API server, with the rights of whoever deployed.
        namespace: of the Deployment.
        name: of the Deployment.
    """
    deployment = read(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    found = deployment["spec"]["template"]["spec"]["containers"][0]
    values: dict[str, str] = {}
    secret: set[str] = set()
    for entry in found.get("env", ()):
        if "valueFrom" in entry:
            reference = entry["valueFrom"]["secretKeyRef"]
            data = read(f"/api/v1/namespaces/{namespace}/secrets/{reference['name']}")["data"]
            values[entry["name"]] = base64.b64decode(data[reference["key"]]).decode()
            secret.add(entry["name"])
        else:
            values[entry["name"]] = entry.get("value", "")
    port = found["ports"][0]["containerPort"]
    return Container(values, frozenset(secret), port, tuple(found.get("args", ())), found)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an address inside the cluster leads."""

    service: str
    pods: tuple[str, ...]
    """Names of the ready ones."""
    port: int
    """Of their containers."""


def resolve(read: Read, namespace: str, url: str) -> Endpoint:
    """Return where an address leads: a Service's name, alone or with its namespace, and a port of that Service.

    Raises:
        LookupError: the Service has no such port.
    """
    parts = urlsplit(url)
    service = (parts.hostname or "").removesuffix(".svc").removesuffix(f".{namespace}")
    found = read(f"/api/v1/namespaces/{namespace}/services/{service}")
    ports = {entry["port"]: entry for entry in found["spec"]["ports"]}
    entry = ports.get(parts.port or 80)
    if entry is None:
        raise LookupError(f"the service {service} has the ports {sorted(ports)}, and {url} asks for {parts.port}")
    slices = read(
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector=kubernetes.io/service-name={service}"
    )["items"]
    pods = [
        end["targetRef"]["name"] for part in slices for end in part.get("endpoints") or () if end["conditions"]["ready"]
    ]
    numbers = {port["port"] for part in slices for port in part.get("ports") or () if port["name"] == entry["name"]}
    return Endpoint(service, tuple(sorted(pods)), numbers.pop() if numbers else 0)
