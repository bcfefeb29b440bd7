"""Looks for the nearest accepted changes of a refused spec, in bounded work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any, Final

from voltaic import changes, defaults, hardware, proposals
from voltaic.fixes import LIMITS, Fix, Ways
from voltaic.limits import smaller_limits
from voltaic.memory.bill import Bill
from voltaic.memory.estimate import estimate
from voltaic.rules import vram_budget
from voltaic.spec import NO_VALUES
from voltaic.verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from voltaic.corrections import Correction
    from voltaic.engines.base import Engine, Runs
    from voltaic.models import CatalogueModel
    from voltaic.spec import ServingSpec

MOST_FIXES: Final = 5
"""Ways out that are worth reading."""
MOST_JUDGED: Final = 60
"""Changes judged before the search ends: at well under a millisecond each it is bounded however large the catalogue."""
COST_OF_A_STACK: Final = 5
"""Changes that could be judged in the time in which a stack is derived anew."""
MOST_SHRINKING: Final = 2
"""Times smaller than the largest model that fits: below it a model is no near one, even where limits may stay."""


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


class Search:
    """One search: first what makes it start at all, then what makes it fit, another model last."""

    def __init__(self, verdict: Verdict, engine: Engine, correction: Correction) -> None:
        self.verdict = verdict if correction.spec is verdict.spec else judge(correction.spec)
        self.spec = correction.spec
        self.corrections = correction.words
        self.engine = engine
        self.repairs = dict(proposals.repairs(self.spec))
        self.found: list[Fix] = []
        self.unfit: list[Tried] = []
        """What starts and does not fit."""
        self.bills_are_known = True
        self.judged = 0
        # A stack sets these variables by itself, also after a change; a command line of one's own must be told.
        self.follows = not self._missing(self.spec)

    def run(self) -> Ways:
        """Return what is found, those that change least first."""
        self._from({})
        if not self.found:
            self._from({"maxBatchSize": 1})
            # Another release is a way round what this one cannot do; where memory alone is short, only the proven one.
            releases = self._other_releases()
            near = islice(releases, 1) if self.found or self._is_memory_alone() else releases
            self._from_first({"engineVersion": release} for release in near)
        if not self.found:
            for start in self.unfit[:1]:
                self._on_larger_profiles(start, nearby=False)
        family_is_too_large = self._with_other_models()
        fixes = tuple(sorted(self.found, key=lambda fix: fix.rank))[:MOST_FIXES]
        return Ways(fixes, family_is_too_large)

    def _is_memory_alone(self) -> bool:
        return all(finding.rule == vram_budget.ID for finding in self.verdict.answers)

    def _done(self) -> bool:
        return len(self.found) >= MOST_FIXES or self.judged >= MOST_JUDGED

    def _from_first(self, bases: Iterable[dict[str, Any]]) -> None:
        """Look from the first of these changes that leads anywhere."""
        before = len(self.found)
        for base in bases:
            if self._done() or len(self.found) > before:
                return
            self._from(base)

    def _from(self, base: dict[str, Any]) -> None:
        """Look for accepted changes beside this one."""
        for start in self._fewest(base):
            if start.verdict.verdict == "accept":
                self._keep(start)
            elif not self._done():
                self.unfit.append(start)
                self._make_it_fit(start)

    # What has to change for it to start at all

    def _fewest(self, base: dict[str, Any]) -> Iterator[Tried]:
        """Yield the smallest sets of repairs with which it starts; none where not even all of them help."""
        if self.repairs and not self._starts(base | self.repairs):
            return
        starts: list[set[str]] = []
        for size in range(len(self.repairs) + 1):
            for keys in combinations(self.repairs, size):
                if any(known <= set(keys) for known in starts):
                    continue
                tried = self._try(base | {key: self.repairs[key] for key in keys})
                if tried is not None and tried.starts:
                    starts.append(set(keys))
                    yield tried

    def _starts(self, settings: dict[str, Any]) -> bool:
        tried = self._try(settings)
        return tried is not None and tried.starts

    def _other_releases(self) -> Iterator[str]:
        """Yield the release that is proven first, then the others, the nearest first."""
        releases = self.engine.releases()
        here = self.spec.release.version
        index = releases.index(here) if here in releases else len(releases)
        nearest = sorted(releases, key=lambda release: abs(releases.index(release) - index))
        proven = defaults.engine_version(self.engine.name)
        yield from dict.fromkeys(release for release in (proven, *nearest) if release not in {None, here})

    # What has to change for it to fit

    def _make_it_fit(self, start: Tried) -> None:
        runs = start.verdict.runs
        if runs is None:
            return
        before = len(self.found)
        self._with_smaller_limits(start.settings, start.spec, runs)
        fits_here = len(self.found) > before
        self._on_larger_profiles(start, or_smaller=not fits_here)
        for settings in proposals.lighter(start.spec):
            self._or_smaller(start, settings, or_smaller=not fits_here)

    def _on_larger_profiles(self, start: Tried, *, nearby: bool = True, or_smaller: bool = True) -> None:
        before = len(self.found)
        for settings in proposals.larger_profiles(start.spec, nearby=nearby):
            if self._done() or (not nearby and len(self.found) > before):
                return
            self._or_smaller(start, settings, or_smaller=or_smaller)

    def _with_other_models(self) -> bool:
        """Look for the model nearest in size that fits; return whether all were tried, and none does."""
        if self._done():
            return False
        if not self.unfit:
            if not self.found:
                others = proposals.other_models(self.spec, at_most=True)
                self._from_first(proposals.instead(self.spec, model) for model in others)
            return False
        start = self.unfit[0]
        candidates = tuple(proposals.other_models(start.spec))
        for lighter in ({}, *proposals.lighter(start.spec)):
            if self._with_nearest_model(start, candidates, lighter):
                return False
        return bool(candidates) and self.judged < MOST_JUDGED and self.bills_are_known

    def _with_nearest_model(self, start: Tried, candidates: Sequence[CatalogueModel], lighter: dict[str, Any]) -> bool:
        """Keep the model nearest in size that fits, or one hardly smaller that serves longer requests."""
        kept, largest = len(self.found), 0
        best: Fix | None = None
        for model in candidates:
            if best is not None and proposals.size_of(model) * MOST_SHRINKING < largest:
                break
            self._or_smaller(start, proposals.instead(start.spec, model) | lighter)
            fixes, self.found[kept:] = self.found[kept:], []
            if not fixes:
                continue
            largest = proposals.size_of(model) if best is None else largest
            best = max(fixes[0] if best is None else best, fixes[0], key=_serves)
        self.found += [] if best is None else [best]
        return best is not None

    def _or_smaller(self, start: Tried, settings: dict[str, Any], *, or_smaller: bool = True) -> None:
        """Keep this change where it is accepted, else with smaller limits."""
        changed = start.settings | settings
        if "profile" in changed and self.spec.origin is not None and self.spec.origin.states("gpus"):
            changed["gpus"] = hardware.profile(changed["profile"]).count
        if start.verdict.runs is None or self._done() or self._known(changed):
            return
        # The bill alone tells cheaply what is worth asking the judge.
        spec = changes.on_other_machine(start.spec, settings)
        runs = start.verdict.runs
        like = replace(runs, layer_split=(spec.gpus or 1) > 1, weights=settings.get("quantization", runs.weights))
        bill = estimate(spec, like)
        if isinstance(bill, Bill) and bill.fits:
            self._keep_accepted(changed)
        elif or_smaller:
            self._with_smaller_limits(changed, spec, like)
        self.bills_are_known &= isinstance(bill, Bill)

    def _with_smaller_limits(self, base: dict[str, Any], spec: ServingSpec, runs: Runs) -> None:
        for limits in smaller_limits(spec, runs):
            if not self._done() and not self._known(base | limits):
                self._keep_accepted(base | limits)

    # Asking the judge

    def _try(self, settings: dict[str, Any]) -> Tried | None:
        """Judge a change, with the variables that it needs; None where it cannot be made."""
        self.judged += 1
        spec = changes.apply(self.spec, settings) if settings else self.spec
        if spec is None:
            return None
        missing = self._missing(spec)
        if self.follows and missing:
            return self._told(settings, missing, shown=False)
        plain = Tried(settings, spec, judge(spec) if settings else self.verdict)
        if plain.starts:
            return plain
        for name, value in missing.items():
            tried = self._told(settings, {name: value}, shown=True)
            if tried is not None and tried.starts:
                return tried
        return plain

    def _missing(self, spec: ServingSpec) -> dict[str, str]:
        """Return the variables that the spec needs and has not."""
        wanted = self.engine.environment(spec)
        return {name: value for name, value in wanted.items() if spec.command.env.get(name) != value}

    def _told(self, settings: dict[str, Any], variables: dict[str, str], *, shown: bool) -> Tried | None:
        """Judge with variables set, as part of the change or as what a stack does by itself."""
        spec = changes.apply(self.spec, settings, variables)
        return None if spec is None else Tried(settings, spec, judge(spec), variables if shown else NO_VALUES)

    def _keep_accepted(self, settings: dict[str, Any]) -> None:
        tried = self._try(settings)
        if tried is not None and tried.verdict.verdict == "accept":
            self._keep(tried)

    def _known(self, settings: Mapping[str, Any]) -> bool:
        """Return whether a smaller change than this is found already, and with room."""
        parts = _parts(settings)
        return any(_parts(fix.settings) <= parts and not fix.tight for fix in self.found)

    def _keep(self, tried: Tried) -> None:
        """Keep an accepted change, where the stack that it is for, if any, accepts it too."""
        bill, tight = tried.verdict.bill, tried.verdict.tight
        changed = bool(tried.settings or tried.variables or self.corrections)
        parts = _parts(tried.settings)
        known = any(_parts(fix.settings) <= parts and (tight or not fix.tight) for fix in self.found)
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


def _serves(fix: Fix) -> tuple[bool, int]:
    """Return how much of what was asked for a change still serves: all limits, else tokens of a request."""
    return not LIMITS & fix.settings.keys(), fix.spec.option("max_total_tokens") or 0


def _parts(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return what is changed; two profiles of one GPU model are the same change, made more or less."""
    gpu = hardware.profile(settings["profile"]).gpu.name if "profile" in settings else None
    return frozenset(settings) | ({gpu} if gpu is not None else set())
