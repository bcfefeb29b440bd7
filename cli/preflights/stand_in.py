"""Stand-ins for a stack's pods: what admission looks at, and nothing else, sent as dry runs alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic import open_webui

if TYPE_CHECKING:
    from cli.preflights.needs import Needs, PodNeed

PREFIX = "voltaic-preflight-"


def pods(needs: Needs) -> list[dict[str, Any]]:
    """Return a pod for each kind of pod of a stack."""
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": PREFIX}, "spec": _spec(need)}
        for need in needs.pods
        if need.count
    ]


def deployments(needs: Needs) -> list[dict[str, Any]]:
    """Return a Deployment for each kind of pod of a stack."""
    labels = {"voltaic/preflight": "dry-run"}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"generateName": PREFIX},
            "spec": {
                "replicas": need.count,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _spec(need)},
            },
        }
        for need in needs.pods
        if need.count
    ]


def _spec(need: PodNeed) -> dict[str, Any]:
    """Return a pod as components make it: user, security, resources, image (components/pod.py)."""
    security: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    if need.user is not None:
        group = open_webui.facts()["user"]["gid"] if need.part == "webui" else need.user
        security |= {"runAsNonRoot": True, "runAsUser": need.user, "runAsGroup": group, "fsGroup": group}
    container = {
        "name": need.part,
        "image": need.image,
        "resources": {
            kind: {name: _quantity(name, value) for name, value in amounts.items()}
            for kind, amounts in (("requests", need.requests), ("limits", need.limits))
        },
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": security,
        "containers": [container],
    }


def _quantity(resource: str, value: float) -> str:
    return f"{round(value * 1000)}m" if resource == "cpu" else str(round(value))
