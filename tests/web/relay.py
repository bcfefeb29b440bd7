"""Connections handed on between addresses; stands alone, since it runs inside the page's namespaces too."""

from __future__ import annotations

import asyncio
import contextlib

HOST = "127.0.0.1"


async def serve(listen: str, target: str) -> asyncio.Server:
    """Listen at one address and hand every connection on to another.

    Args:
        listen: `ADDRESS:PORT`, or the path of a socket.
        target: the same; where nothing listens there, the connection ends.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await _open(target)
        except OSError:
            writer.transport.abort()
            return
        ways = [asyncio.ensure_future(_carry(reader, back)), asyncio.ensure_future(_carry(there, writer))]
        try:  # HTTP knows no half-open connections: who closes ends both ways
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            back.close()
            writer.close()

    if "/" in listen:
        return await asyncio.start_unix_server(handle, listen)
    host, _, port = listen.rpartition(":")
    return await asyncio.start_server(handle, host, int(port))


async def _open(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if "/" in target:
        return await asyncio.open_unix_connection(target)
    host, _, port = target.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
