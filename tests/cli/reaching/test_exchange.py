"""A connection rests when its request is answered in full; of what is not understood that is never said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.reaching.exchange import Exchange

GET = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 4\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"


def rests(*passed: tuple[str, bytes]) -> bool:
    """Return whether a connection rests after this."""
    exchange = Exchange()
    for side, data in passed:
        getattr(exchange, side)(data)
    return exchange.resting


@pytest.mark.parametrize(
    "answer",
    [
        SIZED,
        CHUNKED,
        EMPTY,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED,
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_an_answer_in_full_is_the_end_of_a_request(answer: bytes) -> None:
    """Whole, in pieces or byte by byte: it rests after the last byte, not before, until the next request."""
    for size in (len(answer), 7, 1):
        exchange = Exchange()
        exchange.asked(GET)
        for start in range(0, len(answer), size):
            assert not exchange.resting
            exchange.answered(answer[start : start + size])
        assert exchange.resting
        exchange.asked(GET)
        assert not exchange.resting
        exchange.answered(SIZED)
        assert exchange.resting


@pytest.mark.parametrize(
    ("passed", "why"),
    [
        ([], "nothing was asked"),
        ([("asked", GET)], "no answer yet"),
        ([("asked", POST), ("asked", b"body")], "no answer yet"),
        ([("asked", GET), ("answered", SIZED[:-1])], "a byte is missing"),
        ([("asked", GET), ("answered", CHUNKED[:-1])], "the end of the last chunk is missing"),
        ([("asked", GET), ("answered", b"HTTP/1.1 200 OK\r\n\r\nuntil the end")], "it ends with the connection"),
        ([("asked", GET), ("answered", b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n")], "another version"),
        ([("asked", GET.replace(b"host", b"upgrade: websocket\r\nhost")), ("answered", SIZED)], "another protocol"),
        ([("asked", GET), ("answered", b"HTTP/1.1 101 Switching Protocols\r\n\r\n")], "another protocol"),
        ([("asked", b"\x16\x03\x01"), ("answered", SIZED)], "no HTTP at all"),
        ([("answered", SIZED)], "the server speaks first"),
        ([("asked", GET), ("answered", SIZED + b"more")], "more than the answer"),
        ([("asked", GET), ("answered", SIZED[:20]), ("asked", GET), ("answered", SIZED[20:])], "asked in between"),
        ([("asked", GET), ("answered", b"x" * 70_000)], "a head without end"),
    ],
)
def test_what_is_under_way_or_not_understood_does_not_rest(passed: list[tuple[str, bytes]], why: str) -> None:
    """A connection that may still be used is never said to rest."""
    assert not rests(*passed), why


def test_an_answer_to_head_has_no_body() -> None:
    """The length that an answer to HEAD names is not waited for."""
    assert rests(("asked", GET.replace(b"GET", b"HEAD")), ("answered", SIZED[:-5]))


@given(st.lists(st.tuples(st.sampled_from(["asked", "answered"]), st.binary(max_size=60)), max_size=20))
def test_any_bytes_are_taken(passed: list[tuple[str, bytes]]) -> None:
    """Nothing that passes makes it fail."""
    rests(*passed)
