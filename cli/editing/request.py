"""What somebody asks to change, read from the words of a command line: every fault at once, never a secret. Pure."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from voltaic.settings import Key

_PAIR = re.compile(r"(?P<key>[A-Za-z][\w:.-]*)=(?P<value>.*)", re.DOTALL)
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")


class InvalidRequest(ValueError):  # noqa: N818  named for what it says
    """What was asked for cannot be meant; carries every fault."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


def changes(words: Sequence[str], unset: Sequence[str] = (), *, stack: str | None = None) -> dict[str, Any]:
    """Return the changes that words ask for, by key; None: the key is removed.

    Args:
        words: `KEY VALUE`, `KEY=VALUE` or `KEY-`, as many as there are, in any mixture.
        unset: further keys to remove.
        stack: the stack that the commands in a message name.

    Raises:
        InvalidRequest: unknown keys, secrets, keys without a value or given twice.
    """
    known = _keys()
    faults: list[str] = []
    found: dict[str, Any] = {}
    for written, text in [*_pairs(words, known, faults), *((key, None) for key in unset)]:
        key = written.removeprefix("voltaic:")
        if key not in known:
            faults.append(_unknown(key, known))
        elif key in found:
            faults.append(f"{key}: given twice")
        elif text is not None and (because := secret(key, text, known[key], stack)):
            faults.append(because)
        else:
            found[key] = None if text is None else value(known[key], text)
    if faults:
        raise InvalidRequest(faults)
    return found


def value(key: Key, text: str) -> Any:
    """Return a text as the value that a stack file holds: whole numbers, truth values and JSON as such."""
    if key.type == "integer" and _WHOLE.fullmatch(text):
        return int(text)
    if key.type == "boolean" and text in {"true", "false"}:
        return text == "true"
    if key.type in {"array", "object"} and text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def secret(key: str, text: str, about: Key, stack: str | None = None) -> str | None:
    """Return why a value is not taken because it is, or may be, a secret; None where it is none."""
    from voltaic import hidden, redaction

    where = "" if stack is None else f" --stack {shlex.quote(stack)}"
    if about.secret:
        return (
            f"{key}: a secret is not taken from a command line, where others can read it, nor kept in plain text. "
            f"Set it, typed at the prompt, with: pulumi config set --secret {key}{where}"
        )
    if redaction.form_of(text) is not None or hidden.secrets_of(_words(text), {}):
        return (
            f"{key}: its value (hidden) looks like a secret, which would stand in the file in plain text. "
            f"Secrets have keys of their own: pulumi config set --secret hfToken{where}, or apiKey"
        )
    return None


def _words(text: str) -> list[str]:
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else shlex.split(text)
    except (ValueError, RecursionError):
        return [text]
    return [word for word in found if isinstance(word, str)]


def _pairs(words: Sequence[str], known: Mapping[str, Key], faults: list[str]) -> Iterator[tuple[str, str | None]]:
    left = list(words)
    while left:
        word = left.pop(0)
        pair = _PAIR.fullmatch(word)
        if pair is not None:
            yield pair["key"], pair["value"]
        elif word.endswith("-") and word not in known:
            yield word.removesuffix("-"), None
        elif left:
            yield word, left.pop(0)
        elif word.removeprefix("voltaic:") in known:
            faults.append(f"{word}: its value is missing; write {word}=VALUE, or {word}- to use its default")
        else:
            yield word, None


def _unknown(key: str, known: Mapping[str, Key]) -> str:
    from voltaic.settings.kinds import closest
    from voltaic.settings.reading import OTHER_NAMES

    meant = closest(key, tuple(known), OTHER_NAMES)
    hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(known)}"
    return f"{key}: unknown setting; {hint}"


def _keys() -> dict[str, Key]:
    from voltaic import settings

    return {key.name: key for key in settings.schema()}
