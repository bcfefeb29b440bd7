"""What the doctor says of single texts: the examples of the patterns, and reports that no pattern was written from."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.doctor import About
from voltaic.doctor.diagnosis import _deepest
from voltaic.doctor.evidence import Fact
from voltaic.doctor.lines import read
from voltaic.doctor.matching import matches
from voltaic.doctor.pattern import patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voltaic.doctor.evidence import Where

HELDOUT = Path(__file__).parent / "heldout"


def told(where: Where, lines: Iterable[str]) -> list[str]:
    """Return the ids of the patterns that are told of a pod of which only this is known.

    Args:
        where: where it stands.
        lines: a log is one fact, of anything else each line is one.
    """
    texts = ["\n".join(read(lines))] if where in {"log", "text"} else list(lines)
    found, _ = _deepest(matches([Fact(where, text, About("Pod", "server")) for text in texts]))
    return list(dict.fromkeys(match.pattern.id for match in found))


def confusion() -> Iterator[tuple[str, str, list[str]]]:
    """Yield for each example of each pattern its pattern, its text, and what is told of it."""
    for pattern in patterns():
        for example in pattern.examples:
            lines = example.text.splitlines() if example.where in {"log", "text"} else [example.text]
            yield pattern.id, example.text, told(example.where, lines)


@dataclass(frozen=True)
class Score:
    """How often something was told of reports, and how often it was the true cause."""

    reports: int
    told: int
    right: int
    known: int
    """Reports whose cause a pattern is about."""

    @property
    def precision(self) -> float:
        """Share of what was told that was right."""
        return self.right / self.told

    @property
    def recall(self) -> float:
        """Share of the causes that patterns are about that were told."""
        return self.right / self.known


def heldout() -> dict[str, dict[str, Any]]:
    """Return the sets of reports by name: `report`, a list, and `first`, the score before anything was learned."""
    return {path.stem: tomllib.loads(path.read_text()) for path in sorted(HELDOUT.glob("*.toml"))}


def causes(report: dict[str, Any]) -> set[str]:
    """Return what is the true cause of a report, by any name that a pattern has for it."""
    return {report["cause"], report.get("since", report["cause"])} - {"none"}


def score(reports: Iterable[dict[str, Any]]) -> Score:
    """Return the score on some reports as the patterns are now."""
    asked = [(causes(report), told(report.get("in", "log"), report["lines"])) for report in reports]
    return Score(
        reports=len(asked),
        told=sum(bool(said) for _, said in asked),
        right=sum(bool(true.intersection(said)) for true, said in asked),
        known=sum(bool(true) for true, _ in asked),
    )
