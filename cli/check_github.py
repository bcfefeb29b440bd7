"""What `voltaic check` found as commands of GitHub workflows, which turn them into annotations of a pull request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from cli.check_counts import Counts
from cli.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.check_run import Run, Told

COMMANDS: Final = {0: "error", 1: "warning", 2: "warning", 3: "notice", 4: "notice"}
"""Command by the rank of a finding (GitHub documentation, workflow commands: error, warning, notice)."""


def show(run: Run) -> None:
    """Print a command a finding, the worst first since GitHub shows the first ten of a kind, then all numbers."""
    sys.stdout.write("".join(f"{line}\n" for line in lines(run)))
    sys.stdout.flush()


def lines(run: Run) -> Iterator[str]:
    """Yield the lines."""
    for one in run.unreadable:
        for fault in one.faults:
            yield command("error", fault, file=one.file, line=one.line, title="unreadable")
    found = [(told, judged.title) for judged in run.judged for told in judged.told]
    for told, of in sorted(found, key=lambda pair: pair[0].rank):
        yield _finding(told, of)
    yield f"voltaic check: {Counts.of(run).summary()}"


def _finding(told: Told, of: str) -> str:
    finding, position = told.finding, told.position
    words = [finding.message, f"Why: {finding.why}", f"Way out: {finding.fix}" if finding.fix else "", f"In {of}"]
    if told.said.waived is not None:
        words.insert(0, f"Waived: {told.said.waived}")
    return command(
        COMMANDS[told.rank],
        "\n".join(word for word in words if word),
        file=told.said.file,
        line=None if position is None else position.line,
        col=None if position is None else position.column,
        title=f"{finding.rule} ({finding.level}, {finding.outcome})",
    )


def command(name: str, message: str, **properties: str | int | None) -> str:
    """Return one workflow command, with everything escaped that would end or change it."""
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value is not None)
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    """Return a message as the runner takes it (actions/toolkit, command.ts: escapeData)."""
    return printable(text, keep="\n").replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    """Return the value of a property (actions/toolkit, command.ts: escapeProperty)."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
