"""What `voltaic check` counts, and the words for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.check_run import Judged, Run

Outcome = Literal["refuse", "unknown", "waived", "accept"]
"""A judgement, or `waived` where the verdict stands against it and its owner lives with all of it."""
OUTCOMES: Final[dict[Outcome, str]] = {
    "refuse": "refused",
    "unknown": "unknown",
    "waived": "waived",
    "accept": "accepted",
}
"""Words of outcomes, the worst first."""


def outcome(judged: Judged) -> Outcome:
    """Return how a workload came out."""
    checked = judged.checked
    stands = checked.verdict is None or checked.verdict.verdict == "accept"
    return "waived" if checked.judgement == "accept" and not stands and _any_waived(judged) else checked.judgement


def _any_waived(judged: Judged) -> bool:
    return any(told.said.waived is not None for told in judged.told)


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of one run."""

    servers: Counter[Outcome]
    others: Counter[Outcome]
    """What serves no model and was asked about: chat pages."""
    advice: int
    """Advisory findings that nobody waived."""
    waived: int
    """Findings that somebody waived."""
    not_judged: int
    unreadable: int

    @classmethod
    def of(cls, run: Run) -> Counts:
        """Return the numbers of a run."""
        told = [one for judged in run.judged for one in judged.told]
        asked = [judged for judged in run.judged if judged.checked.asked]
        return cls(
            Counter(outcome(one) for one in asked if one.checked.verdict is not None),
            Counter(outcome(one) for one in asked if one.checked.verdict is None),
            sum(one.rank in {2, 3} for one in told),
            sum(one.said.waived is not None for one in told),
            len(run.judged) - len(asked),
            len(run.unreadable),
        )

    def summary(self) -> str:
        """Return all numbers in one sentence, on one line."""
        return "; ".join(self._parts()) + "."

    def _parts(self) -> Iterator[str]:
        servers = sum(self.servers.values())
        yield counted(servers, "model server") + (f": {spread(self.servers)}" if servers else "")
        if self.others:
            yield f"{counted(sum(self.others.values()), 'chat page')}: {spread(self.others)}"
        yield counted(self.advice, "advisory finding")
        yield f"waived: {self.waived}"
        yield f"{counted(self.not_judged, 'object')} not judged"
        yield f"{counted(self.unreadable, 'file')} unreadable"


def spread(counts: Counter[Outcome]) -> str:
    """Return each outcome with its number: `1 refused, 2 accepted`."""
    return ", ".join(f"{counts[name]} {word}" for name, word in OUTCOMES.items() if counts[name])


def counted(number: int, what: str) -> str:
    """Return a number of things: `1 file`, `2 files`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
