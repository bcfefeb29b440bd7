"""A stand-in for an engine: an OpenAI-compatible server that answers as TGI does, with delays that a test chooses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.stub.http_server import Answer, HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from tests.stub.http_server import Request

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
"""An answer is these over and over, a token each."""
NATURAL = 10
"""Tokens after which an answer ends by itself."""
MODEL = "stub/model"


@dataclass
class Behaviour:
    """How the engine answers; a test may change it while it runs."""

    key: str | None = None
    """Key that generation asks for, as `Authorization: Bearer`."""
    first_seconds: float = 0.0
    """Before the first token."""
    token_seconds: float = 0.0
    """Between two tokens."""
    tokens: int | None = None
    """Length of every answer, whatever is asked for; None: as asked, at most `NATURAL`."""
    fails: Callable[[int], bool] = field(default=lambda _: False)
    """Whether the request of this number, from 1, is answered with an error."""
    breaks_after: int | None = None
    """Tokens after which the connection breaks."""
    loading: bool = False
    """Not ready yet."""
    heeds_stop: bool = True
    usage: bool = True
    """Whether streams end with the numbers of tokens, where asked."""
    models: bool = True
    """Whether `/v1/models` is there."""
    one_at_a_time: bool = False
    """Whether requests wait for each other."""


class Engine(HttpServer):
    """The server."""

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0) -> None:
        super().__init__(port)
        self.behaviour = behaviour or Behaviour()
        self.generations = 0
        self.running = 0
        self.most_running = 0
        self._turn = asyncio.Lock()

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        how, path = self.behaviour, request.path.partition("?")[0]
        if path == "/health":
            return Answer(503 if how.loading else 200)
        if path == "/metrics":
            return Answer(body=self._metrics().encode(), content_type="text/plain")
        if path == "/info":
            return _json({"model_id": MODEL, "version": "3.0.1", "max_total_tokens": 4096})
        if path == "/v1/models" and how.models:
            return _json({"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        if path == "/v1/chat/completions" and request.method == "POST":
            return await self._generate(request)
        return Answer(404)

    async def _generate(self, request: Request) -> Answer:
        how = self.behaviour
        if how.key is not None and request.headers.get("authorization") != f"Bearer {how.key}":
            return Answer(401)
        if how.loading:
            return _json({"error": "Model is loading", "error_type": "unhealthy"}, 503)
        self.generations += 1
        if how.fails(self.generations):
            return _json({"error": "Model is overloaded", "error_type": "overloaded"}, 429)
        asked: dict[str, Any] = json.loads(request.body)
        words = _words(asked, how)
        if asked.get("stream"):
            return Answer(content_type="text/event-stream", pieces=self._stream(asked, words))
        found = [word async for word in self._told(words[0])]
        return _json(
            {
                "model": MODEL,
                "choices": [{"message": {"role": "assistant", "content": "".join(found)}, "finish_reason": words[1]}],
                "usage": _usage(asked, len(found)),
            }
        )

    async def _told(self, words: list[str]) -> AsyncGenerator[str, None]:
        how = self.behaviour
        if how.one_at_a_time:
            await self._turn.acquire()
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            due = time.monotonic() + how.first_seconds
            for number, word in enumerate(words):
                if number == how.breaks_after:
                    raise ConnectionResetError
                await asyncio.sleep(max(0.0, due - time.monotonic()))  # late once is not late for good
                due += how.token_seconds
                yield word
        finally:
            self.running -= 1
            if how.one_at_a_time:
                self._turn.release()

    async def _stream(self, asked: Mapping[str, Any], words: tuple[list[str], str]) -> AsyncGenerator[bytes, None]:
        told = 0
        async with contextlib.aclosing(self._told(words[0])) as written:
            async for word in written:
                told += 1
                reason = words[1] if told == len(words[0]) else None
                yield _event({"choices": [{"delta": {"role": "assistant", "content": word}, "finish_reason": reason}]})
        if self.behaviour.usage and (asked.get("stream_options") or {}).get("include_usage"):
            yield _event({"choices": [], "usage": _usage(asked, told)})
        yield b"data: [DONE]\n\n"

    def _metrics(self) -> str:
        return (
            "# TYPE tgi_queue_size gauge\ntgi_queue_size 0\n"
            f"# TYPE tgi_batch_current_size gauge\ntgi_batch_current_size {self.running}\n"
            f"# TYPE tgi_request_count counter\ntgi_request_count {self.generations}\n"
        )


def _words(asked: Mapping[str, Any], how: Behaviour) -> tuple[list[str], str]:
    """Return the tokens of an answer, and why it ends."""
    wanted = how.tokens or min(asked.get("max_tokens") or NATURAL, NATURAL)
    words = [("" if number == 0 else " ") + WORDS[number % len(WORDS)] for number in range(wanted)]
    stops = asked.get("stop") or []
    if how.heeds_stop and stops:
        for number in range(1, len(words) + 1):
            if any(stop in "".join(words[:number]) for stop in stops):
                return words[:number], "stop_sequence"  # TGI shows the stop sequence, and says so
    return words, "stop" if wanted == NATURAL and how.tokens is None else "length"


def _usage(asked: Mapping[str, Any], answer: int) -> dict[str, int]:
    """Return numbers of tokens: a word of a prompt is one, and a message takes four more."""
    prompt = sum(len(str(message["content"]).split()) + 4 for message in asked["messages"])
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _json(document: Any, state: int = 200) -> Answer:
    return Answer(state, json.dumps(document).encode())


def _event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"
