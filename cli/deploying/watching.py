"""Watches the pods of a stack while Pulumi waits for them, and tells what happens to them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from cli.deploying import starting, waiting

if TYPE_CHECKING:
    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Container, Pod
    from cli.deploying.teller import Teller
    from cli.stacks import Stack
    from voltaic.host import Start

SECONDS: Final = 1.0
"""Between two looks."""
LOG_LINES: Final = 400
"""Lines of a log that are read from its end: a start writes fewer, but for access logs."""
USUAL: Final = ("", "ContainerCreating", "PodInitializing")
"""Reasons for waiting that are no reasons for concern."""
ENDINGS: Final = {
    "OOMKilled": "it took more host memory than its limit, and was killed",
    "Error": "its program ended with an error",
    "Completed": "its program ended",
}


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of the start before it begins."""

    engine: str | None = None
    start: Start | None = None
    size: int | None = None
    """Bytes of the checkpoint."""


@dataclass(slots=True)
class Told:
    """What was told already, so that nothing is told twice."""

    said: set[tuple[str, str]] = field(default_factory=set)
    steps: dict[str, tuple[str, int]] = field(default_factory=dict)

    def first(self, pod: str, what: str) -> bool:
        """Return whether this is new of a pod."""
        key = (pod, what)
        new = key not in self.said
        self.said.add(key)
        return new


def events(pod: Pod, told: Told) -> list[tuple[str, str]]:
    """Return what is new of a pod that is not ready: a word for it, and the text."""
    found: list[tuple[str, str]] = []

    def say(what: str, text: str) -> None:
        if told.first(pod.name, text):
            found.append((what, f"pod {pod.name} {text}"))

    placed = pod.condition("PodScheduled")
    if placed is not None and placed.status == "False":
        say("pending", f"waits for a node: {waiting.plain(placed.message or placed.reason)}")
    for container in (*pod.init_containers, *pod.containers):
        if container.ready:
            continue
        ended = container.last_end
        if ended is not None and (container.restarts or container.ended):
            why = ENDINGS.get(ended.reason, ended.reason)
            signal = f", signal {ended.signal}" if ended.signal else ""
            restarts = f"; {container.restarts} restarts" if container.restarts > 1 else ""
            say("ended", f"ended: {why} (exit code {ended.exit_code}{signal}){restarts}")
        if container.state == "waiting" and container.reason not in {*USUAL, "CrashLoopBackOff"}:
            plain = waiting.plain(f"{container.reason} {container.message}")
            say("waits", f"waits ({container.reason}): {plain}")
    return found


class Watch:
    """A thread that looks at the pods of a stack until it is told to end.

    Args:
        stack: the stack; its context and namespace say where.
        teller: hears of everything.
        expected: of the server.
    """

    def __init__(self, stack: Stack, teller: Teller, expected: Expected, environment: dict[str, str]) -> None:
        self._stack = stack
        self._teller = teller
        self._expected = expected
        self._environment = environment
        self._told = Told()
        self._began = datetime.now(UTC)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pods", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(5)

    def _run(self) -> None:
        from cli.cluster import ClusterError, connect

        try:
            kubeconfig = self._environment.get("KUBECONFIG")
            with connect(kubeconfig, context=self._stack.context, namespace=self._stack.namespace) as cluster:
                over = False
                while not over:
                    over = self._end.wait(SECONDS)  # after the end there is one more look: pods are ready only now
                    try:
                        self._look(cluster)
                    except ClusterError as error:
                        if error.kind not in {"unreachable", "restarted"}:
                            raise
                        self._say("", "cluster", f"the cluster cannot be asked just now: {error.message}")
        except ClusterError as error:
            self._say("", "cluster", f"how pods do cannot be told: {error.message}")

    def _say(self, pod: str, event: str, text: str, **facts: Any) -> None:
        if self._told.first(pod, text):
            self._teller.tell(event, text, **facts)

    def _look(self, cluster: Cluster) -> None:
        for workload in cluster.deployments(self._stack.labels):
            failure = workload.condition("ReplicaFailure")
            if failure is not None and failure.status == "True":
                text = f"Deployment {workload.name} gets no pod: {waiting.plain(failure.message)}"
                self._say(workload.name, "pending", text, deployment=workload.name)
        for pod in cluster.pods(self._stack.labels):
            if pod.deleting:
                continue
            if pod.ready:
                self._ready(pod)
                continue
            for what, text in events(pod, self._told):
                self._teller.tell(what, text, pod=pod.name)
            server = pod.container() if self._is_server(pod) else None
            if server is not None and server.state == "running":
                self._starts(cluster, pod, server)

    def _ready(self, pod: Pod) -> None:
        if pod.created is not None and pod.created < self._began and not self._known(pod):
            return  # it ran before, and goes on
        took = (datetime.now(UTC) - pod.created).total_seconds() if pod.created else 0
        if self._told.first(pod.name, "ready"):
            self._teller.tell("ready", f"pod {pod.name} is ready", pod=pod.name, seconds=round(took))

    def _known(self, pod: Pod) -> bool:
        return any(name == pod.name for name, _ in self._told.said) or pod.name in self._told.steps

    def _is_server(self, pod: Pod) -> bool:
        return any(container.gpus for container in pod.containers)

    def _starts(self, cluster: Cluster, pod: Pod, container: Container) -> None:
        from cli.cluster import ClusterError

        reading = None
        if self._expected.engine is not None:
            try:
                lines = list(cluster.logs(pod.name, container.name, tail=LOG_LINES, timestamps=True))
                reading = starting.read(self._expected.engine, lines)
            except ClusterError as error:
                self._say(pod.name, "cluster", f"its log cannot be read, so times are estimates: {error.message}")
        elapsed = (datetime.now(UTC) - container.since).total_seconds() if container.since else 0.0
        found = starting.progress(reading, self._expected.start, self._expected.size, elapsed)
        if found is None:
            return
        new = self._told.steps.get(pod.name) != found.step
        self._told.steps[pod.name] = found.step
        facts = {
            "pod": pod.name,
            "stage": found.stage,
            "share": round(found.share, 3),
            "bytes_done": found.done,
            "bytes_total": found.total,
            "seconds_left": found.left,
            "measured": found.measured,
        }
        self._teller.progress(f"pod {pod.name}: {found}", line=new, **facts)
