"""Reading of JSON-like values that may be anything: nothing here raises."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN_CHARACTERS = 60
_TEMPLATE = re.compile(r"\$\{|\{\{|<[A-Za-z][\w -]*>|^\$[A-Z_][A-Z0-9_]*$", re.ASCII)
"""Shell or Pulumi placeholders, Helm and Jinja templates, `<YOUR-MODEL>`, and a lone `$MODEL`, which no shell reads
here and `envsubst` would: text that somebody still has to fill in."""
_VARIABLE = re.compile(r"\$(\$|\(([A-Za-z_][\w.-]*)\))", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,6}(\.0{1,6})?", re.ASCII)


def mapping(value: Any) -> dict[str, Any]:
    """Return a mapping with its text keys; empty where the value is none. Not to be changed: it may be the value."""
    if not isinstance(value, dict):
        return {}
    if set(map(type, value)) <= {str}:
        return value
    return {key: item for key, item in value.items() if isinstance(key, str)}


def items(value: Any) -> list[Any]:
    """Return a list; empty where the value is none."""
    return list(value) if isinstance(value, (list, tuple)) else []


def text(value: Any) -> str | None:
    """Return text; None where the value is none."""
    return value if isinstance(value, str) else None


def at(value: Any, *path: str) -> Any:
    """Return what lies under these keys; None where there is nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def unfilled(value: Any) -> bool:
    """Return whether text still holds a placeholder."""
    return isinstance(value, str) and _TEMPLATE.search(value) is not None


def whole(value: Any) -> int | None:
    """Return a whole number written as 2, 2.0, "2" or "2.0"; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, float) and (not math.isfinite(value) or value > 10**6):
        return None
    if isinstance(value, int):
        return value if 0 <= value <= 10**6 else None
    return int(Decimal(str(value))) if _WHOLE.fullmatch(str(value)) else None


def expanded(word: str, env: Mapping[str, str | None]) -> str | None:
    """Return an argument with `$(NAME)` replaced as Kubernetes does; None where it names a value not known here."""
    unknown = False

    def replacement(match: re.Match[str]) -> str:
        nonlocal unknown
        name = match[2]
        if name is None:
            return "$"
        if name not in env:
            return match[0]
        value = env[name]
        unknown = unknown or value is None
        return value or ""

    result = _VARIABLE.sub(replacement, word)
    return None if unknown else result


def names_in(word: Any) -> set[str]:
    """Return the variables that text names as Kubernetes reads it: `$(NAME)`."""
    return {match[2] for match in _VARIABLE.finditer(word) if match[2]} if isinstance(word, str) else set()


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, on one line."""
    line = repr(value)
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"
