"""Looks for the nearest accepted changes of a refused spec, in bounded work."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any, Final

from voltaic import changes, defaults, hardware, proposals
from voltaic.answers import runs_of
from voltaic.elsewhere import on_other_engines
from voltaic.engines.ways import rooms_of
from voltaic.fixes import LIMITS, Fix, Ways
from voltaic.limits import smaller_limits
from voltaic.memory.bill import Bill
from voltaic.rules import vram_budget
from voltaic.trying import MOST_FIXES, MOST_JUDGED, Tried, Trying

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from voltaic.corrections import Correction
    from voltaic.engines.base import Engine, Runs
    from voltaic.engines.ways import HasWays
    from voltaic.models import Architecture, CatalogueModel
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

MOST_SIBLINGS: Final = 2
"""Quantized checkpoints of one model that are tried."""
MOST_MODELS: Final = 4
"""Models of other shapes, none of which outweighs the GPUs, that are tried before the search for one ends."""
MOST_LONGER: Final = 2
"""Models hardly smaller than one that fits that are tried for longer requests."""
LOADS_NO_QUANTIZED: Final = "transformers-fallback"
"""The implementation that loads no quantized checkpoint on any GPU; asking it for each would be in vain."""
SPLITS_LAYERS: Final = frozenset({"transformers-fallback", "llama.cpp"})
"""Implementations that use several GPUs by a layer split; the others need a shard for each."""
MOST_SHRINKING: Final = 2
"""Times smaller than the largest model that fits: below it a model is no near one, even where limits may stay."""


class Search(Trying):
    """One search: first what makes it start at all, then what makes it fit, another model last."""

    def __init__(self, verdict: Verdict, engine: Engine, ways: HasWays, correction: Correction) -> None:
        super().__init__(verdict, engine, ways, correction)
        self.repairs = self._repairs()
        self.unfit: list[Tried] = []
        """What starts and does not fit."""
        self.bills_are_known = True

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
        self.most_judged = MOST_JUDGED
        family_is_too_large = self._with_other_models()
        fixes = tuple(sorted(self.found, key=lambda fix: fix.rank))[:MOST_FIXES]
        keeps = any(not {"profile", "model"} & fix.settings.keys() for fix in fixes)
        return Ways(fixes, family_is_too_large, elsewhere=() if keeps else tuple(on_other_engines(self.spec)))

    def _is_memory_alone(self) -> bool:
        return all(finding.rule == vram_budget.ID for finding in self.verdict.answers)

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
            self._as_replicas(start)
            if start.verdict.verdict == "accept":
                self._keep(start)
            elif not self._done():
                self.unfit.append(start)
                self._make_it_fit(start)

    # What has to change for it to start at all

    def _repairs(self) -> dict[str, Any]:
        """Return what keeps it from starting: what can be seen, and what shows as soon as that is mended."""
        found = dict(proposals.repairs(self.spec, self.ways, self._needed()))
        if runs_of(self.spec) is not None:
            return found
        mended = changes.apply(self.spec, found, self._missing(self.spec))
        return found if mended is None else {**dict(proposals.repairs(mended, self.ways)), **found}

    def _needed(self) -> dict[str, Any]:
        """Return the configuration keys that the engine says must be set, but for shards and limits."""
        needed = self.engine.required_options(self.spec)
        keys = ("dtype", "quantization")
        named = {key: self.ways.option_of(key) for key in keys}
        return {key: needed[option] for key, option in named.items() if option is not None and option in needed}

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
        """Yield the release that is proven first, then the others, the nearest first; none without code for the GPU."""
        releases = self.engine.releases()
        here = self.spec.release.version
        index = releases.index(here) if here in releases else len(releases)
        nearest = sorted(releases, key=lambda release: abs(releases.index(release) - index))
        proven = defaults.engine_version(self.engine.name)
        for release in dict.fromkeys(release for release in (proven, *nearest) if release not in {None, here}):
            there = changes.on_other_machine(self.spec, {"engineVersion": release})
            if release == proven or self.engine.gpu_support(there).answer != "no":
                yield release

    # What has to change for it to fit

    def _make_it_fit(self, start: Tried) -> None:
        runs = start.verdict.runs
        if runs is None:
            return
        before = len(self.found)
        self._with_less_waste(start)
        if isinstance(start.verdict.bill, Bill):
            self._with_smaller_limits(start.settings, start.spec, runs, start.verdict.bill)
        self._with_other_shares(start)
        self._on_all_gpus(start)
        fits_here = len(self.found) > before
        self._on_larger_profiles(start, or_smaller=not fits_here)
        for settings in proposals.lighter(start.spec):
            self._or_smaller(start, settings, or_smaller=not fits_here)
        if len(self.found) == before or not any(self._stays_here(fix) for fix in self.found[before:]):
            self._with_siblings(start, runs)

    def _stays_here(self, fix: Fix) -> bool:
        return not {"profile", "gpus", "engineVersion"} & fix.settings.keys()

    def _with_less_waste(self, start: Tried) -> None:
        """Keep the variables that save memory, where they are enough; a stack sets them by itself."""
        variables = {
            name: value
            for name, value in self.ways.memory_variables(start.spec).items()
            if name not in start.spec.command.env
        }
        if self.spec.origin is not None or not variables or self._done():
            return
        self.judged += 1
        tried = self._told(start.settings, {**start.variables, **variables}, shown=True)
        if tried is not None and tried.verdict.verdict == "accept":
            self._keep(tried)

    def _with_other_shares(self, start: Tried) -> None:
        """Keep the nearest other share of the memory that is accepted; a stack's arguments are its own."""
        if self.spec.origin is not None:
            return
        version = start.spec.release.version or ""
        for options in self.ways.memory_shares(start.spec):
            before = len(self.found)
            words = [word for name, value in options.items() for word in self.engine.build(version, {name: value})]
            if not self._done():
                self._keep_accepted(start.settings | {"extraArgs": words})
            if len(self.found) > before:
                return

    def _with_siblings(self, start: Tried, runs: Runs) -> None:
        """Keep the first quantized checkpoint of the same model that is accepted."""
        if runs.implementation == LOADS_NO_QUANTIZED:
            return
        for model in islice(proposals.quantized_siblings(start.spec), MOST_SIBLINGS):
            before = len(self.found)
            if not self._done():
                self._keep_accepted(start.settings | proposals.instead(start.spec, model))
            if len(self.found) > before:
                return

    def _as_replicas(self, start: Tried) -> None:
        """Keep one GPU a replica in place of several shards, where the model fits on one."""
        gpus = self.spec.gpus or 1
        if gpus == 1 or start.settings != {"shards": 1} or self._done():
            return
        tried = self._try({**start.settings, "gpus": 1, "replicas": gpus})
        if tried is not None and tried.verdict.verdict == "accept":
            self._keep(tried, beside=True)

    def _on_all_gpus(self, start: Tried) -> None:
        """Keep a shard a GPU, where the engine leaves some of them idle."""
        runs, gpus = start.verdict.runs, self.spec.gpus or 1
        if runs is not None and runs.implementation not in SPLITS_LAYERS and gpus > runs.shards:
            self._or_smaller(start, {"shards": gpus})

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

    def _with_nearest_model(
        self, start: Tried, candidates: Sequence[CatalogueModel], lighter: Mapping[str, Any]
    ) -> bool:
        """Keep the model nearest in size that fits, or one hardly smaller that serves longer requests."""
        kept, largest = len(self.found), 0
        # Where smaller limits alone help, another model is worth naming only where it keeps the limits.
        fits_here = any(fix.settings.keys() <= LIMITS and not fix.tight for fix in self.found)
        best: Fix | None = None
        alike: set[tuple[Architecture, int | None]] = set()
        tried = 0
        for model in candidates:
            if best is not None and proposals.size_of(model) * MOST_SHRINKING < largest:
                continue
            if proposals.outweighs(model, start.spec, quantized=bool(lighter)):
                continue
            if (shapes := (proposals.architecture_of(model), model.weights_bytes)) in alike:
                continue  # of models of the same shapes the first is the nearest
            alike.add(shapes)
            tried += 1
            if tried > (MOST_MODELS if best is None else MOST_LONGER):
                self.bills_are_known &= best is not None  # then not all were tried
                break
            change = {**proposals.instead(start.spec, model), **lighter}
            self._or_smaller(start, change, or_smaller=not fits_here, first=True)
            fixes, self.found[kept:] = self.found[kept:], []
            if not fixes:
                continue
            if best is None:
                largest, tried = proposals.size_of(model), 0
            best = max(fixes[0] if best is None else best, fixes[0], key=self._serves)
        self.found += [] if best is None else [best]
        return best is not None

    def _or_smaller(
        self, start: Tried, settings: Mapping[str, Any], *, or_smaller: bool = True, first: bool = False
    ) -> None:
        """Keep this change where it is accepted, else with smaller limits; with `first` only the largest of them."""
        changed = {**start.settings, **settings}
        if "profile" in changed and self.spec.origin is not None and self.spec.origin.states("gpus"):
            changed["gpus"] = hardware.profile(changed["profile"]).count
        if start.verdict.runs is None or self._done() or self._known(changed):
            return
        # The bill alone tells cheaply what is worth asking the judge.
        spec = changes.on_other_machine(start.spec, settings)
        runs = start.verdict.runs
        weights, split, shards = settings.get("quantization", runs.weights), runs.layer_split, runs.shards
        if runs.implementation in SPLITS_LAYERS:
            split = (spec.gpus or 1) > 1
        elif {"profile", "shards"} & settings.keys() and (spec.gpus or 1) > runs.shards:
            changed["shards"] = shards = spec.gpus or 1
        same = (weights, split, shards) == (runs.weights, runs.layer_split, runs.shards)
        like = runs if same else replace(runs, weights=weights, layer_split=split, shards=shards)
        rooms = rooms_of(self.ways, spec, like)
        bill = None if rooms is not None else self.ways.bill_for(spec, like)
        if rooms is None and not isinstance(bill, Bill):
            self.bills_are_known = False
        elif rooms.room(like) >= 0 if rooms is not None else isinstance(bill, Bill) and bill.fits:
            self._keep_accepted(changed)
        elif or_smaller:
            self._with_smaller_limits(changed, spec, like, bill if isinstance(bill, Bill) else None, first=first)

    def _with_smaller_limits(
        self, base: dict[str, Any], spec: ServingSpec, runs: Runs, bill: Bill | None, *, first: bool = False
    ) -> None:
        before = len(self.found)
        for limits in smaller_limits(spec, runs, bill):
            if first and len(self.found) > before:
                return
            if not self._done() and not self._known(base | limits):
                self._keep_accepted(base | limits)

    def _serves(self, fix: Fix) -> tuple[bool, int]:
        """Return how much of what was asked for a change still serves: all limits, else tokens of a request."""
        return not LIMITS & fix.settings.keys(), self.ways.stated(fix.spec, "maxTotalTokens") or 0
