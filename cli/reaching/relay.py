"""A local port that leads to whichever pod a Service leads to, through restarts of both.

Opening a connection to a pod takes about 10 ms: TLS, the upgrade, and the API server's way to the node. So a few are
opened ahead of need, and a request that comes on a new local connection finds one that is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.cluster.errors import ClusterError
from cli.reaching.exchange import Exchange
from cli.reaching.follower import Follower

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Service
    from cli.cluster.targets import Target
    from cli.cluster.tunnel import Tunnel

AHEAD = 8
"""Connections that are kept ready: browsers open six to one server, and a few more come from elsewhere."""
LOW = 3
"""Connections below which missing ones are opened at once."""
HOLD_SECONDS = 5.0
"""For which a new local connection waits for a pod before it is told that there is none."""
CHUNK = 1 << 16
"""Bytes that are copied at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two tries to reach a pod that does not answer; they double."""
PROOF_SECONDS = 0.1
"""For which the first connection to a pod must last before it is used: a port that is closed is told a little later."""
AT_ONCE_SECONDS = 1.0
"""Life of a connection that ended by itself below which the next is not opened in a hurry."""
REST_SECONDS = 3.0
"""For which a connection rests between two requests before it is ended; servers end theirs after 5 s, some unheard."""
REFILL_SECONDS = 0.03
"""Quiet time after which connections that were taken are replaced: opening them slows requests that run."""


@dataclass(slots=True, eq=False)
class Spare:
    """A connection that is ready."""

    target: Target
    given: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    """The local connection that gets it."""
    first: asyncio.Future[bytes]
    """What the pod says first; done before anything was asked: it ended."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Relay:
    """Leads a local port to a Service. Lives in the cluster's loop.

    Args:
        cluster: where.
        service: the Service.
        changed: is called after each change of what `state` says.
        port: number or name of the Service's port.
        ahead: connections that are kept ready.
    """

    def __init__(
        self,
        cluster: Cluster,
        service: Service,
        changed: Callable[[], None] = lambda: None,
        *,
        port: int | str | None = None,
        ahead: int = AHEAD,
    ) -> None:
        self.follower = Follower(cluster, service, port, self._moved)
        self.local_port = 0
        self.problem: str | None = None
        """Why connections fail now."""
        self._cluster, self._changed, self._ahead = cluster, changed, ahead
        self._spares: deque[Spare] = deque()
        self._used: set[Spare] = set()
        self._waiting: deque[asyncio.Future[Spare]] = deque()
        self._opening = 0
        self._failures = 0
        self._proven = False
        self._not_before = 0.0
        self._last: Target | None = None
        self._later: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def target(self) -> Target | None:
        """Where connections go now; None: nowhere."""
        return self.follower.target

    @property
    def ready(self) -> bool:
        """Whether a connection to the pod stands."""
        return self._proven and not self.state[1]

    @property
    def state(self) -> tuple[str | None, str]:
        """Pod, and what is wrong; empty where nothing is."""
        pod = self.target.pod if self.target else None
        if self.follower.problem is not None:
            return pod, self.follower.problem.message
        return pod, self.follower.why or self.problem or ""

    async def open(self, address: str, port: int) -> None:
        """Listen at a local port (0: any) and begin to follow.

        Raises:
            OSError: the port is taken, or the address is none of this machine.
        """
        self._server = await asyncio.start_server(self._serve, address, port, backlog=128)
        self.local_port = self._server.sockets[0].getsockname()[1]
        self._start(self.follower.run())

    async def close(self) -> None:
        """Close the port and end every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Connections that are ready

    def _moved(self) -> None:
        """Take that the target may be another one: what was opened to the old one is given up."""
        if self._last != self.target:
            self._last, self._failures, self._not_before, self.problem = self.target, 0, 0.0, None
            self._proven = False
        for spare in [each for each in self._spares if each.target != self.target]:
            self._spares.remove(spare)
            spare.ended.set()
        for spare in self._used:
            if self.follower.gone(spare.target.pod):  # while it only ends, what it still answers is waited for
                spare.ended.set()
        if self.target is not None:
            self._fill()
        self._changed()

    def _fill(self) -> None:
        """Open as many connections as are missing."""
        target = self.target
        if target is None:
            return
        missing = self._ahead + len(self._waiting) - len(self._spares) - self._opening
        if not self._proven:
            missing = min(missing, 1 - self._opening)  # one tries for all
        for _ in range(max(0, missing)):
            self._opening += 1
            self._start(self._opened(target))

    async def _opened(self, target: Target) -> None:
        """Open one connection, keep it until somebody needs it, and carry what comes."""
        opening = True
        try:
            if (wait := self._not_before - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if target == self.target:
                async with self._cluster.dial(target.pod, target.port) as tunnel:
                    first = asyncio.ensure_future(tunnel.receive())
                    first.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may come unheard
                    try:
                        if not self._proven:
                            await asyncio.wait({first}, timeout=PROOF_SECONDS)
                        if first.done():
                            first.result()
                            raise ClusterError("not-found", f"The pod {target.pod} ends every connection at once.")
                        self._opening, opening = self._opening - 1, False
                        self._well()
                        await self._keep(target, tunnel, first)
                    finally:
                        first.cancel()
        except (ClusterError, OSError) as error:
            self._failed(error, target)
        except ExceptionGroup:  # of the websocket's own tasks, where the API server went away
            self._failed(ClusterError("restarted", f"The connection to {target.pod} ended."), target)
        finally:
            if opening:
                self._opening -= 1
            self._start_later()

    def _start_later(self) -> None:
        """Replace what was taken, once it is quiet or little is left."""
        if self._later is not None:
            self._later.cancel()
        with contextlib.suppress(RuntimeError):  # the loop ends
            loop = asyncio.get_running_loop()
            self._later = loop.call_later(0.0 if len(self._spares) < LOW else REFILL_SECONDS, self._refill)

    def _refill(self) -> None:
        if self._server is not None and self._server.is_serving():
            self._fill()

    async def _keep(self, target: Target, tunnel: Tunnel, first: asyncio.Future[bytes]) -> None:
        """Offer a connection, and carry what comes once it is taken."""
        spare = Spare(target, asyncio.get_running_loop().create_future(), first)
        self._offer(spare)
        ended = asyncio.ensure_future(spare.ended.wait())
        since = time.monotonic()
        try:
            waited: set[asyncio.Future[Any]] = {first, spare.given, ended}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if spare.given.done():
                self._used.add(spare)
                await _carry(tunnel, first, *spare.given.result(), ended)
            elif first.done() and time.monotonic() - since < AT_ONCE_SECONDS:
                first.result()
                raise ClusterError("not-found", f"The pod {target.pod} ends every connection at once.")
        finally:
            ended.cancel()
            spare.ended.set()
            self._used.discard(spare)
            if spare in self._spares:
                self._spares.remove(spare)

    def _offer(self, spare: Spare) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(spare)
                return
        self._spares.append(spare)

    def _well(self) -> None:
        if not self._proven:
            self._proven, self._failures, self.problem = True, 0, None
            self._fill()
            self._changed()

    def _failed(self, error: Exception, target: Target) -> None:
        if target != self.target:
            return
        self._proven = False
        if time.monotonic() >= self._not_before:  # those that were opened together fail together, and count as one
            self._not_before = time.monotonic() + min(FIRST_PAUSE * 2 ** min(self._failures, 10), LONGEST_PAUSE)
            self._failures += 1
        said = error.message if isinstance(error, ClusterError) else str(error)
        if said != self.problem:
            self.problem = said
            self._changed()

    # Local connections

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead one local connection to a pod."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            spare = await self._taken()
            if spare is None:
                await _refuse(writer, self.state[1])
                return
            spare.given.set_result((reader, writer))
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()

    async def _taken(self) -> Spare | None:
        """Return a connection that is ready; None where there is none in time."""
        ends = time.monotonic() + HOLD_SECONDS
        while True:
            spare = self._spares.popleft() if self._spares else await self._awaited(ends - time.monotonic())
            if spare is None:
                return None
            if spare.target == self.target and not spare.ended.is_set() and not spare.first.done():
                self._start_later()
                return spare
            spare.ended.set()

    async def _awaited(self, seconds: float) -> Spare | None:
        """Return the next connection that is opened; None where none is in time."""
        waiting: asyncio.Future[Spare] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._fill()
        try:
            return await asyncio.wait_for(waiting, max(0.0, seconds))
        except TimeoutError:
            return None
        finally:
            with contextlib.suppress(ValueError):
                self._waiting.remove(waiting)


async def _carry(
    tunnel: Tunnel,
    first: asyncio.Future[bytes],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    gone: asyncio.Future[Any],
) -> None:
    """Copy both ways until one side ends; what breaks breaks for the local side too, and is not asked again.

    Args:
        tunnel: the connection to the pod.
        first: what it receives first.
        reader: what the local side says.
        writer: what it hears.
        gone: done once the pod is no more, whatever the connection to it says.
    """
    exchange, passed = Exchange(), time.monotonic()

    async def there() -> None:
        nonlocal passed
        while data := await reader.read(CHUNK):
            exchange.asked(data)
            passed = time.monotonic()
            await tunnel.send(data)

    async def back() -> None:
        nonlocal passed
        data = await first
        while data:
            exchange.answered(data)
            passed = time.monotonic()
            writer.write(data)
            await writer.drain()
            data = await tunnel.receive()

    async def rest() -> None:
        # That nothing happens is no event.
        while not exchange.resting or time.monotonic() - passed < REST_SECONDS:  # noqa: ASYNC110
            await asyncio.sleep(REST_SECONDS / 3)

    ways = {asyncio.ensure_future(there()), asyncio.ensure_future(back()), asyncio.ensure_future(rest())}
    broken = True
    try:
        done, _ = await asyncio.wait({*ways, gone}, return_when=asyncio.FIRST_COMPLETED)
        broken = gone in done or any(way.exception() is not None for way in done)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        if broken:
            writer.transport.abort()  # else what was cut short would look whole
        else:
            writer.close()


async def _refuse(writer: asyncio.StreamWriter, why: str) -> None:
    """Answer in place of the server that is not there, in its own protocol."""
    body = f"voltaic forward: the server cannot be reached. {why} It goes on trying.\n".encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    with contextlib.suppress(OSError):
        await writer.drain()
    writer.close()
