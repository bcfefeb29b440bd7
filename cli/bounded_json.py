"""JSON within bounds, and where its values stand: looked at word by word before anything is made of it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cli.bounds import DEEPEST, MOST_VALUES, Fault, left_out

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)


def document(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        Fault: it is out of bounds, or holds what no manifest can.
        json.JSONDecodeError: it is no JSON.
    """
    _check(text)
    try:
        return left_out(json.loads(text, parse_constant=_no_number))
    except json.JSONDecodeError:
        raise
    except ValueError as fault:  # a number of a million digits
        raise Fault(f"a value cannot be read: {str(fault).partition(';')[0]}") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def words(text: str) -> Iterator[tuple[str, int]]:
    """Yield strings, signs and literals with their offsets; what is none of them is passed over."""
    return ((found[0], found.start()) for found in _WORD.finditer(text))


def _check(text: str) -> None:
    """Hold a text against the bounds without building anything; what is no JSON is left to the reader of JSON."""
    keys: list[set[str] | None] = []
    """Keys of each object that is open; None for a list."""
    values, key_comes = 0, False
    for word, place in words(text):
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
            if sign in "{[":
                keys.append(set() if sign == "{" else None)
                key_comes = sign == "{"
                if len(keys) > DEEPEST:
                    raise Fault(f"nested more than {DEEPEST} levels deep", line_of(text, place))


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
