"""Asks an OpenAI-compatible server, by httpx, and says in plain words why it does not answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import httpx

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""For questions that need no model."""
TOKEN_SECONDS = 600.0
"""Between two pieces of an answer: a long prompt on a full server is worked on for minutes."""
MOST_SHOWN = 300
"""Characters of an error's text."""
LOADING = frozenset({502, 503, 504})
DONE = "[DONE]"


class ApiError(Exception):
    """A request that was not answered as asked.

    Attributes:
        kind: `unreachable`, `loading`, `key`, `no-route`, `refused`, `busy`, `broken`.
        message: what happened.
        fix: next step; empty where there is none.
        status: HTTP status; None: there was no answer.
    """

    def __init__(self, kind: str, message: str, fix: str = "", status: int | None = None) -> None:
        self.kind, self.message, self.fix, self.status = kind, message, fix, status
        super().__init__(f"{message} {fix}".rstrip())


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer that is streamed."""

    text: str = ""
    finish: str | None = None
    """Why the answer ends, in its last piece: `stop`, `length`."""
    usage: Mapping[str, int] | None = None
    """Numbers of tokens, where the server gives them."""


class Api:
    """One server.

    Args:
        url: its address, ending in `/v1`.
        key: key that it asks for; None: none.
        engine: name of the engine, for messages.
    """

    def __init__(self, url: str, key: str | None = None, engine: str = "the server") -> None:
        import httpx

        self.url, self.engine = url.rstrip("/"), engine
        self.root = self.url.removesuffix("/v1")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._client = httpx.Client(headers=headers, timeout=timeout, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get(self, path: str) -> httpx.Response:
        """Return the answer to a GET of a path below the server's root, whatever its status.

        Raises:
            ApiError: there is none.
        """
        import httpx

        try:
            return self._client.get(f"{self.root}{path}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._none(error) from error

    def models(self) -> list[str]:
        """Return the names of the models that it serves.

        Raises:
            ApiError: it does not say.
        """
        answer = self.get("/v1/models")
        self._check(answer.status_code, answer.text, "/v1/models")
        found = _decoded(answer.text)
        data = found.get("data") if isinstance(found, dict) else None
        if not isinstance(data, list):
            raise ApiError("refused", "/v1/models is no list of models.", status=answer.status_code)
        return [str(item["id"]) for item in data if isinstance(item, dict) and "id" in item]

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a whole answer.

        Raises:
            ApiError: there is none.
        """
        import httpx

        try:
            answer = self._client.post(f"{self.url}/chat/completions", json=dict(body), timeout=self._patient())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._none(error) from error
        self._check(answer.status_code, answer.text, "/v1/chat/completions")
        found = _decoded(answer.text)
        if not isinstance(found, dict) or not found.get("choices"):
            raise ApiError("refused", "The answer to /v1/chat/completions has no choices.", status=answer.status_code)
        return found

    def stream(self, body: Mapping[str, Any]) -> Iterator[Piece]:
        """Yield the pieces of an answer as they come.

        Raises:
            ApiError: there is none, or it breaks off.
        """
        import httpx

        asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
        began = False
        try:
            with self._client.stream(
                "POST", f"{self.url}/chat/completions", json=asked, timeout=self._patient()
            ) as answer:
                if answer.is_error:
                    answer.read()
                    self._check(answer.status_code, answer.text, "/v1/chat/completions")
                for piece in pieces(answer.iter_lines()):
                    began = True
                    yield piece
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if began:
                raise ApiError(
                    "broken",
                    "The answer broke off: the connection to the server ended.",
                    "Whether it restarted: voltaic status",
                ) from error
            raise self._none(error) from error

    def _patient(self) -> httpx.Timeout:
        import httpx

        return httpx.Timeout(TOKEN_SECONDS, connect=CONNECT_SECONDS)

    def _none(self, error: Exception) -> ApiError:
        import httpx

        if isinstance(error, httpx.TimeoutException):
            return ApiError("unreachable", f"{self.root} does not answer in time.", "What it is doing: voltaic status")
        if isinstance(error, httpx.ConnectError):
            fix = "Is voltaic forward running, and at this port? Without --url no forward is needed"
            return ApiError("unreachable", f"Nothing answers at {self.root}.", fix)
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
            return ApiError("unreachable", f"{self.root} is no address; give it as http://HOST:PORT/v1.")
        return ApiError("broken", f"{self.root} ended the connection.", "Whether it restarted: voltaic status")

    def _check(self, status: int, text: str, path: str) -> None:
        """Raise what a status stands for, where it is an error."""
        if status < 400:  # noqa: PLR2004  HTTP: errors begin here
            return
        said = said_in(text)
        more = f": {said}" if said else ""
        if status in {401, 403}:
            fix = "Set VOLTAIC_API_KEY to the key; a stack's own is shown by: pulumi stack output apiKey --show-secrets"
            raise ApiError("key", f"The server does not take the key (HTTP {status}){more}.", fix, status)
        if status in LOADING:
            fix = "Until it is loaded this is right; how far it is: voltaic status. Why it does not end: voltaic doctor"
            raise ApiError("loading", f"The server is not ready (HTTP {status}){more}.", fix, status)
        if status in {404, 405}:
            raise ApiError("no-route", f"{self.engine} has no {path} (HTTP {status}){more}.", status=status)
        if status == 429:  # noqa: PLR2004  HTTP: too many requests
            raise ApiError("busy", f"The server takes no more requests now (HTTP 429){more}.", "Try again later", 429)
        raise ApiError("refused", f"The server refuses the request (HTTP {status}){more}.", status=status)


def pieces(lines: Iterable[str]) -> Iterator[Piece]:
    """Read a stream of server-sent events, up to `[DONE]`.

    Raises:
        ApiError: an event says that the answer failed.
    """
    for line in lines:
        if not line.startswith("data:"):
            continue  # comments that keep a connection open, names of events
        content = line.removeprefix("data:").strip()
        if content == DONE:
            return
        event = _decoded(content)
        if not isinstance(event, dict):
            continue
        if event.get("error"):
            raise ApiError("refused", f"The server gave up on the answer: {said_in(content) or 'it says no more'}.")
        choices = event.get("choices") or [{}]
        first = choices[0] if isinstance(choices[0], dict) else {}
        delta = first.get("delta") or {}
        usage = event.get("usage")
        yield Piece(
            delta.get("content") or delta.get("reasoning_content") or "",
            first.get("finish_reason"),
            usage if isinstance(usage, dict) else None,
        )


def said_in(text: str) -> str:
    """Return what an error says, out of the forms in which engines write it, on one line."""
    found = _decoded(text)
    error = (found.get("error") or found.get("message") or found.get("detail")) if isinstance(found, dict) else text
    if isinstance(error, dict):
        error = error.get("message")
    line = " ".join(str(error or "").split()).rstrip(".")
    return line if len(line) <= MOST_SHOWN else f"{line[:MOST_SHOWN]}…"


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
