"""Errors that people read: once, in full, without a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MESSAGE_WAS_SHOWN = 32
"""Exit code that tells Pulumi's language host that the user has seen the reason (pulumi 3.259 main.go,
`pythonProcessExitedAfterShowingUserActionableMessage`); with any other it adds "an unhandled error occurred"."""


def shown_once(program: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Return the program with every `pulumi.RunError` shown as one error and nothing beside it."""

    async def run() -> None:
        try:
            await program()
        except pulumi.RunError as error:
            pulumi.log.error(str(error))
            raise SystemExit(MESSAGE_WAS_SHOWN) from None

    return run
