"""Which pod a Service leads to, at every moment."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from cli.cluster import kinds, objects, targets
from cli.cluster.errors import ClusterError
from cli.cluster.failures import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Pod, Service
    from cli.cluster.targets import Target

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between tries while the API server is away; they double."""
POLL_SECONDS = 2.0
"""Seconds between two looks, where pods may be listed but not watched."""
WATCH_SECONDS = 60
"""After which the API server ends a watch, so that one whose connection is dead is not believed for ever."""
LATE_SECONDS = 15.0
"""Patience beyond that."""


class Follower:
    """Follows the pods behind a Service. Lives in the cluster's loop.

    Args:
        cluster: where.
        service: the Service.
        port: number or name of its port; None: its only one, else its first.
        changed: is called after each change of `target` or `why`.
    """

    def __init__(self, cluster: Cluster, service: Service, port: int | str | None, changed: Callable[[], None]) -> None:
        self.service = service
        self.target: Target | None = None
        """Where connections go now; None: nowhere."""
        self.why = "its pods were not seen yet"
        """Why there is no target."""
        self.problem: ClusterError | None = None
        """Why nothing new is heard of its pods."""
        self.seen = False
        """Whether the pods were listed once."""
        self._cluster, self._port, self._changed = cluster, port, changed
        self._pods: dict[str, Pod] = {}

    def gone(self, pod: str) -> bool:
        """Return whether a pod is no more."""
        return self.seen and pod not in self._pods

    async def run(self) -> None:
        """Follow for ever; failures are kept in `problem` and tried again."""
        pause = FIRST_PAUSE
        while True:
            try:
                version = await self._list()
                pause = FIRST_PAUSE
                await self._watch(version)
            except ClusterError as error:
                if error.kind == "forbidden" and error.verb == "watch":
                    await asyncio.sleep(POLL_SECONDS)
                    continue
                if error.kind != "restarted" or self.problem is not None:
                    self.problem = error
                    self._changed()
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _list(self) -> str:
        path = kinds.path("pods", self._cluster.namespace)
        params = {"labelSelector": targets.text(self.service.selector)}
        asked = Asked("list", "pods", self._cluster.namespace)
        answer = await self._cluster.connection.request("GET", path, asked, params)
        self._pods = {pod.name: pod for pod in map(objects.pod, answer.get("items") or ())}
        self.problem, self.seen = None, True
        self._decide()
        return str((answer.get("metadata") or {}).get("resourceVersion", ""))

    async def _watch(self, version: str) -> None:
        """Follow changes until the API server ends them."""
        path = kinds.path("pods", self._cluster.namespace)
        params: dict[str, Any] = {
            "watch": "true",
            "labelSelector": targets.text(self.service.selector),
            "resourceVersion": version,
            "timeoutSeconds": WATCH_SECONDS,
        }
        asked = Asked("watch", "pods", self._cluster.namespace)
        try:
            async with (
                asyncio.timeout(WATCH_SECONDS + LATE_SECONDS),
                self._cluster.connection.stream(path, asked, params) as lines,
            ):
                async for line in lines:
                    if line and not self._take(json.loads(line)):
                        return
        except TimeoutError:
            raise ClusterError("restarted", "Nothing is heard of the pods any more.") from None

    def _take(self, change: dict[str, Any]) -> bool:
        """Take a change; False where all has to be listed anew."""
        kind, item = change.get("type"), change.get("object") or {}
        if kind == "ERROR":
            return False
        pod = objects.pod(item)
        if kind == "DELETED":
            self._pods.pop(pod.name, None)
        elif kind in {"ADDED", "MODIFIED"}:
            self._pods[pod.name] = pod
        self._decide()
        return True

    def _decide(self) -> None:
        """Choose the pod; one that still serves is stayed with."""
        before = (self.target, self.why)
        pods = list(self._pods.values())
        current = self._pods.get(self.target.pod) if self.target else None
        try:
            chosen = targets.of_service(self.service, [current] if current and current.ready else pods, self._port)
        except ClusterError as error:
            self.target, self.why = None, error.message
        else:
            self.target, self.why = chosen, ""
        if before != (self.target, self.why) or self.seen:
            self._changed()
