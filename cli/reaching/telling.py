"""What a forward says while it runs: each change of state in a line, and never more than somebody reads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 10
"""Lines that may follow each other at once."""
SECONDS_A_LINE = 20.0
"""In the long run."""
UNSAID_SECONDS = 1.0
"""A disturbance that is over sooner is not worth a line of its own."""


@dataclass
class Teller:
    """Says what changes of one relay.

    Args:
        title: what is relayed: `API`.
        say: prints a line.
        clock: seconds.
    """

    title: str
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    reconnected: int = 0
    """Times that it led to a pod again."""
    _pod: str | None = None
    _wrong: str = ""
    _since: float = 0.0
    _told: bool = False
    _left: float = float(AT_ONCE)
    _at: float | None = None
    _unsaid: int = field(default=0)

    def now(self, pod: str | None, wrong: str) -> None:
        """Take the state as it is now.

        Args:
            pod: pod to which connections go; None: to none.
            wrong: why they fail; empty where they do not.
        """
        moment = self.clock()
        if wrong:
            if not self._wrong:
                self._since, self._told = moment, False
            changed, self._wrong = wrong != self._wrong, wrong
            if changed and moment - self._since >= UNSAID_SECONDS:
                self._tell_wrong()
            return
        if pod is None:
            return
        if self._pod is not None and (self._wrong or pod != self._pod):
            self.reconnected += 1
            took = moment - self._since if self._wrong else 0.0
            after = f" after {took:.0f} s" if took >= UNSAID_SECONDS else ""
            self._tell(f"{self.title}: connected to {pod} again{after}.")
        self._pod, self._wrong, self._told = pod, "", False

    def tick(self) -> None:
        """Say what is wrong, once it has lasted."""
        if self._wrong and not self._told and self.clock() - self._since >= UNSAID_SECONDS:
            self._tell_wrong()

    def _tell_wrong(self) -> None:
        self._told = True
        self._tell(f"{self.title}: {self._wrong} Trying again; requests wait a little.")

    def _tell(self, line: str) -> None:
        moment = self.clock()
        if self._at is not None:
            self._left = min(float(AT_ONCE), self._left + (moment - self._at) / SECONDS_A_LINE)
        self._at = moment
        if self._left < 1.0:
            self._unsaid += 1
            return
        self._left -= 1.0
        more = f" ({self._unsaid} changes before it were not told.)" if self._unsaid else ""
        self._unsaid = 0
        self.say(f"{line}{more}")
