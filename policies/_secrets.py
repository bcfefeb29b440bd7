"""Keeps secrets out of messages: the pack sees configuration and arguments decrypted."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from voltaic import hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST = 4
"""Characters from which a value is hidden; hiding shorter ones would eat digits and units of the message itself."""


def hide(text: str, values: Any, secrets: Iterable[str] = ()) -> str:
    """Return the text without the secrets of the stack's configuration and those of resources.

    Args:
        text: what is to be said.
        values: properties, in which what stands under the name of a secret is one.
        secrets: texts that the program itself calls secret.
    """
    found = {*_configured(), *_found(values), *secrets}
    # An argument with blanks in it may be told word by word.
    words = {word for value in found for word in (value, *value.split()) if len(word) >= SHORTEST}
    return hidden.hide(text, sorted(words, key=len, reverse=True))


@cache
def _configured() -> tuple[str, ...]:
    """Return the secret values of the stack's configuration, which Pulumi hands over in the environment."""
    values = json.loads(os.environ.get("PULUMI_CONFIG") or "{}")
    names = json.loads(os.environ.get("PULUMI_CONFIG_SECRET_KEYS") or "[]")
    return tuple(str(values[name]) for name in names if name in values)


def _found(values: Any) -> Iterator[str]:
    """Yield values that stand under the name of a secret: variables, options, keys of objects."""
    if isinstance(values, dict):
        if values.get("kind") == "Secret":
            yield from (text for key in ("data", "stringData") for text in _texts(values.get(key)))
        named = {str(values.get("name")): values.get("value")}  # a variable of a container
        for key, value in [*values.items(), *named.items()]:
            if not isinstance(value, str):
                yield from _found(value)
            elif hidden.is_secret(str(key)):
                yield value
    elif isinstance(values, list):
        yield from hidden.secrets_of([word if isinstance(word, str) else "" for word in values], {})
        for value in values:
            yield from _found(value)


def _texts(values: Any) -> Iterator[str]:
    """Yield every text of a mapping."""
    if isinstance(values, dict):
        yield from (value for value in values.values() if isinstance(value, str))
