"""Values of vLLM's options, read and written as its argument parser does."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.engines.vllm.options import Option

_WHOLE = re.compile(r"\s*[+-]?[0-9]+(?:_[0-9]+)*\s*")
_REAL = re.compile(r"\s*[+-]?(inf|infinity|nan|([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?)\s*", re.IGNORECASE)
_HUMAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kKmMgGtT])")
_SUFFIXES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_DIGITS = 18  # longer numbers are no sizes of anything, and slow to read
AUTOMATIC = -1
"""Value of --max-model-len that stands for the longest that fits."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A value that the parser does not take."""

    message: str
    """Completes "OPTION VALUE: …"."""
    fix: str
    """Completes "write …"."""


def _whole(text: str) -> int | Rejected:
    if not _WHOLE.fullmatch(text):
        return Rejected("not a whole number", "a whole number such as 4096")
    if len(text.strip()) > _DIGITS:
        return Rejected("a number of too many digits", "a whole number such as 4096")
    return int(text)


def _human(text: str, *, automatic: bool) -> int | Rejected:
    text = text.strip()
    if automatic and text.lower() in {"auto", "-1"}:
        return AUTOMATIC
    match = _HUMAN.fullmatch(text) if len(text) <= _DIGITS else None
    if match is None:
        return _whole(text)
    number, suffix = match.groups()
    if "." not in number:
        return int(number) * _SUFFIXES[suffix]
    if suffix.isupper():
        fix = f"{number}{suffix.lower()}, or a whole number before {suffix}"
        return Rejected(f"decimals are not allowed with the binary suffix {suffix}", fix)
    return int(float(number) * _SUFFIXES[suffix])


def read(option: Option, text: str, version: Version | None, *, automatic: bool = False) -> Any | Rejected:
    """Return one value of an option in Python's types, or why the parser does not take it.

    `automatic`: the release takes `auto` for a length of the context.
    """
    kind = option.kind(version)
    if kind == "int":
        return _whole(text)
    if kind == "human":
        return _human(text, automatic=automatic and option.name == "max_model_len")
    if kind == "real":
        return float(text) if _REAL.fullmatch(text) else Rejected("not a number", "a number such as 0.9")
    if kind == "choice":
        allowed = option.values(version)
        if text in allowed:
            return text
        close = difflib.get_close_matches(text, allowed, n=1)
        return Rejected(f"not one of {', '.join(allowed)}", close[0] if close else f"one of {', '.join(allowed)}")
    if kind == "switch":
        known = {"true": True, "false": False}.get(text.lower())
        return Rejected("not true or false", "true or false") if known is None else known
    return text


def written(option: Option, value: Any, version: Version | None) -> list[str] | None:
    """Return the words that set an option to a value; None where the value has not the type that it needs."""
    kind = option.kind(version)
    if kind in {"flag", "bool", "switch"}:
        if type(value) is not bool:
            return None
        if kind == "switch":
            return [option.flag, str(value).lower()]
        if kind == "bool":
            return [option.flag if value else "--no-" + option.flag[2:]]
        return [option.flag] if value else []
    if kind == "texts":
        words = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else []
        if not words or any(not isinstance(word, str) or word.startswith("-") for word in words):
            return None
        return [option.flag, *words]
    text = _text(kind, value)
    if text is None or (kind == "choice" and text not in option.values(version)):
        return None
    # A value that starts with a dash would be read as the next option.
    return [f"{option.flag}={text}"] if text.startswith("-") else [option.flag, text]


def _text(kind: str, value: Any) -> str | None:
    if kind in {"int", "human"}:
        return str(value) if type(value) is int and len(str(value)) <= _DIGITS else None
    if kind == "real":
        return repr(float(value)) if type(value) in (int, float) else None
    return value if isinstance(value, str) else None
