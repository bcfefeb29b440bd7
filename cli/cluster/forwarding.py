"""A local port that leads to a pod for as long as one command asks it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from cli.cluster import tunnel
from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.cluster.cluster import Cluster
    from cli.cluster.targets import Target

HOST = "127.0.0.1"


@contextlib.contextmanager
def forward(cluster: Cluster, target: Target) -> Iterator[int]:
    """Lead a free local port to a port of a pod; gives its number."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with cluster.dial(target.pod, target.port) as opened:
                await tunnel.carry(opened, reader, writer)
        except (ClusterError, ConnectionError):
            writer.transport.abort()  # whoever asked sees a connection that broke, and says so
        finally:
            writer.close()

    server = cluster.start(asyncio.start_server(serve, HOST, 0))
    try:
        yield server.sockets[0].getsockname()[1]
    finally:

        async def end() -> None:
            server.close()

        with contextlib.suppress(TimeoutError, RuntimeError):
            cluster.start(end(), 2.0)
