"""Says what happens while it happens: lines for people, with a status at the bottom of a terminal; or JSON lines."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cli.output import console, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.status import Status

SCHEMA: Final = "voltaic/run/v1"
STYLES: Final = {"failed": "red", "finding": "yellow", "warning": "yellow", "done": "bold", "lost": "bold red"}


class Teller:
    """Tells one run. Its methods may be called from several threads.

    Args:
        command: `up` or `destroy`.
        stack: name of the stack.
        as_json: whether each event is a JSON line.
    """

    def __init__(self, command: str, stack: str, *, as_json: bool) -> None:
        self.as_json = as_json
        self.redact: Callable[[str], str] = str
        """Takes secrets out of a text."""
        self.begun = False
        self._lock = threading.RLock()
        self._status: Status | None = None
        self._screen = console()
        self._first = {"schema": SCHEMA, "command": command, "stack": stack}

    def tell(self, event: str, text: str, **facts: Any) -> None:
        """Tell one thing.

        Args:
            event: what sort of thing; a word of a fixed list (docs/reference/run.schema.json).
            text: in words; lines after the first are more about it.
            facts: the same for machines.
        """
        from voltaic import redaction

        told = self.redact(text)
        with self._lock:
            if self.as_json:
                first = {} if self.begun else self._first
                self.begun = True
                found = redaction.everywhere(facts, self.redact)
                print_json({**first, "event": event, "text": told, **found}, indent=None)
                return
            from rich.text import Text

            from cli import render

            self.begun = True
            head, _, more = told.partition("\n")
            style = STYLES.get(str(facts.get("outcome", event)), STYLES.get(event, ""))
            render.paragraph(self._screen, Text(head, style=style))
            for line in more.splitlines():
                render.indented(self._screen, Text(line))

    def progress(self, text: str, *, line: bool = False, **facts: Any) -> None:
        """Tell what goes on now: in the status of a terminal; elsewhere as a line where it is worth one.

        Args:
            text: in words.
            line: whether it is worth a line of its own where there is no terminal.
            facts: the same for machines.
        """
        with self._lock:
            if self._status is not None:
                self._status.update(self.redact(text))
            elif line:
                self.tell("progress", text, **facts)

    @contextmanager
    def status(self, text: str) -> Iterator[None]:
        """Show a status while something runs, on a terminal alone."""
        if self.as_json or not sys.stdout.isatty() or not self._screen.is_terminal:
            yield
            return
        with self._screen.status(text) as shown:
            self._status = shown
            try:
                yield
            finally:
                with self._lock:
                    self._status = None
