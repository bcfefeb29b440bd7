"""Where the API server keeps each kind of object that commands ask for."""

from __future__ import annotations

from typing import Final

GROUPS: Final = {
    **dict.fromkeys(
        (
            *("pods", "services", "events", "secrets", "configmaps", "serviceaccounts", "persistentvolumeclaims"),
            *("resourcequotas", "limitranges", "endpoints", "namespaces", "nodes", "persistentvolumes"),
        ),
        "/api/v1",
    ),
    **dict.fromkeys(("deployments", "replicasets", "statefulsets", "daemonsets"), "/apis/apps/v1"),
    "jobs": "/apis/batch/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "storageclasses": "/apis/storage.k8s.io/v1",
    "selfsubjectaccessreviews": "/apis/authorization.k8s.io/v1",
    "selfsubjectreviews": "/apis/authentication.k8s.io/v1",
}
"""Group and version by plural name; all of them stable since Kubernetes 1.28."""

CLUSTER_WIDE: Final = frozenset(
    {"namespaces", "nodes", "persistentvolumes", "storageclasses", "selfsubjectaccessreviews", "selfsubjectreviews"}
)
"""Kinds whose objects are in no namespace."""


def path(kind: str, namespace: str | None, name: str | None = None, sub: str | None = None) -> str:
    """Return the path of a kind, or of one object of it.

    Args:
        kind: plural name.
        namespace: where; not asked of a kind whose objects are in no namespace.
        name: of one object.
        sub: part of that object: `log`, `exec`, `scale`.
    """
    place = [] if kind in CLUSTER_WIDE or namespace is None else ["namespaces", namespace]
    return "/".join([GROUPS[kind], *place, kind, *([name] if name else []), *([sub] if sub else [])])


def group(kind: str) -> str:
    """Return the API group of a kind; empty for the core group."""
    words = GROUPS[kind].split("/")
    return words[2] if words[1] == "apis" else ""
