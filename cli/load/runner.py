"""Sends requests and takes down when each piece of each answer came. One process, one loop, httpx."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli.load import prompts
from cli.load.measured import Request
from cli.reaching.api import CONNECT_SECONDS, TOKEN_SECONDS, ApiError, said_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import httpx

CALIBRATION_WORDS = (16, 116)
MOST_OPEN = 4096
"""Requests that run at once in open loop; more are counted as failed, for a server that is overrun never recovers."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of a server."""

    url: str
    """Ending in `/v1`."""
    key: str | None
    model: str
    prompt_tokens: int
    answer_tokens: int
    concurrency: int = 1
    """Requests at once (closed loop)."""
    rate: float | None = None
    """Requests a second at random moments (open loop, Poisson); None: closed loop."""
    requests: int | None = None
    """Measured requests; None: `seconds` decides."""
    seconds: float | None = None
    warm_up: int = 0
    """Requests before, which are not counted."""
    seed: int = 1
    temperature: float = 0.0


@dataclass
class Progress:
    """How far a run is."""

    warming: bool = True
    done: int = 0
    failed: int = 0
    running: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass
class Run:
    """What a run gave."""

    requests: list[Request] = field(default_factory=list)
    seconds: float = 0.0
    scale: prompts.Scale = field(default_factory=prompts.Scale)
    stopped: bool = False
    """Whether Ctrl-C ended it early."""


class Runner:
    """Runs a load.

    Args:
        load: what is asked.
        progress: is called after each request with how far it is.
        clock: seconds.
    """

    def __init__(
        self, load: Load, progress: Callable[[Progress], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.load, self._tell, self._clock = load, progress, clock
        self.run_ = Run()
        self._progress = Progress()
        self._zero = 0.0
        self._seed = load.seed * 1_000_003  # prompts of two seeds share none

    async def run(self) -> Run:
        """Warm up, measure, and return what came.

        Raises:
            ApiError: not one request of the warm-up was answered.
        """
        import httpx

        load = self.load
        headers = {"authorization": f"Bearer {load.key}"} if load.key else {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        timeout = httpx.Timeout(TOKEN_SECONDS, connect=CONNECT_SECONDS, pool=None)
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=timeout, trust_env=False) as client:
            self.run_.scale = await self._calibrated(client)
            warm = asyncio.Semaphore(load.concurrency)

            async def warmed() -> Request:
                async with warm:
                    return await self._one(client, self._clock())

            await asyncio.gather(*(warmed() for _ in range(load.warm_up)))
            self._progress = Progress(warming=False)
            self._zero = self._clock()
            try:
                await (self._closed(client) if load.rate is None else self._open(client, load.rate))
            except asyncio.CancelledError:
                self.run_.stopped = True
            self.run_.seconds = self._clock() - self._zero
        return self.run_

    async def _calibrated(self, client: httpx.AsyncClient) -> prompts.Scale:
        """Ask the server how many tokens words cost."""
        counted = []
        for words in CALIBRATION_WORDS:
            request = await self._one(client, self._clock(), words=words, answer=1)
            if request.error is not None:
                raise ApiError("refused", f"The first request failed: {request.error}.", "Try: voltaic test")
            if request.prompt_tokens is None:
                return prompts.Scale()
            counted.append((words, request.prompt_tokens))
        return prompts.scale(*counted)

    async def _closed(self, client: httpx.AsyncClient) -> None:
        """Keep so many requests running: each asker waits for an answer before the next question."""
        left = self.load.requests

        async def asker() -> None:
            nonlocal left
            while not self._over() and (left is None or left > 0):
                if left is not None:
                    left -= 1
                self._take(await self._one(client, self._clock()))

        async with asyncio.TaskGroup() as group:
            for _ in range(self.load.concurrency):
                group.create_task(asker())

    async def _open(self, client: httpx.AsyncClient, rate: float) -> None:
        """Send requests when they are due, whether or not earlier ones are answered."""
        chosen = random.Random(self.load.seed)  # noqa: S311  nothing secret
        due, sent = self._zero, 0

        async def one(at: float) -> None:
            self._take(await self._one(client, at))

        async with asyncio.TaskGroup() as group:
            while self.load.requests is None or sent < self.load.requests:
                due += chosen.expovariate(rate)
                if self.load.seconds is not None and due - self._zero >= self.load.seconds:
                    return
                await asyncio.sleep(max(0.0, due - self._clock()))
                sent += 1
                if self._progress.running >= MOST_OPEN:
                    moment = self._clock() - self._zero
                    self._take(Request(moment, ended=moment, error=f"not sent: {MOST_OPEN} requests wait already"))
                else:
                    group.create_task(one(due))

    def _over(self) -> bool:
        return self.load.seconds is not None and self._clock() - self._zero >= self.load.seconds

    def _take(self, request: Request) -> None:
        self.run_.requests.append(request)
        progress = self._progress
        progress.done += 1
        progress.failed += request.error is not None
        progress.tokens += request.tokens
        progress.seconds = self._clock() - self._zero
        self._tell(progress)

    async def _one(
        self, client: httpx.AsyncClient, due: float, *, words: int | None = None, answer: int | None = None
    ) -> Request:
        """Send one request and return how it went; its moments count from `due` on where that is earlier."""
        import httpx

        load = self.load
        self._seed += 1
        text = prompts.prompt(words or self.run_.scale.words(load.prompt_tokens), self._seed)
        body = {
            "model": load.model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": answer or load.answer_tokens,
            "temperature": load.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        moments: list[float] = []
        usage: dict[str, Any] = {}
        error = None
        self._progress.running += 1
        try:
            async with client.stream("POST", f"{load.url}/chat/completions", json=body) as response:
                if response.is_error:
                    said = said_in((await response.aread()).decode("utf-8", "replace"))
                    error = f"HTTP {response.status_code}{f': {said}' if said else ''}"
                else:
                    error = await self._read(response, moments, usage)
        except httpx.TimeoutException:
            error = "no answer in time"
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            error = "the connection ended" if moments else f"no connection ({type(fault).__name__})"
        finally:
            self._progress.running -= 1
        zero = self._zero
        return Request(
            due - zero,
            tuple(moment - zero for moment in moments),
            self._clock() - zero,
            usage.get("prompt_tokens"),
            usage.get("completion_tokens"),
            error,
        )

    async def _read(self, response: httpx.Response, moments: list[float], usage: dict[str, Any]) -> str | None:
        """Take down the pieces of an answer; return what is wrong with it."""
        finished = False
        async for event in _events(response):
            now = self._clock()
            if event.get("error"):
                return f"given up: {said_in(str(event['error']))}"
            choices = event.get("choices") or [{}]
            delta = choices[0].get("delta") or {}
            if delta.get("content") or delta.get("reasoning_content"):
                moments.append(now)
            finished |= choices[0].get("finish_reason") is not None
            usage.update(event.get("usage") or {})
        if not moments:
            return "an empty answer"
        return None if finished else "cut off"


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of a stream, up to its end."""
    import json

    async for line in response.aiter_lines():
        if not line.startswith("data:"):
            continue
        content = line.removeprefix("data:").strip()
        if content == "[DONE]":
            return
        try:
            event = json.loads(content)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
