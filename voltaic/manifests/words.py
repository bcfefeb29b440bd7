"""The words of a command, as far as they are known, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One word that a program gets."""

    text: str | None
    """None: not known here."""
    written: str
    """As the manifest has it."""
    path: str | None = None
    """Field of the document that holds it; several words of one script have the same."""
    option: str | None = None
    """Option whose value is not known, where the word names it: `--max-model-len` of `--max-model-len=$(N)`."""
    whole: bool = True
    """Whether it is certainly one word: what a shell fills in without quotes may be none or many."""
    is_text: bool = True
    """Whether the manifest has text here, and not a number or a list."""
    because: str | None = None
    """Why it is not known, where that is not a variable."""
