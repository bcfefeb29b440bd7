"""Which Services a stack is reached by, and what their pods say of key, login and addresses. Only `found` asks."""

from __future__ import annotations

import base64
import binascii
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from cli.cluster import ClusterError
from cli.cluster.targets import selects
from voltaic import kubernetes_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Pod, Service

Role = Literal["api", "page"]
ROLES: dict[str, Role] = {"inference": "api", "chat": "page"}
"""What a component is for commands, by its label `app.kubernetes.io/component`."""
WORDS: dict[Role, str] = {"api": "API", "page": "Chat page"}
EMAIL, PASSWORD, ORIGINS = "WEBUI_ADMIN_EMAIL", "WEBUI_ADMIN_PASSWORD", "CORS_ALLOW_ORIGIN"
"""Variables of Open WebUI (voltaic/open_webui.toml names its release)."""
OUTPUTS = {"key": "apiKey", "password": "chatAdminPassword"}
"""Output of the stack that holds a secret."""
LOCAL = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class SecretKey:
    """Where a secret value is kept: never the value itself."""

    secret: str
    key: str


def found(cluster: Cluster, labels: Mapping[str, str], roles: Sequence[Role]) -> dict[Role, Service]:
    """Return the Services of a stack by what they are.

    Args:
        cluster: where.
        labels: of everything of the stack.
        roles: which are wanted; one that is not there is left out, unless none is.

    Raises:
        ClusterError: none is there, or several of one role are.
    """
    return by_role(cluster.services(labels), roles, cluster.namespace)


def by_role(services: Sequence[Service], roles: Sequence[Role], namespace: str) -> dict[Role, Service]:
    """Return Services by role, of those that have one.

    Raises:
        ClusterError: as `found`.
    """
    component = kubernetes_names.OWN_LABELS[2]
    known = [(ROLES[role], each) for each in services if (role := each.labels.get(component, "")) in ROLES]
    chosen: dict[Role, Service] = {}
    for role in roles:
        mine = [each for its, each in known if its == role]
        if len(mine) > 1:
            names = ", ".join(sorted(each.name for each in mine))
            raise ClusterError(
                "conflict",
                f"The namespace {namespace} has several services that may be meant: {names}.",
                "Name the stack: --stack NAME",
            )
        if mine:
            chosen[role] = mine[0]
    if not chosen:
        wanted = " and no ".join(WORDS[role] for role in roles)
        raise ClusterError(
            "not-found",
            f"There is no {wanted} of this stack in the namespace {namespace}.",
            "Deploy it with: voltaic up. Another namespace or stack: --namespace NAME, --stack NAME",
        )
    return chosen


def pods_of(service: Service, pods: Sequence[Pod]) -> list[Pod]:
    """Return the pods behind a Service, those that end last."""
    behind = [pod for pod in pods if service.selector and selects(service.selector, pod.labels)]
    return sorted(behind, key=lambda pod: (pod.deleting, not pod.ready, pod.name))


def variable(pod: Pod, name: str) -> str | SecretKey | None:
    """Return the value of a variable of a pod, or the Secret that it comes from; None: it is not set so."""
    for entry in _variables(pod):
        if entry.get("name") == name:
            reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
            if isinstance(reference, dict):
                return SecretKey(str(reference.get("name")), str(reference.get("key")))
            value = entry.get("value")
            return value if isinstance(value, str) else None
    return None


def key_of(pod: Pod, engine: str) -> str | SecretKey | None:
    """Return where the key of the API is kept; None where the pod sets none in a variable that the engine reads."""
    from voltaic.engines import api_keys

    facts = api_keys.api_key(engine)
    names = facts.variables if facts else ()
    return next((value for name in names if (value := variable(pod, name)) is not None), None)


def read_secret(cluster: Cluster, where: SecretKey) -> str:
    """Return a secret value.

    Raises:
        ClusterError: it may not be read, or is not there.
    """
    item = cluster.item("secrets", where.secret)
    data = (item or {}).get("data") or {}
    try:
        return base64.b64decode(data[where.key], validate=True).decode()
    except (KeyError, binascii.Error, UnicodeDecodeError):
        raise ClusterError(
            "not-found", f"The secret {where.secret} has no readable value {where.key} in {cluster.namespace}."
        ) from None


def command_for(what: str, where: SecretKey | str | None, *, stack: str | None, namespace: str) -> str | None:
    """Return what to type to see a secret value: of the stack where there is one, else of the cluster.

    Args:
        what: `key` or `password`.
        where: where it is kept; None: there is none.
        stack: name of the stack.
        namespace: of the Secret.
    """
    if where is None:
        return None
    if stack is not None:
        return shlex.join(["pulumi", "stack", "output", OUTPUTS[what], "--show-secrets", "--stack", stack])
    if isinstance(where, str):
        return None
    words = ["kubectl", "-n", namespace, "get", "secret", where.secret, "-o", f"jsonpath={{.data.{where.key}}}"]
    return f"{shlex.join(words)} | base64 -d"


def page_ports(pod: Pod | None) -> tuple[int, ...] | None:
    """Return the local ports from which the page lets itself be used; None: any, or that is not known."""
    stated = variable(pod, ORIGINS) if pod is not None else None
    if not isinstance(stated, str) or "*" in stated:
        return None
    parts = [urlsplit(origin) for origin in stated.split(";")]
    return tuple(dict.fromkeys(part.port for part in parts if part.hostname in LOCAL and part.port is not None))


def _variables(pod: Pod) -> Iterator[Mapping[str, Any]]:
    for container in (pod.raw.get("spec") or {}).get("containers") or ():
        yield from container.get("env") or ()
