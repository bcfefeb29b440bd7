"""The file of a run: what was asked, what came, and the values that another run is compared with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.load import measured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.load.runner import Load, Run

SCHEMA = "voltaic/bench/v1"
DIGITS = 6
"""Of seconds: microseconds."""
HOW = {
    True: "words counted by the server itself, by two prompts of different length",
    False: "assumed: one common short word, one token; the server gives no numbers of tokens",
}


class Unreadable(ValueError):  # noqa: N818  named for what it says
    """A file that is no run; the text says which and why."""


def document(load: Load, run: Run, *, engine: str | None, at: str) -> dict[str, Any]:
    """Return a run for machines.

    Args:
        load: what was asked.
        run: what came.
        engine: engine and release; None: not known.
        at: when it began, RFC 3339.
    """
    summary = measured.summary(run.requests, run.seconds)
    return {
        "schema": SCHEMA,
        "at": at,
        "engine": engine,
        "load": {
            "url": load.url,
            "model": load.model,
            "loop": "closed" if load.rate is None else "open",
            "concurrency": load.concurrency if load.rate is None else None,
            "rate": load.rate,
            "prompt_tokens": load.prompt_tokens,
            "answer_tokens": load.answer_tokens,
            "requests": load.requests,
            "seconds": load.seconds,
            "warm_up": load.warm_up,
            "seed": load.seed,
            "temperature": load.temperature,
        },
        "prompts": {
            "words": run.scale.words(load.prompt_tokens),
            "tokens_a_word": run.scale.each,
            "tokens_besides": run.scale.base,
            "length": HOW[run.scale.measured],
        },
        "stopped": run.stopped,
        "summary": _rounded(summary.document()),
        "values": _rounded(values(run)),
    }


def values(run: Run) -> dict[str, list[float]]:
    """Return the values of each request, by measure; `between` is the mean of each answer."""
    good = [request for request in run.requests if request.error is None]
    return {
        "first": [first for request in good if (first := request.first) is not None],
        "between": [sum(gaps) / len(gaps) for request in good if (gaps := request.between)],
        "each": [rate for request in good if (rate := request.rate) is not None],
        "whole": [request.ended - request.began for request in good],
        "rate": measured.slices(run.requests, run.seconds) if run.seconds else [],
    }


def read(path: str) -> dict[str, Any]:
    """Return the document of a run.

    Raises:
        Unreadable: it cannot be read, or is none.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    except ValueError:
        raise Unreadable(f"{path}: not JSON; give a file that voltaic bench --out wrote") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise Unreadable(f"{path}: no run of voltaic bench (schema {SCHEMA}); give a file that --out wrote")
    taken: Any = found.get("values")
    numbers = isinstance(taken, dict) and all(
        isinstance(row, list) and all(isinstance(value, int | float) for value in row) for row in taken.values()
    )
    if not numbers or not isinstance(found.get("load"), dict) or not isinstance(found.get("summary"), dict):
        raise Unreadable(f"{path}: the run in it is not whole")
    return found


def unlike(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return in what two loads differ: then a difference says little."""
    names = ("model", "loop", "concurrency", "rate", "prompt_tokens", "answer_tokens", "temperature")
    one, two = before["load"], after["load"]
    return [f"{name} {one.get(name)} and {two.get(name)}" for name in names if one.get(name) != two.get(name)]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
