"""Requests to the API server, by kr8s: the only module that knows the client library.

Of kr8s it takes the session (TLS, proxies, HTTP) and the websockets. It reads kubeconfigs by itself, for three reasons
(kr8s 0.20.15): the last file that has a name wins there, not the first; a refused request makes it log in and ask three
times more; certificates that stand in a kubeconfig are left behind in the folder for temporary files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.cluster import failures, material
from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    import tempfile
    from collections.abc import AsyncIterator, Mapping

    import httpx
    import httpx_ws
    from kr8s.asyncio import Api

    from cli.cluster.failures import Asked
    from cli.cluster.kubeconfig import Access

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
FIRST_PATIENCE = 1.0
"""Seconds within which the first request is tried again."""
PATIENCE = 30.0
"""Seconds within which a later one is: an API server that answered once is only restarted."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between tries; they double."""
AGAIN = frozenset({429, 500, 502, 503, 504})
"""HTTP states of an API server that is not itself at the moment."""
LIFETIME_PING = 20.0
"""Seconds between pings on a websocket, so that nothing on the way takes it for idle."""
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
QUEUE = 4096
"""Messages that wait on a websocket before its sender has to."""


class Connection:
    """Asks one API server. Every method belongs to one event loop.

    Args:
        access: what a context leads to.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self.reached = False
        """Whether the API server has answered once."""
        self._api: Api | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._lock = asyncio.Lock()

    async def request(  # noqa: PLR0917  the four together name a request
        self,
        method: str,
        path: str,
        asked: Asked,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str | None = None,
    ) -> dict[str, Any]:
        """Return what the API server answers to one request.

        Reading is tried again while the API server is away; so is a change that never reached it.

        Raises:
            ClusterError: in plain words.
        """
        content = None if body is None else json.dumps(body).encode()
        headers = ({"content-type": content_type} if content else {}) | ({"accept": accept} if accept else {})
        answer = await self._answer(method, path, asked, params=params or {}, content=content, headers=headers)
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    async def warnings(self, method: str, path: str, asked: Asked, params: Mapping[str, Any], body: Any) -> list[str]:
        """Return the warnings that the API server sends along with the answer to one request (RFC 7234, code 299).

        Raises:
            ClusterError: in plain words.
        """
        content, headers = json.dumps(body).encode(), {"content-type": "application/json"}
        answer = await self._answer(method, path, asked, params=params, content=content, headers=headers)
        found = answer.headers.get_list("warning")
        return [match[1].replace(r"\"", '"') for text in found for match in _WARNING.finditer(text)]

    async def _answer(self, method: str, path: str, asked: Asked, **more: Any) -> httpx.Response:
        loop = asyncio.get_running_loop()
        ends = loop.time() + (PATIENCE if self.reached else FIRST_PATIENCE)
        pause, logged_in = FIRST_PAUSE, False
        while True:
            try:
                api = await self._ready()
                answer = await self._once(api, method, path, **more)
            except _no_answer() as error:
                failure = failures.no_answer(error, self.access)
                unsent = failures.is_unsent(error)
                if failure.kind == "untrusted" or not (method == "GET" or unsent) or loop.time() + pause > ends:
                    raise self._in_time(failure) from error
            else:
                self.reached = True
                if answer.status_code == failures.UNAUTHORIZED and not logged_in and "exec" in self.access.user:
                    logged_in = True
                    await self._forget()
                    continue
                if not answer.is_error:
                    return answer
                unsure = answer.status_code in AGAIN and (method == "GET" or answer.status_code == failures.BUSY)
                if not unsure or loop.time() + pause > ends:
                    raise failures.of_answer(answer.status_code, _status(answer), asked, self.access)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _once(self, api: Api, method: str, path: str, **more: Any) -> httpx.Response:
        version, base, url = _parts(path)
        async with api.call_api(method, version=version, base=base, url=url, raise_for_status=False, **more) as answer:
            return answer

    @contextlib.asynccontextmanager
    async def stream(self, path: str, asked: Asked, params: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[str]]:
        """Open an answer that goes on, line by line: a log that is followed, a watch.

        Raises:
            ClusterError: it cannot be opened, or breaks off (kind `restarted`).
        """
        import httpx

        api = await self._ready()
        version, base, url = _parts(path)
        patient = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=None)
        opened = False
        try:
            async with api.call_api(
                "GET",
                version=version,
                base=base,
                url=url,
                raise_for_status=False,
                stream=True,
                params=params,
                timeout=patient,
            ) as answer:
                self.reached = opened = True
                if answer.is_error:
                    await answer.aread()
                    raise failures.of_answer(answer.status_code, _status(answer), asked, self.access)
                yield answer.aiter_lines()
        except _no_answer() as error:
            if not opened:
                raise self._in_time(failures.no_answer(error, self.access)) from error
            raise ClusterError("restarted", f"The API server {self.access.server} ended the connection.") from error

    @contextlib.asynccontextmanager
    async def websocket(
        self, path: str, asked: Asked, params: Mapping[str, Any], protocol: str
    ) -> AsyncIterator[httpx_ws.AsyncWebSocketSession]:
        """Open a websocket: exec and port-forward.

        Raises:
            ClusterError: it cannot be opened.
        """
        import httpx_ws

        api = await self._ready()
        version, base, url = _parts(path)
        opened = False
        failed: Exception | None = None
        try:
            async with api.open_websocket(
                version=version,
                base=base,
                url=url,
                params=params,
                subprotocols=(protocol,),
                queue_size=QUEUE,
                keepalive_ping_interval_seconds=LIFETIME_PING,
            ) as socket:
                self.reached = opened = True
                try:
                    yield socket
                except Exception as error:  # noqa: BLE001  raised again below: from here it would come as one of a group
                    failed = error
        except httpx_ws.WebSocketUpgradeError as error:
            # What was said with it is gone by now; asked without a websocket, the API server refuses in the same words.
            state = error.response.status_code
            again = await self._once(api, "GET", path, params=params)
            said = _status(again) if again.status_code == state else {}
            raise failures.of_answer(state, said, asked, self.access) from error
        except _no_answer() as error:
            if opened:
                raise ClusterError("restarted", f"The API server {self.access.server} ended the connection.") from error
            raise self._in_time(failures.no_answer(error, self.access)) from error
        if failed is not None:
            raise failed

    async def close(self) -> None:
        """Close what is open; the connection can be used again."""
        await self._forget()

    def _in_time(self, failure: ClusterError) -> ClusterError:
        """Return a failure to reach what was reached before as what it is: the API server went away."""
        if not self.reached or failure.kind != "unreachable":
            return failure
        return ClusterError(
            "restarted",
            f"The API server {self.access.server} answered before and went away; it did not come back in time.",
            "It may be starting anew: try again in a minute. Nothing of this command goes on.",
        )

    async def _ready(self) -> Api:
        async with self._lock:
            if self._api is None:
                self._api = await self._made()
            return self._api

    async def _made(self) -> Api:
        import httpx
        from kr8s.asyncio import Api

        if self._folder is None:
            self._folder = material.folder()
        config = await asyncio.to_thread(material.material, self.access, Path(self._folder.name))
        # Not by its factory: that asks /version without a limit of time, which some clusters forbid.
        api = Api(kubeconfig=config, namespace=self.access.namespace, serviceaccount="", bypass_factory=True)
        api.timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        try:
            await api.auth
            # Here and once: of several first requests each would make a session, and all but one would stay open.
            await api._create_session()  # noqa: SLF001  there is no public way
        except (ssl.SSLError, httpx.InvalidURL, ValueError) as error:
            what = (
                "a certificate or key"
                if isinstance(error, ssl.SSLError)
                else "the address of the server or of the proxy"
            )
            raise ClusterError(
                "bad-kubeconfig",
                f"In the context {self.access.context} {what} cannot be used.",
                "Download a fresh kubeconfig, and take it over with: voltaic login FILE",
            ) from error
        return api

    async def _forget(self) -> None:
        """Forget the login and close its connections."""
        async with self._lock:
            api, self._api = self._api, None
            session = getattr(api, "_session", None)
            if session is not None:
                with contextlib.suppress(RuntimeError):
                    await session.aclose()
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None


def _no_answer() -> tuple[type[Exception], ...]:
    """Return the errors that stand for no answer, of the system and of both libraries."""
    import httpx
    from kr8s import APITimeoutError

    return (httpx.TransportError, APITimeoutError, OSError)


def _parts(path: str) -> tuple[str, str, str]:
    """Return version, base and rest of a path as kr8s puts them together: `/api/v1/pods` is `v1`, `/api`, `pods`."""
    words = path.strip("/").split("/")
    if words[0] == "api":
        return words[1], "/api", "/".join(words[2:])
    if words[0] == "apis":
        return "/".join(words[1:3]), "/apis", "/".join(words[3:])
    return "", f"/{'/'.join(words)}", ""


def _status(answer: httpx.Response) -> dict[str, Any]:
    """Return the `Status` object of an answer; empty where it is none."""
    try:
        found = answer.json()
    except (ValueError, RuntimeError):
        return {}
    return found if isinstance(found, dict) else {}
