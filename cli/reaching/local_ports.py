"""Which local ports a forward takes: pure, but for the question whether one is free."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cli.reaching.services import Role

API_PORTS = tuple(range(8080, 8090))
"""Local ports of the API, the first that is free; then any."""
PAGE_PORTS = tuple(range(3000, 3010))
"""Those of the chat page, where it does not say itself from which it lets itself be used."""
HIGHEST = 65535
_WORD = re.compile(r"(?:(?P<role>api|page)=)?(?P<port>\d{1,5})")


class PortFault(ValueError):  # noqa: N818  named for what it says
    """A port that cannot be had; the text says which, why, and what to do."""


def stated(words: Sequence[str], roles: Sequence[Role]) -> dict[Role, int]:
    """Return the ports that were asked for, by role.

    Args:
        words: of `--port`: `8081`, or `page=3005`.
        roles: what is forwarded.

    Raises:
        PortFault: a word cannot be read, or names what is not forwarded.
    """
    found: dict[Role, int] = {}
    for word in words:
        match = _WORD.fullmatch(word)
        if match is None or not 0 < int(match["port"]) <= HIGHEST:
            raise PortFault(f"--port {word}: give a number from 1 to {HIGHEST}, or api=NUMBER and page=NUMBER")
        role: Role | None = next((each for each in roles if each == match["role"]), None)
        if match["role"] is None:
            if len(roles) > 1:
                raise PortFault(
                    f"--port {word}: say of what: --port api={word} or --port page={word} (or --only api|page)"
                )
            role = roles[0]
        if role is None:
            raise PortFault(f"--port {word}: there is no {match['role']} to forward; there is: {', '.join(roles)}")
        if role in found:
            raise PortFault(f"--port: two ports for the {role}, {found[role]} and {match['port']}")
        found[role] = int(match["port"])
    if len(set(found.values())) < len(found):
        raise PortFault(f"--port: {next(iter(found.values()))} cannot lead to both")
    return found


async def taken(
    open_at: Callable[[int], Awaitable[None]], candidates: Sequence[int], *, then_any: bool, what: str, why: str
) -> None:
    """Open the first candidate that is free.

    Args:
        open_at: opens a port, OSError where it is taken; 0 stands for any.
        candidates: ports, the best first.
        then_any: whether any other will do.
        what: is forwarded, for messages.
        why: no other will do, and the way out.

    Raises:
        PortFault: none can be had.
    """
    for port in (*candidates, *((0,) if then_any else ())):
        try:
            await open_at(port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            reason = "only root may listen there" if error.errno == errno.EACCES else error.strerror or str(error)
            raise PortFault(f"{what}: port {port} cannot be opened: {reason}") from None
        else:
            return
    listed = f"port {candidates[0]} is" if len(candidates) == 1 else f"ports {candidates[0]}-{candidates[-1]} are all"
    raise PortFault(f"{what}: {listed} in use on this machine. {why}")
