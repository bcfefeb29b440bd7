"""JSON within bounds, and where its values stand: looked at word by word before anything is made of it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cli.bounds import DEEPEST, MOST_VALUES, Fault, left_out

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})
"""What Python's reader takes beside JSON, and nobody else does."""
MOST_DIGITS: Final = 4300
"""Digits that Python makes a whole number of (Python documentation, integer string conversion length limitation)."""
MOST_WORDS: Final = 6 * MOST_VALUES
"""Words of a text: of a value at most a comma, its key, a colon, two brackets and itself."""
_WORD: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)


def document(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        Fault: it is out of bounds, or holds what no manifest can.
        json.JSONDecodeError: it is no JSON.
    """
    _check(text)
    return left_out(json.loads(text))


def words(text: str) -> Iterator[tuple[str, int]]:
    """Yield strings, signs and literals with their offsets; what is none of them is passed over."""
    return ((found[0], found.start()) for found in _WORD.finditer(text))


def _check(text: str) -> None:
    """Hold a text against the bounds without building anything; what is no JSON is left to the reader of JSON."""
    keys: list[set[str] | None] = []
    """Keys of each object that is open; None for a list."""
    values, key_comes = 0, False
    for number, (word, place) in enumerate(words(text)):
        if number > MOST_WORDS:
            raise Fault("not JSON: signs without values", line_of(text, place))
        sign = word[0]
        if sign in "}]":
            del keys[-1:]
            key_comes = False
        elif sign in ",:":
            key_comes = sign == "," and bool(keys) and keys[-1] is not None
        elif key_comes:
            _note(word, keys[-1], text, place)
        else:
            values += 1
            if values > MOST_VALUES:
                raise Fault(f"more than {MOST_VALUES:,} values", line_of(text, place))
            _check_value(word, text, place)
            if sign in "{[":
                keys.append(set() if sign == "{" else None)
                key_comes = sign == "{"
                if len(keys) > DEEPEST:
                    raise Fault(f"nested more than {DEEPEST} levels deep", line_of(text, place))


def _check_value(word: str, text: str, place: int) -> None:
    """Refuse what Python reads and nobody else does, and what it cannot read."""
    if word in NO_NUMBERS:
        raise Fault(f"a value cannot be read: {word} is no JSON", line_of(text, place))
    if len(word) > MOST_DIGITS and word[0] in "-0123456789":
        raise Fault(f"a value cannot be read: a number of {len(word):,} digits", line_of(text, place))


def _note(word: str, seen: set[str] | None, text: str, place: int) -> None:
    """Remember a key of an object, which has it once."""
    found = key(word)
    if seen is not None and found in seen:
        raise Fault(f"the key {found!r} is given twice", line_of(text, place))
    if seen is not None:
        seen.add(found)


def key(word: str) -> str:
    """Return a key of a JSON text as its reader sees it."""
    if "\\" in word:
        with suppress(ValueError):
            return str(json.loads(word))
    return word[1:-1]


def line_of(text: str, place: int) -> int:
    """Return the number of the line in which an offset lies."""
    return text.count("\n", 0, place) + 1
