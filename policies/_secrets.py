"""Keeps secrets out of messages: the pack sees configuration and arguments decrypted."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "(hidden)"
SHORTEST = 4
"""Characters from which a value is hidden; hiding shorter ones would eat digits and units of the message itself."""
_NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API[-_]?KEY|AUTH", re.IGNORECASE)
_HARMLESS = re.compile(r"TOKENS|TOKENIZER|Name$|Ref$", re.IGNORECASE)
"""Names that count tokens, name a tokenizer, or only refer to a Secret."""


def hide(text: str, values: Any) -> str:
    """Return the text without the secrets of the stack's configuration and those found in a resource's values."""
    secrets = {*_configured(), *_found(values)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


@cache
def _configured() -> frozenset[str]:
    """Return the secret values of the stack's configuration, which Pulumi hands over in the environment."""
    values = json.loads(os.environ.get("PULUMI_CONFIG") or "{}")
    names = json.loads(os.environ.get("PULUMI_CONFIG_SECRET_KEYS") or "[]")
    return frozenset(str(values[name]) for name in names if len(str(values.get(name, ""))) >= SHORTEST)


def _found(values: Any) -> Iterator[str]:
    """Yield values that stand under the name of a secret: variables, options, keys of objects."""
    if isinstance(values, dict):
        named = values.get("name")
        if _is_secret(named):
            yield from _text(values.get("value"))
        for key, value in values.items():
            if _is_secret(key):
                yield from _text(value)
            else:
                yield from _found(value)
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from _argument(value, values[index + 1] if index + 1 < len(values) else None)
            if not isinstance(value, str):
                yield from _found(value)


def _argument(word: Any, following: Any) -> Iterator[str]:
    if isinstance(word, str) and word.startswith("-"):
        option, equals, value = word.partition("=")
        if _is_secret(option):
            yield from _text(value if equals else following)


def _is_secret(name: Any) -> bool:
    return isinstance(name, str) and _NAMES.search(name) is not None and _HARMLESS.search(name) is None


def _text(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) >= SHORTEST:
        yield value
