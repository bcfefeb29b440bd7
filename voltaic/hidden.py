"""Keeps secrets out of what is printed: values of arguments and variables whose name says that they are secret."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HIDDEN = "(hidden)"
_SECRET = re.compile(r"(^|[_-])(API[_-]?KEY|(AUTH|ACCESS)?TOKEN|PASSWORD|SECRET|CREDENTIALS?)$", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Return whether a variable or option of this name holds a secret: `HF_TOKEN`, `--api-key`."""
    return _is_secret(name) if len(name) <= _LONGEST else _SECRET.search(name) is not None


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


_LONGEST = 64
"""Characters of the longest name that is remembered."""


def shown_args(args: Sequence[str]) -> list[str]:
    """Return launcher arguments with the values of secret options hidden."""
    shown: list[str] = []
    hide_next = False
    for word in args:
        name, equals, _ = word.partition("=")
        if hide_next and not word.startswith("-"):
            shown.append(HIDDEN)
        elif equals and is_secret(name):
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(word)
        hide_next = word.startswith("-") and not equals and is_secret(word)
    return shown


def shown_env(env: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return variables with the values of secret ones left out, as if they came from a Secret."""
    return {name: None if is_secret(name) else value for name, value in env.items()}


def secrets_of(args: Sequence[str], env: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the secret values, longest first."""
    found = {*_in_args(args), *(value for name, value in env.items() if value and is_secret(name))}
    return tuple(sorted(found, key=len, reverse=True))


def _in_args(args: Sequence[str]) -> Iterator[str]:
    for word, shown in zip(args, shown_args(args), strict=True):
        if shown != word:
            value = word.partition("=")[2] if shown.endswith(f"={HIDDEN}") else word
            if value:
                yield value


def hide(text: str, values: Sequence[str]) -> str:
    """Return a text with these values hidden."""
    for value in values:
        text = text.replace(value, HIDDEN)
    return text
