"""Filling a running control plane: stages, nodes, storage, namespace and user, and waiting until all of it works."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from simulator import names
from simulator.api import path_of, path_to, wait_for
from simulator.nodes import nodes
from simulator.objects import cluster_objects, log_line, namespace_objects
from simulator.stages import stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulator.api import Api

READY_SECONDS = 30.0  # each wait; all of them together take 1 s on an idle machine of two cores
TOKEN_SECONDS = 90 * 24 * 3600  # renewed at each start
OWN = {"app.kubernetes.io/managed-by": "voltaic-simulator"}
PROBE = "simulator-probe"


class Filling:
    """What is written into the API server and waited for.

    Args:
        api: the API server, as an administrator.
        failed: why to stop waiting at once (a component ended), or None.
    """

    def __init__(self, api: Api, failed: Callable[[], str | None]) -> None:
        self.api = api
        self.failed = failed

    def stages(self) -> None:
        """Write how the simulated nodes behave."""
        self._write_all("kwok.x-k8s.io/v1alpha1", "Stage", stages())

    def nodes(self) -> None:
        """Write the nodes."""
        self._write_all("v1", "Node", nodes())

    def rest(self, *, namespace: str, gpu_quota: int, log: Path) -> None:
        """Write storage, namespace and user, and wait until the cluster is as an administrator would hand it over."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        log.write_text(log_line(now), encoding="utf-8")
        for obj in [*cluster_objects(log), *namespace_objects(namespace, gpu_quota)]:
            self._write(obj)
        self._wait("the API server is not ready", lambda: self.api.get("/readyz") == "ok")
        self._wait("nodes are not ready", self._nodes_ready)
        for holder in (namespace, "default"):
            account = path_to("v1", "ServiceAccount", "default", holder)
            self._wait(f"namespace {holder} has no default service account", partial(self.api.get, account))
        quota = path_to("v1", "ResourceQuota", "project", namespace)
        self._wait("the quota is not counted", lambda: self.api.get(quota).get("status", {}).get("hard"))

    def prove(self) -> None:
        """Run one pod through scheduler and kwok, which nodes marked as ready long ago do not prove."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": PROBE, "namespace": "default", "labels": OWN},
            "spec": {"containers": [{"name": "probe", "image": "none"}], "terminationGracePeriodSeconds": 0},
        }
        self.api.delete(path_of(pod), grace_seconds=0)
        try:
            self._wait("no pod can be created", lambda: self.api.create(pod))
            self._wait("pods do not become ready", lambda: is_ready(self.api.get(path_of(pod))))
        finally:
            self.api.delete(path_of(pod), grace_seconds=0)

    def token(self, namespace: str) -> str:
        """A token of the namespace's user."""
        path = path_to("v1", "ServiceAccount", names.USER, namespace) + "/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        answer = self._wait("no token for the namespace's user", lambda: self.api.request("POST", path, request))
        return str(answer["status"]["token"])

    def _wait(self, what: str, check: Callable[[], Any]) -> Any:
        return wait_for(what, check, seconds=READY_SECONDS, failed=self.failed)

    def _write(self, obj: dict[str, Any]) -> None:
        """Apply one object, and its status; a resource of kwok's may be a moment away from being served."""
        head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"]}
        metadata = {**obj["metadata"], "labels": {**obj["metadata"].get("labels", {}), **OWN}}
        body = {key: value for key, value in obj.items() if key != "status"} | {"metadata": metadata}
        self._wait(f"{path_of(obj)} cannot be written", lambda: self.api.apply(body))
        if "status" in obj:
            self.api.apply({**head, "metadata": {"name": metadata["name"]}, "status": obj["status"]}, "status")

    def _write_all(self, api_version: str, kind: str, objects: list[dict[str, Any]]) -> None:
        """Write objects of one kind, and remove those that an earlier version of the simulator wrote beside them."""
        for obj in objects:
            self._write(obj)
        wanted = {obj["metadata"]["name"] for obj in objects}
        label = next(f"{key}%3D{value}" for key, value in OWN.items())
        for item in self.api.get(f"{path_to(api_version, kind)}?labelSelector={label}")["items"]:
            if item["metadata"]["name"] not in wanted:
                self.api.delete(path_to(api_version, kind, item["metadata"]["name"]))

    def _nodes_ready(self) -> bool:
        items = self.api.get(path_to("v1", "Node"))["items"]
        return len(items) >= len(nodes()) and all(is_ready(item) for item in items)


def is_ready(obj: dict[str, Any]) -> bool:
    """Whether a node or pod has the condition Ready."""
    conditions = obj.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
