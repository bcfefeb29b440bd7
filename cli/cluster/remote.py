"""A command run in a container (pods/exec)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.cluster.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cli.cluster.connection import Connection
    from cli.cluster.failures import Asked

PROTOCOL = "v4.channel.k8s.io"
STDOUT, STDERR, ERROR = 1, 2, 3
"""Channels (k8s.io/apimachinery pkg/util/remotecommand/constants.go)."""
MOST_BYTES = 16 << 20
"""Output that is kept; a command that prints more is not one to ask by."""
NOT_STARTED = (126, 127)
"""Exit codes of a command that cannot be run, as shells and container runtimes give them."""


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command in a container printed, and how it ended."""

    stdout: str
    stderr: str
    code: int | None
    """Exit code; None where the node did not say it."""
    problem: str = ""
    """What the node said of a command that did not succeed."""


async def run(  # noqa: PLR0917  path and what it is asked for belong together
    connection: Connection,
    path: str,
    asked: Asked,
    command: Sequence[str],
    container: str | None,
    seconds: float,
) -> Executed:
    """Run a command and return what it printed.

    Raises:
        ClusterError: it cannot be asked for, or does not end in time.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _run(connection, path, asked, command, container)
    except TimeoutError:
        raise ClusterError(
            "unexpected", f"{command[0]} in the pod {asked.name} did not end within {seconds:.0f} s."
        ) from None


async def _run(
    connection: Connection, path: str, asked: Asked, command: Sequence[str], container: str | None
) -> Executed:
    import httpx_ws

    params: dict[str, Any] = {"command": list(command), "stdout": "true", "stderr": "true", "stdin": "false"}
    if container is not None:
        params["container"] = container
    printed = {STDOUT: bytearray(), STDERR: bytearray(), ERROR: bytearray()}
    async with connection.websocket(path, asked, params, PROTOCOL) as socket:
        while not printed[ERROR] and sum(map(len, printed.values())) < MOST_BYTES:
            try:
                message = await socket.receive_bytes()
            except httpx_ws.HTTPXWSException:
                break
            if message[0] in printed:
                printed[message[0]] += message[1:]
    code, problem = ended(bytes(printed[ERROR]))
    out, err = (printed[channel].decode("utf-8", "replace") for channel in (STDOUT, STDERR))
    return Executed(out, err, code, problem)


def ended(status: bytes) -> tuple[int | None, str]:
    """Return exit code and problem from the last message of a command; None: it does not say."""
    try:
        said: Mapping[str, Any] = json.loads(status)
    except ValueError:
        return None, status.decode("utf-8", "replace").strip()
    if said.get("status") == "Success":
        return 0, ""
    causes = (said.get("details") or {}).get("causes") or []
    code = next((str(cause.get("message")) for cause in causes if cause.get("reason") == "ExitCode"), "")
    return int(code) if code.isdecimal() else None, str(said.get("message") or "")
