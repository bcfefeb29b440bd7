"""Whether a connection of HTTP/1.1 rests between two requests, told by what passes on it.

A server ends a connection that rests, most of them after five seconds, and not every node tells the other side of a
forwarded port: what is asked on it then is answered by nobody. So a resting connection is ended here first.
"""

from __future__ import annotations

import re

LONGEST_HEAD = 1 << 16
"""Bytes of a head; of a longer one nothing is told."""
_REQUEST = re.compile(rb"(?P<method>[A-Z]{3,10}) [^\r\n]+ HTTP/1\.1\r\n")
_STATUS = re.compile(rb"HTTP/1\.1 (?P<code>[1-5][0-9]{2})")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(?P<bytes>[0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_END = b"\r\n\r\n"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_SWITCHED = 101
_INTERIM = range(100, 200)
_BODILESS = frozenset({204, 304})


class Exchange:
    """What passes on one connection, in the order in which it passes."""

    def __init__(self) -> None:
        self.resting = False
        """Whether the last request is answered in full, and no other has begun."""
        self._opaque = False
        """Whether something passes that is not understood: then it never rests."""
        self._method = b""
        self._head = b""
        self._left: int | None = None
        """Bytes of the answer that are missing; None: its head is, or its last chunk."""
        self._chunked = False
        self._tail = b""

    def asked(self, data: bytes) -> None:
        """Take bytes that the local side sends."""
        if self._method and not self.resting:
            # More of the same request; once its answer has begun it may be the next one, and is left alone.
            self._opaque = self._opaque or bool(self._head) or self._left is not None or self._chunked
            return
        request = _REQUEST.match(data)
        if request is None or _UPGRADE.search(data):
            self._opaque = True
            return
        self._method, self.resting = request["method"], False
        self._head, self._left, self._chunked, self._tail = b"", None, False, b""

    def answered(self, data: bytes) -> None:
        """Take bytes that the server sends."""
        if self._opaque or not self._method:
            self._opaque = True
            return
        self.resting = False
        body = data if self._chunked or self._left is not None else self._begun(data)
        if body is None:
            self._opaque = True
        elif self._chunked:
            self._tail = (self._tail + body)[-len(_LAST_CHUNK) :]
            self.resting = self._tail == _LAST_CHUNK
        elif self._left is not None:
            self._left -= len(body)
            self.resting = self._left == 0
            self._opaque = self._left < 0

    def _begun(self, data: bytes) -> bytes | None:
        """Read the head of an answer; return what follows it, and None where the end of that cannot be told."""
        self._head += data
        while True:
            head, end, rest = self._head.partition(_END)
            if not end:
                return None if len(self._head) > LONGEST_HEAD else b""
            status = _STATUS.match(head)
            if status is None or (code := int(status["code"])) == _SWITCHED:
                return None
            if code not in _INTERIM:
                break
            self._head = rest
        lines = head + b"\r\n"
        length = _LENGTH.search(lines)
        if self._method == b"HEAD" or code in _BODILESS:
            self._left = 0
        elif _CHUNKED.search(lines):
            self._chunked, self._tail = True, b"\r\n"  # the line before the first chunk is the end of the head
        elif length is not None:
            self._left = int(length["bytes"])
        else:
            return None  # it ends with the connection
        return rest
