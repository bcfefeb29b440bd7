"""Changes put before the judge, and those that are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from voltaic import changes, hardware
from voltaic.answers import bill_shortly
from voltaic.fixes import Fix
from voltaic.memory.bill import Bill
from voltaic.rules import vram_budget
from voltaic.spec import NO_VALUES
from voltaic.verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.corrections import Correction
    from voltaic.engines.base import Engine
    from voltaic.engines.ways import HasWays
    from voltaic.spec import ServingSpec

MOST_FIXES: Final = 5
"""Ways out that are worth reading."""
MOST_JUDGED: Final = 48
"""Changes judged before the search ends: at well under a millisecond each it is bounded however large the catalogue."""
KEPT_FOR_MODELS: Final = 12
"""Of these, judged at the end: however many releases were tried in vain, another model is tried."""
COST_OF_A_STACK: Final = 5
"""Changes that could be judged in the time in which a stack is derived anew."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A change and what the judge says of it."""

    settings: dict[str, Any]
    spec: ServingSpec
    verdict: Verdict
    variables: Mapping[str, str] = field(default_factory=lambda: NO_VALUES)

    @property
    def starts(self) -> bool:
        """Whether nothing but memory is in the way."""
        only_memory = {finding.rule for finding in self.verdict.answers} <= {vram_budget.ID}
        return only_memory and self.verdict.runs is not None


class Trying:
    """Judges changes of one refused spec and keeps those that are accepted."""

    def __init__(self, verdict: Verdict, engine: Engine, ways: HasWays, correction: Correction) -> None:
        self.verdict = verdict if correction.spec is verdict.spec else judge(correction.spec)
        self.spec = correction.spec
        self.corrections = correction.words
        self.engine = engine
        self.ways = ways
        self.found: list[Fix] = []
        self.judged = 0
        self._tried: dict[str, Tried | None] = {}
        self.most_judged = MOST_JUDGED - KEPT_FOR_MODELS
        # A stack sets these variables by itself, also after a change; a command line of one's own must be told.
        self.follows = not self._missing(self.spec)

    def _done(self) -> bool:
        return len(self.found) >= MOST_FIXES or self.judged >= self.most_judged

    def _try(self, settings: dict[str, Any]) -> Tried | None:
        """Judge a change, with the variables that it needs; None where it cannot be made."""
        key = repr(sorted(settings.items()))
        if key in self._tried or self.judged >= self.most_judged:
            return self._tried.get(key)
        self.judged += 1
        self._tried[key] = self._judged(settings)
        return self._tried[key]

    def _judged(self, settings: dict[str, Any]) -> Tried | None:
        spec = changes.apply(self.spec, settings) if settings else self.spec
        if spec is None:
            return None
        if self.follows and (missing := self._missing(spec)):
            return self._told(settings, missing, shown=False)
        plain = Tried(settings, spec, _judge(spec) if settings else self.verdict)
        if plain.starts:
            return plain
        for name, value in _without(spec, self.ways.switches(spec)).items():
            self.judged += 1
            tried = self._told(settings, {name: value}, shown=True)
            if tried is not None and tried.starts:
                return tried
        return plain

    def _missing(self, spec: ServingSpec) -> dict[str, str]:
        """Return the variables that the spec needs and has not."""
        return _without(spec, self.engine.environment(spec))

    def _told(self, settings: dict[str, Any], variables: dict[str, str], *, shown: bool) -> Tried | None:
        """Judge with variables set, as part of the change or as what a stack does by itself."""
        spec = changes.apply(self.spec, settings, variables)
        return None if spec is None else Tried(settings, spec, _judge(spec), variables if shown else NO_VALUES)

    def _keep_accepted(self, settings: dict[str, Any]) -> None:
        tried = self._try(settings)
        if tried is not None and tried.verdict.verdict == "accept":
            self._keep(tried)

    def _known(self, settings: Mapping[str, Any]) -> bool:
        """Return whether a smaller change than this is found already, and with room."""
        parts = _parts(settings)
        return any(_parts(fix.settings, fix.variables) <= parts and not fix.tight for fix in self.found)

    def _keep(self, tried: Tried, *, beside: bool = False) -> None:
        """Keep an accepted change, where the stack that it is for, if any, accepts it too.

        With `beside` also where a smaller change is found: it does something that the smaller one does not.
        """
        bill, tight = tried.verdict.bill, tried.verdict.tight
        changed = bool(tried.settings or tried.variables or self.corrections)
        parts = _parts(tried.settings, tried.variables)
        known = not beside and any(
            _parts(fix.settings, fix.variables) <= parts and (tight or not fix.tight) for fix in self.found
        )
        if not changed or known or not isinstance(bill, Bill) or not self._can_be_set(tried):
            return
        total = max(gpu.total for gpu in bill.per_gpu)
        self.found.append(Fix(tried.settings, tried.spec, total, tight, tried.variables, self.corrections))

    def _can_be_set(self, tried: Tried) -> bool:
        """Return whether the change, set in the stack that the spec comes from, gives a stack that is accepted."""
        if self.spec.origin is None:
            return True
        if self.corrections or tried.variables:
            return False
        self.judged += COST_OF_A_STACK
        spec = self.spec.origin.changed(tried.settings)
        return spec is not None and judge(spec).verdict == "accept"


def _without(spec: ServingSpec, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return those of the variables that the spec does not set to this value."""
    return {name: value for name, value in wanted.items() if spec.command.env.get(name) != value}


def _judge(spec: ServingSpec) -> Verdict:
    """Judge a change, of whose bill nobody is shown the moments."""
    bill_shortly(spec)
    return judge(spec)


def _parts(settings: Mapping[str, Any], variables: Mapping[str, str] = NO_VALUES) -> frozenset[str]:
    """Return what is changed; two profiles of one GPU model are the same change, made more or less."""
    gpu = hardware.profile(settings["profile"]).gpu.name if "profile" in settings else None
    return frozenset(settings) | frozenset(variables) | ({gpu} if gpu is not None else set())
