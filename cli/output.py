"""What all commands share: exit codes, documents on stdout, faults on stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console
    from rich.segment import Segment

ACCEPT = 0
REFUSE = 1
BAD_INPUT = 2
UNKNOWN = 3
INTERNAL = 70  # EX_SOFTWARE of sysexits.h
UNWRITTEN = 74  # EX_IOERR
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE

ERROR_SCHEMA = "voltaic/error/v1"

_CODES = {"accept": ACCEPT, "refuse": REFUSE, "unknown": UNKNOWN}
_WORST_FIRST = (BAD_INPUT, REFUSE, UNKNOWN)


def exit_code(verdicts: Iterable[str], *, bad_input: bool = False) -> int:
    """Return the exit code of a run: the worst of its verdicts (refuse, unknown, accept); 2 where input was bad."""
    codes = {_CODES[verdict] for verdict in verdicts} | ({BAD_INPUT} if bad_input else set())
    return next((code for code in _WORST_FIRST if code in codes), ACCEPT)


def print_json(document: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Print one JSON document on stdout; one line of it where `indent` is None."""
    separators = (",", ":") if indent is None else None
    sys.stdout.write(json.dumps(document, indent=indent, separators=separators) + "\n")
    sys.stdout.flush()


def error_document(faults: Sequence[str], *, id: Any = None, line: int | None = None) -> dict[str, Any]:  # noqa: A002
    """Return the document that stands in for a plan where the input could not be read."""
    return {
        "schema": ERROR_SCHEMA,
        "id": id,
        "line": line,
        "verdict": "unknown",
        "error": "; ".join(faults),
        "faults": list(faults),
        "findings": [],
        "memory": None,
    }


def fault_text(where: str, faults: Sequence[str]) -> str:
    """Return all faults of one input as one message: a single one on one line, several as a list."""
    if len(faults) == 1:
        return f"{where}: {faults[0]}"
    return "\n".join([f"{where}: {len(faults)} faults", *(f"  {fault}" for fault in faults)])


def fail(command: str, faults: Sequence[str], *, as_json: bool = False, usage: bool = False) -> NoReturn:
    """End with exit code 2 and one message on stderr; with `as_json` also an error document on stdout."""
    print(fault_text(f"voltaic {command}", faults), file=sys.stderr)
    if usage:
        print(f"Try 'voltaic {command} --help'.", file=sys.stderr)
    if as_json:
        print_json(error_document(faults))
    import typer

    raise typer.Exit(BAD_INPUT)


def ready() -> None:
    """Give this process a stdout and a stderr where its caller has closed them: then nobody reads them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  for as long as it runs


def console() -> Console:
    """Return the console for people: colours only on a terminal, NO_COLOR respected, full width elsewhere."""
    from rich.console import Console

    from cli.printable import printable

    class Printable(Console):
        """A console on which nothing that somebody wrote into a manifest moves the cursor, or hides words."""

        def render(self, *args: Any, **options: Any) -> Iterator[Segment]:
            for part in super().render(*args, **options):
                yield part if part.control else part._replace(text=printable(part.text, keep="\n"))

    # Into a file or a pipe nothing is wrapped to 80 columns of a terminal that is not there.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    return Printable(highlight=False, soft_wrap=False, width=width, emoji=False)


def leave_quietly() -> None:
    """Point stdout at nothing, so that Python does not complain about a closed pipe while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
