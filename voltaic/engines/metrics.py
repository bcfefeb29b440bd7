"""What an engine says of itself at /metrics: Prometheus text, by the names that each engine gives to the same thing.

Facts come from metrics.toml. Text in, numbers out: nobody is asked here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAMES = ("running", "waiting", "kv_share", "kv_used", "kv_all", "prompt_tokens", "answer_tokens", "finished", "failed")
_MEANS = ("token_seconds", "first_seconds")
_KEYS = frozenset({*_NAMES, *_MEANS, "needs", "when", "guarded", "source", "confidence"})
_SAMPLE = re.compile(
    r"(?P<name>[A-Za-z_:][\w:]*)\s*(?:\{(?P<labels>(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\})?\s+(?P<value>\S+)", re.ASCII
)
PATH = "/metrics"


@dataclass(frozen=True, slots=True)
class Load:
    """What a server is doing at one moment; None: it does not say."""

    running: int | None = None
    waiting: int | None = None
    kv_share: float | None = None
    """Share of the KV cache in use, 0 to 1."""
    prompt_tokens: int | None = None
    """Since the start."""
    answer_tokens: int | None = None
    """Since the start."""
    finished: int | None = None
    failed: int | None = None
    token_seconds: float | None = None
    """Mean time between two tokens of an answer, since the start."""
    first_seconds: float | None = None
    """Mean time to the first token, since the start."""


@cache
def table() -> dict[str, Any]:
    """Return metrics.toml by engine, checked."""
    found = {name: row for name, row in data.table(Path(__file__).with_name("metrics.toml")).items() if name != "date"}
    for name, row in found.items():
        data.only(row, _KEYS, f"metrics.toml, {name}")
        data.source(row["source"], row["confidence"])
    return found


def engines() -> tuple[str, ...]:
    """Return the engines whose metrics are known."""
    return tuple(table())


def needs(engine: str) -> str | None:
    """Return the option without which an engine has no metrics; None: it always has."""
    option: str | None = table()[engine].get("needs")
    return option


def guarded(engine: str) -> bool:
    """Return whether the key of the API is asked for at /metrics, where one is set."""
    return bool(table()[engine]["guarded"])


def recognised(samples: Mapping[str, Sequence[float]]) -> str | None:
    """Return the engine whose names these are; None for no engine's."""
    return next((name for name in table() if any(own in samples for own in _own(name))), None)


def read(text: str) -> dict[str, list[float]]:
    """Return the values of each metric, one for each set of labels; what cannot be read is left out."""
    found: dict[str, list[float]] = {}
    for line in text.splitlines():
        match = None if line.startswith("#") else _SAMPLE.match(line.strip())
        if match is None:
            continue
        try:
            value = float(match["value"])
        except ValueError:
            continue
        if math.isfinite(value):
            found.setdefault(match["name"], []).append(value)
    return found


def load(engine: str, samples: Mapping[str, Sequence[float]]) -> Load:
    """Return what a server is doing, from its own numbers.

    Counts of several label sets (models, ranks, methods) are added; of shares the largest counts.

    Args:
        engine: one of `engines()`.
        samples: what `read` returns.
    """
    row = table()[engine]

    def first(key: str) -> Sequence[float] | None:
        return next((samples[name] for name in row.get(key, ()) if samples.get(name)), None)

    def count(key: str) -> int | None:
        values = first(key)
        return None if values is None else max(0, round(sum(values)))

    def mean(key: str) -> float | None:
        for sums, counts in row[key]:
            if samples.get(sums) and sum(samples.get(counts, ())) > 0:
                return sum(samples[sums]) / sum(samples[counts])
        return None

    return Load(
        running=count("running"),
        waiting=count("waiting"),
        kv_share=_share(first("kv_share"), first("kv_used"), first("kv_all")),
        prompt_tokens=count("prompt_tokens"),
        answer_tokens=count("answer_tokens"),
        finished=count("finished"),
        failed=count("failed"),
        token_seconds=mean("token_seconds"),
        first_seconds=mean("first_seconds"),
    )


def _share(share: Sequence[float] | None, used: Sequence[float] | None, room: Sequence[float] | None) -> float | None:
    if share is not None:
        return min(1.0, max(0.0, *share, 0.0))
    if used is None or room is None or max(room) <= 0:
        return None
    return min(1.0, max(0.0, max(used) / max(room)))


def _own(engine: str) -> list[str]:
    """Return an engine's own names of gauges, which are there from its start on."""
    row = table()[engine]
    return [name for key in ("running", "waiting") for name in row[key]]
