"""Logs of many containers as one: merged by their moments, and followed through restarts and new pods."""

from __future__ import annotations

import heapq
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.cluster import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Container, Pod

LOOK_SECONDS: Final = 2.0
"""Seconds between two looks for new pods and restarted containers."""
WAIT_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are wanted."""

    tail: int | None = None
    since_seconds: int | None = None
    previous: bool = False
    """Only those of the time before the last restart."""
    every: bool = False
    """Of init containers too, and of the time before the last restart."""


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One line of one container."""

    moment: str
    """RFC 3339, as the container runtime has noted it; sorts as text."""
    pod: str
    container: str
    text: str
    previous: bool = False

    @property
    def source(self) -> str:
        """Pod and container."""
        return f"{self.pod}/{self.container}"


def merged(cluster: Cluster, pods: Iterable[Pod], wanted: Wanted) -> Iterator[Line]:
    """Yield the lines of all containers in the order in which they were written.

    Raises:
        ClusterError: logs may not be read, or the cluster is away. A container without a log has no lines.
    """
    streams = [_lines(cluster, pod, container, wanted, previous) for pod, container, previous in chosen(pods, wanted)]
    yield from heapq.merge(*streams)


def chosen(pods: Iterable[Pod], wanted: Wanted) -> Iterator[tuple[Pod, Container, bool]]:
    """Yield the containers whose logs are wanted, and whether that of the time before the last restart is.

    Without more words it is the log of now; of a container that was restarted and is not ready the one before as well,
    since the reason stands there.
    """
    for pod in pods:
        for container in (*(pod.init_containers if wanted.every else ()), *pod.containers):
            before = container.last is not None
            if before and (wanted.previous or wanted.every or not container.ready):
                yield pod, container, True
            if not wanted.previous and container.state != "waiting":
                yield pod, container, False


def _lines(cluster: Cluster, pod: Pod, container: Container, wanted: Wanted, previous: bool) -> Iterator[Line]:  # noqa: FBT001  what names one log
    try:
        found = cluster.logs(
            pod.name,
            container.name,
            previous=previous,
            tail=wanted.tail,
            since_seconds=wanted.since_seconds,
            timestamps=True,
        )
        for text in found:
            yield _line(pod.name, container.name, text, previous=previous)
    except ClusterError as error:
        if error.kind not in {"refused", "not-found", "unexpected", "conflict"}:  # 400: no such log
            raise


def _line(pod: str, container: str, text: str, *, previous: bool = False) -> Line:
    moment, _, rest = text.partition(" ")
    return Line(moment, pod, container, rest, previous)


class Followed:
    """Follows the containers of pods that have certain labels, through restarts and pods that come and go.

    Args:
        cluster: where.
        labels: of the pods; None: all of the namespace.
        wanted: which lines to begin with.
    """

    def __init__(self, cluster: Cluster, labels: Mapping[str, str] | None, wanted: Wanted) -> None:
        self.cluster = cluster
        self.labels = labels
        self.wanted = wanted
        self.fault: ClusterError | None = None
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self._known: dict[tuple[str, str, int], threading.Thread] = {}
        self._last: dict[tuple[str, str, int], str] = {}
        self._seen: set[str] = set()
        self._ended = threading.Event()

    def lines(self, idle: Callable[[], bool] = lambda: True) -> Iterator[Line]:
        """Yield lines as they come, until `idle` says no in a moment without any.

        Raises:
            ClusterError: the pods may not be seen any more.
        """
        looked = 0.0
        try:
            while True:
                if time.monotonic() - looked >= LOOK_SECONDS:
                    self._look()
                    looked = time.monotonic()
                try:
                    yield self._lines.get(timeout=WAIT_SECONDS)
                except queue.Empty:
                    if self.fault is not None:
                        raise self.fault from None
                    if not idle():
                        return
        finally:
            self._ended.set()

    def _look(self) -> None:
        for pod, container, previous in chosen(self.cluster.pods(self.labels), self.wanted):
            # A log is told apart by how often its container was restarted before it.
            key = (pod.name, container.name, container.restarts - previous)
            if key not in self._known:
                thread = threading.Thread(target=self._follow, args=(pod, container, previous, key), daemon=True)
                self._known[key] = thread
                thread.start()

    def _follow(self, pod: Pod, container: Container, previous: bool, key: tuple[str, str, int]) -> None:  # noqa: FBT001  what names one log
        source = f"{pod.name}/{container.name}"
        # What is asked to be left out is the past of the containers that there were at the beginning.
        again = source in self._seen
        self._seen.add(source)
        told = self._last.get(key, "")
        try:
            found = self.cluster.logs(
                pod.name,
                container.name,
                follow=not previous,
                previous=previous,
                tail=None if again else self.wanted.tail,
                since_seconds=None if again else self.wanted.since_seconds,
                timestamps=True,
            )
            for text in found:
                if self._ended.is_set():
                    return
                line = _line(pod.name, container.name, text, previous=previous)
                if line.moment > told:
                    self._last[key] = max(line.moment, self._last.get(key, ""))
                    self._lines.put(line)
        except ClusterError as error:
            if error.kind in {"forbidden", "login"}:
                self.fault = error
            # Anything else is the end of this container's log: the next look finds what came after it.
            elif error.kind in {"restarted", "unreachable"}:
                self._known.pop(key, None)
