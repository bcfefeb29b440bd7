"""What the words of a script become: variables filled in, and split at blanks where no quotes hold them together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voltaic.manifests.shell_words import MARK, UNMARK
from voltaic.manifests.words import Word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voltaic.manifests import shell_words
    from voltaic.manifests.shell_words import Part

_VARIABLE = re.compile(r"\$(\$|\(([A-Za-z_][\w.-]*)\))", re.ASCII)
_UNFILLED = re.compile(r"\{\{.*?\}\}|<[A-Z][A-Z0-9_ -]*>", re.ASCII | re.DOTALL)


@dataclass(slots=True)
class Shell:
    """What a shell knows while it reads a script."""

    values: dict[str, str | None]
    """Variables of the container and of the script; None: set to what is not known here."""
    positional: tuple[Word, ...] = ()
    """`$0`, `$1`, …"""
    path: str | None = None
    """Field of the document that holds the script."""


def marked(script: str, values: Mapping[str, str | None]) -> str:
    """Return a script as Kubernetes hands it to the shell, with marks where a value is not known here."""

    def value(match: re.Match[str]) -> str:
        name = match[2]
        if name is None:
            return "$"
        if name not in values:
            return match[0]
        known = values[name]
        return f"{MARK}{match[0]}{UNMARK}" if known is None else known

    script = script.replace(MARK, "").replace(UNMARK, "")
    return _UNFILLED.sub(lambda match: f"{MARK}{match[0]}{UNMARK}", _VARIABLE.sub(value, script))


def value_of(shell: Shell, part: Part) -> str | None:
    """Return what a part stands for; None where that is not known here."""
    if part.kind == "text":
        return part.text
    if part.kind == "unread":
        return None
    if part.text in "@*0123456789" and len(part.text) == 1:
        return _positional(shell, part.text)
    # A variable that neither the manifest nor the script sets may still be set by the image.
    value = shell.values.get(part.text)
    return part.fallback if value == "" and part.fallback is not None else value


def _positional(shell: Shell, name: str) -> str | None:
    if name in "@*":
        texts = [word.text for word in shell.positional[1:]]
        return None if None in texts else " ".join(text or "" for text in texts)
    number = int(name)
    return shell.positional[number].text if number < len(shell.positional) else ""


def expanded(shell: Shell, words: Sequence[shell_words.Word]) -> list[Word]:
    """Return words as the program gets them."""
    found: list[Word] = []
    for word in words:
        if len(word) <= 2 and any(part.kind == "variable" and part.text == "@" and part.quoted for part in word):  # noqa: PLR2004  the opening quote and the parameter
            found += shell.positional[1:]
            continue
        found += _fields(shell, word)
    return found


def _fields(shell: Shell, word: shell_words.Word) -> list[Word]:
    """Return the fields that one word of a script becomes: values without quotes are split at blanks."""
    written = "".join(_written(part) for part in word)
    fields: list[str] = []
    current: str | None = None
    for part in word:
        value = value_of(shell, part)
        if value is None:
            option = written.partition("=")[0] if written.startswith("-") and "=" in written else None
            return [Word(None, written, shell.path, option, whole=part.quoted or option is not None)]
        if part.kind != "variable" or part.quoted:
            current = (current or "") + value
            continue
        pieces = value.split()
        if value[:1].isspace() and current is not None:
            fields.append(current)
            current = None
        for index, piece in enumerate(pieces):
            if index:
                fields.append(current or "")
                current = None
            current = (current or "") + piece
        if value[-1:].isspace() and current is not None:
            fields.append(current)
            current = None
    if current is not None:
        fields.append(current)
    return [Word(text, text, shell.path) for text in fields]


def _written(part: Part) -> str:
    if part.kind != "variable":
        return part.text
    return f"${part.text}" if part.fallback is None else f"${{{part.text}:-{part.fallback}}}"
