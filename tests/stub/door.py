"""A door before a server: what stands between it and its clients can be shut, as when it restarts."""

from __future__ import annotations

import contextlib
import socket
import threading

HOST = "127.0.0.1"


class Door:
    """Leads a local port to another one while it is open."""

    def __init__(self, inner: int) -> None:
        self._inner = inner
        self.port = 0
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.open()

    def open(self) -> None:
        """Let through what comes."""
        self._listener = socket.create_server((HOST, self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Listen no longer, and end what is open."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                outer, _ = listener.accept()
                inner = socket.create_connection((HOST, self._inner))
                pair = {outer, inner}
                self._open |= pair
                done = threading.Barrier(2, action=lambda pair=frozenset(pair): self._end(pair))
                for one, other in ((outer, inner), (inner, outer)):
                    threading.Thread(target=self._copy, args=(one, other, done), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket, done: threading.Barrier) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        done.wait()

    def _end(self, pair: frozenset[socket.socket]) -> None:
        for each in pair:
            each.close()
            self._open.discard(each)
