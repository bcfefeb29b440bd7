"""What a rule is: one question asked of a serving spec, answered by findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voltaic.engines.base import Support
    from voltaic.spec import ServingSpec

FAULT_OF_OURS: Final = "This is a fault in voltaic, not in the configuration. Without an answer nothing is accepted."
"""Why a rule that failed answers `unknown`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One question asked of a serving spec."""

    id: str
    """Stable kebab-case name: `vram-budget`."""
    title: str
    """The question, in one line."""
    why: str
    """What goes wrong where the answer is no."""
    check: Callable[[ServingSpec], tuple[Finding, ...]]
    """Answers: no finding means yes. May raise; `ask` does not."""
    level: Level = "mandatory"

    def ask(self, spec: ServingSpec) -> tuple[Finding, ...]:
        """Return the findings of this rule; a rule that fails answers `unknown`, never an accept by silence."""
        try:
            return self.check(spec)
        except Exception as error:  # noqa: BLE001  whatever fails, silence would read as an accept
            return (self._failed(error),)

    def _failed(self, error: Exception) -> Finding:
        return Finding(
            rule=self.id,
            message=f"The rule {self.id} could not answer: {type(error).__name__}: {error}",
            why=FAULT_OF_OURS,
            fix="Report it with this configuration; `voltaic plan --json` prints what to attach.",
            outcome="unknown",
            level=self.level,
        )


def findings(rule: str, answers: Iterable[Support]) -> tuple[Finding, ...]:
    """Return what an engine answers as findings of that rule: all that is not `ok`."""
    return tuple(
        Finding(
            rule=rule,
            message=answer.message,
            why=answer.why,
            fix=answer.fix,
            sources=answer.sources,
            outcome="violation" if answer.answer == "no" else "unknown",
        )
        for answer in answers
        if answer.answer != "ok"
    )
