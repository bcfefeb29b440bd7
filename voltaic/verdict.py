"""The verdict on a serving spec: all rules asked, the bill made, and the ways out of a refusal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from voltaic import answers, rules
from voltaic.memory.bill import Bill, NoBill
from voltaic.rules import vram_budget
from voltaic.rules.rule import FAULT_OF_OURS

if TYPE_CHECKING:
    from voltaic.engines.base import Runs
    from voltaic.findings import Finding
    from voltaic.fixes import Fix, Ways
    from voltaic.grounds import Ground
    from voltaic.spec import ServingSpec

Judgement = Literal["accept", "refuse", "unknown"]
EXIT_CODES: dict[Judgement, int] = {"accept": 0, "refuse": 1, "unknown": 3}
"""Exit code of every command that judges, by verdict; 2 is bad input or usage."""

SAID_UNDER_RESTS_ON = "ignored-options"
"""The rule whose findings an accept names among what it rests on."""


@dataclass(frozen=True)
class Verdict:
    """What is said about a serving spec."""

    verdict: Judgement
    answers: tuple[Finding, ...]
    """Every answer that is not a yes, in the order of the rules, as the rules gave it."""
    bill: Bill | NoBill
    runs: Runs | None
    """How the spec runs; None where it does not, or where that is not known."""
    spec: ServingSpec

    @property
    def exit_code(self) -> int:
        """Exit code of a command that prints this verdict."""
        return EXIT_CODES[self.verdict]

    @property
    def tight(self) -> bool:
        """Whether it fits with less headroom than the estimate's own margin of error."""
        return isinstance(self.bill, Bill) and self.bill.tight

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Every answer that is not a yes, in the order of the rules.

        What does not fit, else the first refusal, names ways out that are accepted as a whole; searched on first use.
        """
        try:
            return self._with_ways_out()
        except Exception:  # noqa: BLE001  the refusal stands without them
            return self.answers

    def _with_ways_out(self) -> tuple[Finding, ...]:
        first = next((finding for finding in self.answers if finding.outcome == "violation"), None)
        # As long as arguments are wrong in ways that nobody can guess, each finding keeps its own advice.
        unread = self.spec.command.faults and not self.fixes
        if first is None or self.verdict != "refuse" or unread or self.ways.failed:
            return self.answers
        from voltaic.fixes import way_out  # noqa: PLC0415  the search asks this module's judge

        large = next((finding for finding in self.answers if _is_too_large(finding)), None)
        if large is not None:
            first, fix = large, way_out(self)
        else:
            fix = f"{first.fix} {way_out(self)}" if self.fixes else first.fix
        return tuple(replace(finding, fix=fix) if finding is first else finding for finding in self.answers)

    @cached_property
    def rests_on(self) -> tuple[Ground, ...]:
        """What an accept rests on that its reader should know; empty for the rest."""
        from voltaic.grounds import grounds  # noqa: PLC0415  asked where a verdict is shown

        return grounds(self.spec, self.runs) if self.verdict == "accept" else ()

    @cached_property
    def advice(self) -> tuple[Finding, ...]:
        """What is advised about the spec besides, which changes no verdict; asked where a verdict is shown.

        What an accept rests on is said there, and not again.
        """
        from voltaic.rules import catalogue  # noqa: PLC0415  most verdicts are judged, not shown

        said = {SAID_UNDER_RESTS_ON} if self.verdict == "accept" else set()
        rules_of_spec = (rule for rule in catalogue.spec_rules() if rule.id not in said)
        return tuple(finding for rule in rules_of_spec for finding in rule.ask(self.spec))

    @property
    def fixes(self) -> tuple[Fix, ...]:
        """Nearest changes that the same judge accepts, those that change least first; empty for an accept.

        Searched on first use, in bounded time; empty also where the search fails.
        """
        return self.ways.fixes if self.verdict == "refuse" else ()

    @cached_property
    def ways(self) -> Ways:
        """What the search for ways out found, and what it found out besides."""
        from voltaic import fixes  # noqa: PLC0415  the search asks this module's judge

        return fixes.search(self)


def _is_too_large(finding: Finding) -> bool:
    return finding.rule == vram_budget.ID and finding.outcome == "violation"


def judge(spec: ServingSpec) -> Verdict:
    """Ask all rules about a spec. Never raises: what cannot be answered is `unknown`."""
    findings = rules.ask(spec)
    runs = _runs(spec)
    if runs is None and any(finding.outcome == "violation" for finding in findings):
        # What does not run has no bill: another rule has said why, and that is enough.
        findings = tuple(finding for finding in findings if not _is_missing_bill(finding))
    mandatory = {finding.outcome for finding in findings if finding.level == "mandatory"}
    verdict: Judgement = "refuse" if "violation" in mandatory else "unknown" if "unknown" in mandatory else "accept"
    return Verdict(verdict, findings, _bill(spec), runs, spec)


def _is_missing_bill(finding: Finding) -> bool:
    """Return whether the budget has no answer for want of a bill; a rule that broke is another matter."""
    return finding.rule == vram_budget.ID and finding.outcome == "unknown" and finding.why != FAULT_OF_OURS


def _bill(spec: ServingSpec) -> Bill | NoBill:
    try:
        return answers.bill_of(spec)
    except Exception as error:  # noqa: BLE001  the rule that asked for it has said so
        return NoBill(because=f"{type(error).__name__}: {error}", settled_by="a repair of voltaic")


def _runs(spec: ServingSpec) -> Runs | None:
    try:
        return answers.runs_of(spec)
    except Exception:  # noqa: BLE001  the rule that asked for it has said so
        return None
