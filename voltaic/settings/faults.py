"""What is wrong with a stack file: every fault at once, never a secret value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_CHARACTERS = 60
"""Length from which a value is cut in a message: a message stays one line on a terminal."""


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One setting that cannot be used."""

    where: str
    """The stack file, with the line where known: `Pulumi.v100-2gpu.yaml:4`."""
    key: str
    value: str | None
    """The value found, as shown; None where there is none, or where it is or may be a secret."""
    message: str
    """What is wrong, with the value found."""
    allowed: str
    """The values allowed, with their unit."""
    fix: str
    """The next step."""

    def __str__(self) -> str:
        """Return the fault in one line, without the file."""
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        return f"{shown(self.key)}: {self.message}{allowed}. {self.fix}"


class InvalidSettings(ValueError):  # noqa: N818 - reads as what it says, beside InvalidConfig and InvalidLine
    """The settings cannot be used; carries every fault."""

    def __init__(self, where: str, faults: Sequence[SettingFault]) -> None:
        self.where = where
        self.faults = tuple(faults)
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return all faults, one a line, under the name of the file."""
        count = len(self.faults)
        what = "1 setting is" if count == 1 else f"{count} settings are"
        lines = [f"{self.where}: {what} not valid"]
        for fault in self.faults:
            line = fault.where.removeprefix(self.where).removeprefix(":")
            lines.append(f"  line {line}: {fault}" if line.isdecimal() else f"  {fault}")
        return "\n".join(lines)


def shown(value: object) -> str:
    """Return a value as a message shows it: one line, printable, cut when long."""
    text = value if isinstance(value, str) else "true" if value is True else "false" if value is False else repr(value)
    if not text.isprintable() or text != text.strip():
        text = repr(text)
    if len(text) > SHOWN_CHARACTERS:
        text = f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters)"
    return text
