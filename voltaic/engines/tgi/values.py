"""Values of launcher options, read and written as the launcher does."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.tgi.options import Option
    from voltaic.engines.versions import Version

_UNSIGNED = re.compile(r"\+?[0-9]+")
_SIGNED = re.compile(r"[+-]?[0-9]+")
_REAL = re.compile(r"[+-]?(inf|infinity|nan|([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?)", re.IGNORECASE)
_HIGHEST = {"size": 2**64 - 1, "u16": 2**16 - 1, "u32": 2**32 - 1, "u64": 2**64 - 1}
_DIGITS = 20  # of 2**64 - 1; longer ones are out of range whatever they are


@dataclass(frozen=True, slots=True)
class Rejected:
    """A value that the launcher does not take."""

    message: str
    """Completes "OPTION VALUE: …"."""
    fix: str
    """Completes "write …", naming values that are taken."""


def _integer(kind: str, text: str) -> int | Rejected:
    return _short_integer(kind, text) if len(text) <= _DIGITS else _any_integer(kind, text)


@lru_cache(maxsize=4096)
def _short_integer(kind: str, text: str) -> int | Rejected:
    return _any_integer(kind, text)


def _any_integer(kind: str, text: str) -> int | Rejected:
    pattern = _SIGNED if kind in {"u16", "u32"} else _UNSIGNED  # 64 bits are read without a sign, fewer as a range
    highest = _HIGHEST[kind]
    if not pattern.fullmatch(text):
        return Rejected("not a whole number of 0 or more", f"a whole number from 0 to {highest}")
    digits = text.lstrip("+-").lstrip("0") or "0"
    number = int(digits) if len(digits) <= _DIGITS else highest + 1
    if number > highest or (text.startswith("-") and number != 0):
        return Rejected(f"out of range, 0 to {highest} are allowed", f"a whole number from 0 to {highest}")
    return number


def _choice(option: Option, text: str, allowed: tuple[str, ...], mistaken: Mapping[str, str]) -> str | Rejected:
    if text in allowed:
        return text
    meant = mistaken.get(text)
    if meant == "":
        return Rejected(f"not one of {', '.join(allowed)}", f"nothing: leave {option.flag} away")
    if meant not in allowed:
        close = difflib.get_close_matches(text, allowed, n=1)
        meant = close[0] if close else None
    newer = [values for releases, values in option.choices if text in values]
    message = f"not one of {', '.join(allowed)}" + (" in this release" if newer else "")
    return Rejected(message, f"{meant}" if meant else f"one of {', '.join(allowed)}")


def read(option: Option, text: str, version: Version | None, mistaken: Mapping[str, str]) -> Any | Rejected:
    """Return the value of one occurrence of an option, in Python's types, or why the launcher does not take it.

    `mistaken` names values of other programs with the value to write instead. Lists come as tuples.
    """
    kind = option.kind
    if kind == "text":
        return text
    if kind == "texts":
        return (text,)
    if kind in _HIGHEST:
        return _integer(kind, text)
    if kind == "sizes":
        numbers = tuple(_integer("size", part) for part in text.split(","))
        return next((number for number in numbers if isinstance(number, Rejected)), numbers)
    if kind == "real":
        if not _REAL.fullmatch(text):
            return Rejected("not a number", "a number such as 0.9")
        return float(text)
    if kind == "choice":
        return _choice(option, text, option.values(version), mistaken)
    return {"true": True, "false": False}.get(text, _choice(option, text, ("true", "false"), mistaken))


def wanted(option: Option, version: Version | None) -> str:
    """Return what an option takes, for people: `one of on, off`, `a whole number from 0 to 65535`, `text`."""
    kind = option.kind
    if kind == "choice":
        return f"one of {', '.join(option.values(version))}"
    if kind in _HIGHEST:
        return f"a whole number from 0 to {_HIGHEST[kind]}"
    return {"real": "a number", "truth": "true or false", "flag": "true or false", "sizes": "whole numbers"}.get(
        kind, "text"
    )


def written(option: Option, value: Any, version: Version | None) -> str | None:
    """Return a value as the launcher reads it; None where it has not the type that the option needs."""
    kind = option.kind
    if kind == "text":
        return value if isinstance(value, str) else None
    if kind in _HIGHEST:
        return str(value) if type(value) is int and 0 <= value <= _HIGHEST[kind] else None
    if kind == "sizes":
        value = value if isinstance(value, (list, tuple)) else ()
        numbers = [number for number in value if type(number) is int and 0 <= number <= _HIGHEST["size"]]
        return ",".join(map(str, numbers)) if len(numbers) == len(value) and numbers else None
    if kind == "real":
        return repr(float(value)) if type(value) in (int, float) else None
    if kind == "choice":
        return value if isinstance(value, str) and value in option.values(version) else None
    return {True: "true", False: "false"}.get(value) if type(value) is bool else None
