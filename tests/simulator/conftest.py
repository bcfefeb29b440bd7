"""Pods, and clients of the simulated cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator import Cluster
    from simulator.api import Api

TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


class MakePod(Protocol):
    """Makes a pod that Pod Security `restricted` accepts."""

    def __call__(
        self, name: str, *, gpus: int = 0, tolerate: bool = True, claim: str | None = None, **annotations: str
    ) -> dict[str, Any]:
        """The pod; annotations are written with `_` for the `/` and `-` of `sim/start-delay`."""


@pytest.fixture
def pod() -> MakePod:
    """A factory of pods in the namespace llm."""

    def make(
        name: str, *, gpus: int = 0, tolerate: bool = True, claim: str | None = None, **annotations: str
    ) -> dict[str, Any]:
        container: dict[str, Any] = {
            "name": "main",
            "image": "registry.invalid/none",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        if gpus:
            container["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
        spec: dict[str, Any] = {
            "containers": [container],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        }
        if tolerate:
            spec["tolerations"] = [dict(TOLERATION)]
        if claim:
            spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
        metadata = {
            "name": name,
            "namespace": "llm",
            "annotations": {key.replace("_", "/", 1).replace("_", "-"): value for key, value in annotations.items()},
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    return make


@pytest.fixture
def admin(simulated_cluster: Cluster) -> Iterator[Api]:
    """The simulated cluster as its administrator; pods and claims in llm are gone after the test."""
    with simulated_cluster.admin() as api:
        yield api
        for kind in ("deployments", "jobs", "pods", "persistentvolumeclaims"):
            group = {"deployments": "/apis/apps/v1", "jobs": "/apis/batch/v1"}.get(kind, "/api/v1")
            api.request("DELETE", f"{group}/namespaces/llm/{kind}?gracePeriodSeconds=0&propagationPolicy=Background")


@pytest.fixture
def user(simulated_cluster: Cluster) -> Iterator[Api]:
    """The simulated cluster as the user of the namespace."""
    with simulated_cluster.user() as api:
        yield api
