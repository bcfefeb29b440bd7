"""A small HTTP server in a thread of its own, whose answers a test writes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

HOST = "127.0.0.1"
SETTLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By name in small letters."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a body, or pieces of one as they come."""

    state: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    pieces: AsyncGenerator[bytes, None] | None = None


class HttpServer:
    """Answers at a port of this machine, with connections that stay open between requests."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        """0: chosen by the start."""
        self.requests: list[Request] = []
        self.connections = 0
        """Accepted since the start."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stub", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://{HOST}:{self.port}"

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        raise NotImplementedError

    def start(self) -> None:
        """Listen."""
        self._run(self._listen())

    def stop(self) -> None:
        """Listen no longer, and break every connection, as a process that dies does."""
        self._run(self._break())

    def end(self) -> None:
        """Stop for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _break(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            # Closed at once, a server leaves connections open that were just accepted (CPython 3.11, Server._attach).
            for listener in server.sockets:
                self._loop.remove_reader(listener.fileno())
            await asyncio.sleep(SETTLE_SECONDS)
            server.close()
        for task, writer in list(self._open.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections += 1
        self._open[task] = writer
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                await _write(writer, await self.answer(request))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._open.pop(task, None)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    length = int(headers.get("content-length", 0))
    return Request(method, path, headers, await reader.readexactly(length) if length else b"")


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    phrase = HTTPStatus(answer.state).phrase
    head = f"HTTP/1.1 {answer.state} {phrase}\r\ncontent-type: {answer.content_type}\r\n"
    if answer.pieces is None:
        writer.write(f"{head}content-length: {len(answer.body)}\r\n\r\n".encode() + answer.body)
    else:
        writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        async with contextlib.aclosing(answer.pieces) as pieces:  # who hangs up ends the answer at once
            async for piece in pieces:
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                await writer.drain()
        writer.write(b"0\r\n\r\n")
    await writer.drain()
