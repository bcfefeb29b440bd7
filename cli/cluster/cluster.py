"""One cluster and one namespace in it, as commands ask it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from cli.cluster import kinds, objects, targets
from cli.cluster.connection import Connection
from cli.cluster.errors import ClusterError
from cli.cluster.failures import Asked
from cli.cluster.loop import Loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from cli.cluster.kubeconfig import Access
    from cli.cluster.objects import Claim, Event, Pod, Quota, Service, Workload
    from cli.cluster.remote import Executed
    from cli.cluster.rights import Answer, Right
    from cli.cluster.targets import Target
    from cli.cluster.tunnel import Tunnel

    Selector = Mapping[str, str] | str | None
    """Labels that objects must have; None: any."""

DEFAULT_NAMESPACE = "default"
"""Namespace of a context that names none, as kubectl has it."""
PAGE = 500
"""Objects of one answer; longer lists come in several."""
MERGE_PATCH = "application/merge-patch+json"
NAMES_ALONE = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
"""Asks for names and labels of objects: what is in a Secret stays at the API server."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What is asked of a deletion."""

    dry_run: bool = False
    orphan: bool = False
    """Keep what belongs to the object."""
    uid: str | None = None
    """Delete exactly this object, and not one that was made anew under its name."""


class Cluster:
    """One cluster, seen from one namespace. Methods ask the API server each time, and are safe in several threads.

    Args:
        access: what a context leads to.
        namespace: None: that of the context, else `default`.

    Raises:
        ClusterError: every method, in plain words.
    """

    def __init__(self, access: Access, namespace: str | None = None) -> None:
        self.access = access
        self.context = access.context
        self.server = access.server
        self.namespace = namespace or access.namespace or DEFAULT_NAMESPACE
        self._loop = Loop()

    @cached_property
    def connection(self) -> Connection:
        """The connection, for code that runs in the cluster's own loop (`start`)."""
        return Connection(self.access)

    def start(self, work: Any, timeout: float | None = None) -> Any:
        """Return what a coroutine returns that runs in the cluster's loop, as `dial` has to."""
        return self._loop.run(work, timeout)

    @property
    def loop(self) -> Loop:
        """The loop in which the connection lives."""
        return self._loop

    def close(self) -> None:
        """End every connection."""
        if "connection" in self.__dict__:
            with contextlib.suppress(TimeoutError, RuntimeError):
                self._loop.run(self.connection.close(), 2.0)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What there is

    def version(self) -> str:
        """Return the API server's version: `v1.36.1`."""
        found = self._ask("GET", "/version", Asked("get", "/version", None))
        return str(found.get("gitVersion", "unknown"))

    def whoami(self) -> str | None:
        """Return the user as the API server knows it; None where it does not say (before Kubernetes 1.28)."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            found = self.create("selfsubjectreviews", body)
        except ClusterError as error:
            if error.kind in {"not-found", "forbidden", "refused"}:
                return None
            raise
        name = found.get("status", {}).get("userInfo", {}).get("username")
        return str(name) if name else None

    def namespace_exists(self) -> bool | None:
        """Return whether the namespace exists; None where that may not be asked."""
        try:
            return self.item("namespaces", self.namespace) is not None
        except ClusterError as error:
            if error.kind == "forbidden":
                return None
            raise

    def items(self, kind: str, selector: Selector = None, fields: str | None = None) -> list[dict[str, Any]]:
        """Return all objects of a kind in the namespace, as the API server has them.

        Args:
            kind: plural name: `pods`, `deployments`; see `kinds.GROUPS`.
            selector: labels.
            fields: field selector: `involvedObject.name=tgi-0`.
        """
        params: dict[str, Any] = {"limit": PAGE}
        if chosen := targets.text(selector):
            params["labelSelector"] = chosen
        if fields:
            params["fieldSelector"] = fields
        path, asked = kinds.path(kind, self.namespace), self._asked("list", kind)
        found: list[dict[str, Any]] = []
        while True:
            page = self._ask("GET", path, asked, params)
            shown = str(page.get("kind", "List")).removesuffix("List")
            # Items of a list do not say what they are; who gets them alone wants to know.
            found += [{"kind": shown, "apiVersion": page.get("apiVersion"), **item} for item in page.get("items") or ()]
            if not (more := page.get("metadata", {}).get("continue")):
                return found
            params["continue"] = more

    def metadata(self, kind: str, selector: Selector = None) -> list[dict[str, Any]]:
        """Return the `metadata` of all objects of a kind in the namespace, without what is in them."""
        chosen = targets.text(selector)
        params = {"labelSelector": chosen} if chosen else {}
        path, asked = kinds.path(kind, self.namespace), self._asked("list", kind)
        found = self._loop.run(self.connection.request("GET", path, asked, params, accept=NAMES_ALONE))
        return [item.get("metadata") or {} for item in found.get("items") or ()]

    def item(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return one object; None where there is none of this name."""
        try:
            return self._ask("GET", kinds.path(kind, self.namespace, name), self._asked("get", kind, name))
        except ClusterError as error:
            if error.kind == "not-found":
                return None
            raise

    def pods(self, selector: Selector = None) -> list[Pod]:
        """Return pods by name."""
        return sorted((objects.pod(item) for item in self.items("pods", selector)), key=lambda pod: pod.name)

    def everywhere(self) -> list[Pod]:
        """Return the pods of all namespaces, which few logins may read."""
        path = kinds.path("pods", None)
        return [objects.pod(item) for item in self._ask("GET", path, Asked("list", "pods", None)).get("items") or ()]

    def events(self, name: str | None = None) -> list[Event]:
        """Return the events of the namespace, or of one object, the oldest first."""
        fields = f"involvedObject.name={name}" if name else None
        found = [objects.event(item) for item in self.items("events", fields=fields)]
        return sorted(found, key=lambda event: event.last.timestamp() if event.last else 0.0)

    def deployments(self, selector: Selector = None) -> list[Workload]:
        """Return Deployments."""
        return [objects.workload(item) for item in self.items("deployments", selector)]

    def replica_sets(self, selector: Selector = None) -> list[Workload]:
        """Return ReplicaSets."""
        return [objects.workload(item) for item in self.items("replicasets", selector)]

    def claims(self, selector: Selector = None) -> list[Claim]:
        """Return volume claims."""
        return [objects.claim(item) for item in self.items("persistentvolumeclaims", selector)]

    def services(self, selector: Selector = None) -> list[Service]:
        """Return Services."""
        return [objects.service(item) for item in self.items("services", selector)]

    def quotas(self) -> list[Quota]:
        """Return ResourceQuotas."""
        return [objects.quota(item) for item in self.items("resourcequotas")]

    # What it says and does

    def logs(
        self,
        pod: str,
        container: str | None = None,
        *,
        follow: bool = False,
        previous: bool = False,
        tail: int | None = None,
        since_seconds: int | None = None,
        timestamps: bool = False,
    ) -> Iterator[str]:
        """Yield the lines of a container's log.

        Args:
            pod: name of the pod.
            container: None: the only one.
            follow: go on until the container ends; the API server going away ends it with `restarted`.
            previous: of the container before the last restart.
            tail: lines from the end; None: all that are kept.
            since_seconds: only lines of these last seconds.
            timestamps: begin each line with its moment, RFC 3339.
        """
        wanted = {
            "container": container,
            "follow": "true" if follow else None,
            "previous": "true" if previous else None,
            "tailLines": tail,
            "sinceSeconds": since_seconds,
            "timestamps": "true" if timestamps else None,
        }
        params = {name: value for name, value in wanted.items() if value is not None}
        path, asked = kinds.path("pods", self.namespace, pod, "log"), self._asked("get", "pods/log", pod)
        return self._loop.each(self._lines(path, asked, params))

    def watch(self, kind: str, selector: Selector = None, *, since: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield changes of objects as they come: `{"type": "ADDED", "object": {…}}`; ends where the API server ends it.

        Args:
            kind: plural name.
            selector: labels.
            since: resource version from which on; None: all that there is comes first, as ADDED.
        """
        params: dict[str, Any] = {"watch": "true", "allowWatchBookmarks": "false"}
        if chosen := targets.text(selector):
            params["labelSelector"] = chosen
        if since:
            params["resourceVersion"] = since
        import json

        for line in self._loop.each(self._lines(kinds.path(kind, self.namespace), self._asked("watch", kind), params)):
            if line:
                yield json.loads(line)

    def exec(
        self, pod: str, command: Sequence[str], container: str | None = None, *, timeout: float = 30.0
    ) -> Executed:
        """Run a command in a container and return what it printed. It gets no input and no terminal."""
        from cli.cluster import remote

        asked = self._asked("create", "pods/exec", pod)
        path = kinds.path("pods", self.namespace, pod, "exec")
        return self._loop.run(remote.run(self.connection, path, asked, command, container, timeout))

    def may(self, rights: Sequence[Right]) -> list[Answer]:
        """Return for each right whether this login has it (SelfSubjectAccessReview, which everybody may ask)."""
        from cli.cluster import rights as reviews

        return self._loop.run(reviews.ask(self.connection, rights))

    # Changes

    def create(self, kind: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Make an object and return it as the API server has it."""
        params = {"dryRun": "All"} if dry_run else None
        path = kinds.path(kind, self.namespace)
        return self._ask("POST", path, self._asked("create", kind), params, body)

    def dry_run(self, kind: str, body: Mapping[str, Any]) -> list[str]:
        """Ask whether an object would be let in, and return the warnings that come with it; nothing is made."""
        asked = self._asked("create", kind)
        path = kinds.path(kind, self.namespace)
        return self._loop.run(self.connection.warnings("POST", path, asked, {"dryRun": "All"}, body))

    def patch(
        self, kind: str, name: str, body: Mapping[str, Any], *, sub: str | None = None, dry_run: bool = False
    ) -> dict[str, Any]:
        """Change an object by a merge patch (RFC 7386)."""
        params = {"dryRun": "All"} if dry_run else None
        path, what = kinds.path(kind, self.namespace, name, sub), f"{kind}/{sub}" if sub else kind
        return self._ask("PATCH", path, self._asked("patch", what, name), params, body, MERGE_PATCH)

    def delete(self, kind: str, name: str, how: Deletion | None = None) -> bool:
        """Delete an object; returns False where there was none."""
        how = how or Deletion()
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Orphan" if how.orphan else "Background",
        }
        if how.uid is not None:
            body["preconditions"] = {"uid": how.uid}
        params = {"dryRun": "All"} if how.dry_run else None
        try:
            self._ask("DELETE", kinds.path(kind, self.namespace, name), self._asked("delete", kind, name), params, body)
        except ClusterError as error:
            if error.kind == "not-found":
                return False
            raise
        return True

    # Ways in

    def target(self, service: str, port: int | str | None = None) -> Target:
        """Return the ready pod and the container port that a Service leads to now."""
        item = self.item("services", service)
        if item is None:
            others = ", ".join(found.name for found in self.services()) or "none"
            raise ClusterError(
                "not-found", f"There is no service {service} in the namespace {self.namespace}; it has: {others}."
            )
        found = objects.service(item)
        return targets.of_service(found, self.pods(found.selector), port)

    def dial(self, pod: str, port: int) -> contextlib.AbstractAsyncContextManager[Tunnel]:
        """Return a connection to a port of a pod, to be opened within the cluster's loop (`start`)."""
        from cli.cluster import tunnel

        return tunnel.dial(self.connection, self.namespace, pod, port)

    def forward(self, target: Target) -> contextlib.AbstractContextManager[int]:
        """Return a context in which a free local port leads to this pod; gives the port's number.

        For one command's own questions: it follows no restart of the pod.
        """
        from cli.cluster import forwarding

        return forwarding.forward(self, target)

    def _asked(self, verb: str, kind: str, name: str | None = None) -> Asked:
        where = None if kind.partition("/")[0] in kinds.CLUSTER_WIDE else self.namespace
        return Asked(verb, kind, where, name)

    def _ask(  # noqa: PLR0917  the first three together name a request
        self,
        method: str,
        path: str,
        asked: Asked,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        return self._loop.run(self.connection.request(method, path, asked, params, body, content_type))

    async def _lines(self, path: str, asked: Asked, params: Mapping[str, Any]) -> AsyncIterator[str]:
        async with self.connection.stream(path, asked, params) as lines:
            async for line in lines:
                yield line
