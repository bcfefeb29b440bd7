"""What set-up says when it cannot go on."""

from __future__ import annotations


class SetupError(Exception):
    """A fault that the user can mend: the message says what was found, what is needed and what to do next."""


class InterruptedBuildError(Exception):
    """Somebody asked set-up to stop.

    Args:
        signum: number of the signal that said so.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by signal {signum}")
        self.signum = signum
