"""How far a server is with its start: what its log tells, and an estimate where that says nothing. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from voltaic.host import Start

STAGES: Final = ("download", "load", "warm-up", "ready")
"""In the order in which a start goes through them."""
WORDS: Final = {"download": "download of the model", "load": "load into the GPU", "warm-up": "warm-up"}
_MINUTE: Final = 60
_LONG: Final = 90
_GB: Final = 10**9
_STEP: Final = 10
"""Per cent of a stage from line to line where there is no terminal."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a log tells."""

    stage: str
    share: float | None = None
    """Of the stage, 0 to 1; None where the log does not say."""
    files: tuple[int, int] | None = None
    """Files or shards that are done, and all of them."""
    seconds: float | None = None
    """Since the first line of the stage; None where lines have no moments."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a start is."""

    stage: str
    share: float
    """Of the stage, 0 to 1."""
    measured: bool
    """Whether the log told it; else it is an estimate from the time that has gone."""
    total: int | None
    """Bytes of the checkpoint; None where that is not known."""
    left: int | None
    """Seconds until the server answers; None where there is no estimate."""
    files: tuple[int, int] | None = None

    @property
    def done(self) -> int | None:
        """Bytes of this stage that are done, for download and load."""
        if self.total is None or self.stage not in {"download", "load"}:
            return None
        return round(self.share * self.total)

    @property
    def step(self) -> tuple[str, int]:
        """Changes where there is something new to say."""
        return self.stage, int(self.share * 100) // _STEP

    def __str__(self) -> str:
        """Return it in words."""
        how = ""
        if self.done is not None and self.total is not None:
            about = "" if self.measured else "about "
            how = f" {about}{self.done / _GB:.1f} of {self.total / _GB:.1f} GB"
        counted = f" ({self.files[0]} of {self.files[1]} files)" if self.files else ""
        left = "" if self.left is None else f", {_left(self.left)}"
        guess = "" if self.measured else "; estimated"
        return f"{WORDS.get(self.stage, self.stage)}{how}{counted}{left}{guess}"


@cache
def patterns(engine: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return stages and patterns of an engine's log; none for one that is not known."""
    rows = table().get(engine, {}).get("lines", ())
    return tuple((row["stage"], re.compile(row["text"])) for row in rows)


@cache
def table() -> dict[str, Any]:
    """Return starting.toml."""
    return data.table(Path(__file__).with_name("starting.toml"))


def read(engine: str, lines: Iterable[str]) -> Reading | None:
    """Return what a log tells; None where no line of it is known.

    Args:
        engine: name of the engine.
        lines: the oldest first; each may begin with its moment, RFC 3339.
    """
    found: Reading | None = None
    began: datetime | None = None
    for line in lines:
        moment, text = _split(line)
        for stage, pattern in patterns(engine):
            if (match := pattern.search(text)) is None:
                continue
            if found is None or found.stage != stage:
                began = moment
                found = Reading(stage)
            told = _told(stage, match)
            since = (moment - began).total_seconds() if moment and began else None
            found = Reading(
                stage, told.share if told.share is not None else found.share, told.files or found.files, since
            )
    return found


def _told(stage: str, match: re.Match[str]) -> Reading:
    named = match.groupdict()
    done, total, percent = (int(named[key]) if named.get(key) else None for key in ("done", "total", "percent"))
    files = (done, total) if done is not None and total else None
    share = percent / 100 if percent is not None else files[0] / files[1] if files else None
    return Reading(stage, share, files)


def _split(line: str) -> tuple[datetime | None, str]:
    first, _, rest = line.partition(" ")
    try:
        return datetime.fromisoformat(first), rest
    except ValueError:
        return None, line


def progress(reading: Reading | None, start: Start | None, size: int | None, elapsed: float) -> Progress | None:
    """Return how far a start is; None where neither log nor estimate says anything, or where it is over.

    Args:
        reading: what the log tells.
        start: estimate of the whole start, `download` 0 where the cache holds the weights.
        size: bytes of the checkpoint.
        elapsed: seconds since the container was started.
    """
    if reading is not None and reading.stage == "ready":
        return None
    parts = _parts(start)
    if reading is None:
        return _guess(parts, size, elapsed)
    after = sum(seconds for stage, seconds in parts if _order(stage) > _order(reading.stage))
    known = start is not None
    if reading.share:
        left = (reading.seconds or 0) / reading.share * (1 - reading.share) if reading.seconds else None
        own = dict(parts).get(reading.stage, 0)
        rest = own * (1 - reading.share) if left is None else left
        return Progress(reading.stage, reading.share, True, size, round(rest + after) if known else None, reading.files)
    own = dict(parts).get(reading.stage, 0)
    gone = reading.seconds or 0.0
    share = min(0.99, gone / own) if own else 0.0
    return Progress(reading.stage, share, False, size, round(max(0.0, own - gone) + after) if known else None)


def _parts(start: Start | None) -> Sequence[tuple[str, float]]:
    if start is None:
        return ()
    return (
        ("download", float(int(start.download))),
        ("load", float(int(start.load) + int(start.process))),
        ("warm-up", float(int(start.warm_up))),
    )


def _guess(parts: Sequence[tuple[str, float]], size: int | None, elapsed: float) -> Progress | None:
    gone = elapsed
    for number, (stage, seconds) in enumerate(parts):
        if seconds and (gone < seconds or number == len(parts) - 1):
            after = sum(more for _, more in parts[number + 1 :])
            share = min(0.99, gone / seconds)
            return Progress(stage, share, False, size, round(max(0.0, seconds - gone) + after))
        gone -= seconds
    return None


def _order(stage: str) -> int:
    return STAGES.index(stage)


def _left(seconds: int) -> str:
    if seconds <= 0:
        return "longer than estimated"
    if seconds < _LONG:
        return f"{seconds} s left"
    return f"about {max(2, round(seconds / _MINUTE))} min left"
