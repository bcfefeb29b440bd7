"""Lines of logs as people read them, and as patterns are looked for in them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\r")
_MOMENT: Final = re.compile(
    r"^(?:\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?[ \t:|-]*)+"
)
"""A moment at the beginning of a line; two where the reader of the log has put its own before that of the program."""
_SHORT_MOMENT: Final = re.compile(r"\b(?:\d\d-\d\d )?\d\d:\d\d:\d\d(?:[.,]\d+)?\b")
_NUMBERS: Final = re.compile(r"0x[0-9a-f]+|\bpid=\d+|\brank[ =]?\d+|\d+", re.IGNORECASE)
_DIGITS: Final = re.compile(r"\d+")
_FRAME: Final = re.compile(r'^\s*(?:File ".*", line \d+|at .*:\d+|\^+|~+|frame #\d+|[│╭╰┃].*)')
LONGEST: Final = 400
"""Characters of a line that people are shown."""
MOST_READ: Final = 4000
"""Characters of a line that are looked at, three quarters of them its first."""
MOST_TIMES: Final = 3
"""Times that one line is looked at, whatever its numbers."""
ALWAYS_READ: Final = 100
"""Lines at the end of a log that are looked at however often they were said."""


def clean(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines without colours, messages within JSON lines as the lines that they are, endless ones shortened."""
    for line in lines:
        plain = _ANSI.sub("", line).rstrip()
        for part in _unwrapped(plain) if plain.lstrip().startswith("{") else (plain,):
            yield part if len(part) <= MOST_READ else f"{part[: MOST_READ * 3 // 4]} … {part[-MOST_READ // 4 :]}"


def _unwrapped(line: str) -> Iterator[str]:
    """Yield the message of a line that is a JSON object, else the line (TGI and vLLM can write their logs so)."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        yield line
        return
    fields = found.get("fields") if isinstance(found, dict) else None
    message = next(
        (
            each["message"]
            for each in (found, fields)
            if isinstance(each, dict) and isinstance(each.get("message"), str)
        ),
        None,
    )
    if message is None:
        yield line
        return
    level = str(found.get("level", "")).upper()
    for number, part in enumerate(message.splitlines() or [""]):
        yield f"{level} {part}".strip() if number == 0 else part


def read(lines: Iterable[str]) -> list[str]:
    """Return lines without colours, and without what a server says over and over.

    A line that was said a few times before, but for its numbers, is left out, save in the last lines of a log.
    """
    whole = list(clean(lines))
    found: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(whole):
        key = _DIGITS.sub("#", line)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= MOST_TIMES or number >= len(whole) - ALWAYS_READ:
            found.append(line)
    return found


def shown(line: str) -> str:
    """Return a line as people are shown it: without its moment, and no longer than they read."""
    plain = _MOMENT.sub("", line.strip()).strip() or line.strip()
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def last(lines: Iterable[str], most: int) -> list[str]:
    """Return the last lines that say something new, the oldest first.

    Lines that differ only in numbers and moments count as one, frames of tracebacks as none.
    """
    found: list[str] = []
    seen: set[str] = set()
    for line in reversed(list(lines)):
        text = shown(line)
        if not text or _FRAME.match(text):
            continue
        key = _NUMBERS.sub("#", _SHORT_MOMENT.sub("", text))
        if key not in seen:
            seen.add(key)
            found.append(text)
        if len(found) == most:
            break
    return found[::-1]
