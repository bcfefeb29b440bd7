"""Why a pod waits, in plain words: scheduler, quota and kubelet say it at length. Pure."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from voltaic.engines import data

LONGEST: Final = 200
"""Characters that are shown of a message in nobody's table."""


@cache
def _rows() -> tuple[tuple[re.Pattern[str], str], ...]:
    found = data.table(Path(__file__).with_name("waiting.toml"))["reason"]
    return tuple((re.compile(row["text"]), str(row["say"])) for row in found)


def plain(message: str) -> str:
    """Return a message in plain words; the message itself, cut short, where it is in no table."""
    said = []
    for pattern, text in _rows():
        for match in pattern.finditer(f"{message} "):
            words = {key: value or "" for key, value in match.groupdict().items()}
            said.append(text.format_map(words).replace(" ()", ""))
    if said:
        return "; ".join(dict.fromkeys(said))
    flat = " ".join(message.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"
