"""A connection to a port of a pod, through the API server (pods/portforward)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from cli.cluster import kinds
from cli.cluster.errors import ClusterError
from cli.cluster.failures import Asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx_ws

    from cli.cluster.connection import Connection

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
"""Channels of the first, and here only, port (k8s.io/kubelet pkg/cri/streaming/portforward/websocket.go)."""
CHUNK = 1 << 16
"""Bytes of one message."""


class Tunnel:
    """One connection; like a TCP stream. Not for several readers."""

    def __init__(self, socket: httpx_ws.AsyncWebSocketSession, pod: str, port: int) -> None:
        self._socket = socket
        self._pod, self._port = pod, port
        self._greeted: set[int] = set()

    async def send(self, data: bytes) -> None:
        """Send bytes to the pod.

        Raises:
            ClusterError: the connection ended.
        """
        import httpx_ws

        try:
            for start in range(0, len(data), CHUNK):
                await self._socket.send_bytes(b"\0" + data[start : start + CHUNK])
        except (httpx_ws.HTTPXWSException, OSError) as error:
            raise self._ended() from error

    async def receive(self) -> bytes:
        """Return the next bytes from the pod; empty at the end.

        Raises:
            ClusterError: nothing listens at the port, or the pod went away.
        """
        import httpx_ws

        while True:
            try:
                message = await self._socket.receive_bytes()
            except httpx_ws.WebSocketDisconnect:
                return b""
            except (httpx_ws.HTTPXWSException, OSError) as error:
                raise self._ended() from error
            channel, data = message[0], message[1:]
            if channel not in self._greeted:  # each channel begins with its port, two bytes
                self._greeted.add(channel)
                continue
            if channel == ERROR and data:
                said = data.decode("utf-8", "replace").strip()
                raise ClusterError("not-found", f"Port {self._port} of the pod {self._pod} does not answer: {said}.")
            if channel == DATA and data:
                return data

    def _ended(self) -> ClusterError:
        return ClusterError("restarted", f"The connection to port {self._port} of the pod {self._pod} ended.")


@contextlib.asynccontextmanager
async def dial(connection: Connection, namespace: str, pod: str, port: int) -> AsyncIterator[Tunnel]:
    """Open a connection to a port of a pod.

    Raises:
        ClusterError: the pod is not there, or the right is missing.
    """
    path = kinds.path("pods", namespace, pod, "portforward")
    asked = Asked("create", "pods/portforward", namespace, pod)
    async with connection.websocket(path, asked, {"ports": str(port)}, PROTOCOL) as socket:
        yield Tunnel(socket, pod, port)


async def carry(tunnel: Tunnel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes both ways between a tunnel and a local connection, until one of them ends.

    Raises:
        ClusterError: the tunnel broke.
    """

    async def there() -> None:
        while data := await reader.read(CHUNK):
            await tunnel.send(data)

    async def back() -> None:
        while data := await tunnel.receive():
            writer.write(data)
            await writer.drain()

    ways = {asyncio.create_task(there()), asyncio.create_task(back())}
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in done:
            with contextlib.suppress(ConnectionError):  # the local side went away
                way.result()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
