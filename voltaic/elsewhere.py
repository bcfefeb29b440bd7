"""Other engines that serve the same model on the same GPUs: what a command line can turn to, and a stack cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from voltaic import changes, defaults, engines, models, proposals
from voltaic.answers import runs_of
from voltaic.engines.ways import ways_of
from voltaic.fixes import Fix
from voltaic.hardware.profiles import MOST_GPUS
from voltaic.limits import smaller_limits
from voltaic.memory.bill import Bill
from voltaic.spec import CommandLine, Release, ServingSpec
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.base import Engine
    from voltaic.engines.ways import HasWays

MOST_OF_ONE: Final = 6
"""Changes judged for one other engine."""
MOST_RELEASES: Final = 40
"""Releases asked, newest first, whether they have code for the GPU."""
KEPT: Final = ("maxTotalTokens", "maxBatchSize")
"""Limits that are asked of another engine too: what users were promised, not how the engine gets there."""


def on_other_engines(spec: ServingSpec) -> Iterator[Fix]:
    """Yield for each other engine the nearest to what was asked that the same judge accepts there."""
    if spec.gpu is None or spec.gpus is None or spec.gpus > MOST_GPUS or spec.model.architecture is None:
        return
    wanted = _wanted(spec)
    for name in engines.names():
        engine = engines.engine(name)
        ways = ways_of(engine)
        if name == spec.release.engine or engine is None or ways is None:
            continue
        found = _Other(spec, engine, ways, wanted).nearest()
        if found is not None:
            yield found


def _wanted(spec: ServingSpec) -> dict[str, int]:
    """Return what the limits promise, where that is known and somebody asked for it."""
    engine = ways_of(engines.engine(spec.release.engine))
    if engine is None:
        return {}
    stated = {key: engine.stated(spec, key) for key in KEPT}
    return {key: value for key, value in stated.items() if isinstance(value, int) and value > 0}


class _Other:
    """One other engine, on the same GPUs."""

    def __init__(self, spec: ServingSpec, engine: Engine, ways: HasWays, wanted: Mapping[str, int]) -> None:
        self.engine, self.ways, self.wanted = engine, ways, wanted
        self.spec = replace(spec, release=Release(engine.name, None), command=CommandLine((), {}), origin=None)
        self.judged = 0

    def nearest(self) -> Fix | None:
        """Return the same model with the same limits, else lighter, else with smaller limits; None: nothing."""
        version = self._release()
        if version is None:
            return None
        spec = replace(self.spec, release=Release(self.engine.name, version))
        gpus = spec.gpus or 1
        base: dict[str, Any] = {**self.wanted, **({"shards": gpus} if gpus > 1 else {})}
        kinds: list[dict[str, Any]] = [{}, *map(dict, self.ways.lighter(spec))]
        kinds += [{"model": model.id} for model in proposals.quantized_siblings(spec)[:1]]
        starting: list[tuple[dict[str, Any], ServingSpec]] = []
        for kind in kinds:
            settings = base | kind
            tried = self._written(spec, settings)
            if tried is None or self.judged >= MOST_OF_ONE:
                continue
            self.judged += 1
            verdict = judge(tried)
            if verdict.verdict == "accept":
                return self._fix(settings, tried)
            if verdict.verdict == "refuse" and isinstance(verdict.bill, Bill):
                starting.append((settings, tried))
        for settings, tried in starting:
            found = self._smaller(spec, settings, tried)
            if found is not None:
                return found
        return None

    def _release(self) -> str | None:
        """Return the release that is proven, else the newest with code for the GPU."""
        proven = defaults.engine_version(self.engine.name)
        newest = reversed(self.engine.releases()[-MOST_RELEASES:])
        for version in dict.fromkeys(release for release in (proven, *newest) if release is not None):
            there = replace(self.spec, release=Release(self.engine.name, version))
            there = replace(there, command=CommandLine((), dict(self.engine.environment(there))))
            if self.engine.gpu_support(there).answer == "ok":
                return version
        return None

    def _written(self, spec: ServingSpec, settings: Mapping[str, Any]) -> ServingSpec | None:
        """Return the spec with a command line that says these settings and what the engine needs besides."""
        if "model" in settings:
            spec = replace(spec, model=models.resolve(settings["model"]))
        said = {key: value for key, value in settings.items() if key != "model"}
        options = changes.options_of(self.ways, spec, said)
        if options is None:
            return None
        version = spec.release.version or ""
        plain = replace(spec, command=self.engine.parse(version, self._words(version, options), {}))
        needed = {**options, **self.engine.required_options(plain)}
        args = self._words(version, {name: value for name, value in needed.items() if value is not None})
        return replace(spec, command=self.engine.parse(version, args, dict(self.engine.environment(plain))))

    def _words(self, version: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        told = {name: value for name, value in options.items() if value is not None}
        try:
            return self.engine.build(version, told)
        except ValueError:
            return ()

    def _smaller(self, spec: ServingSpec, settings: dict[str, Any], tried: ServingSpec) -> Fix | None:
        runs = runs_of(tried)
        if runs is None:
            return None
        for limits in smaller_limits(tried, runs):
            smaller = self._written(spec, settings | limits)
            if smaller is None or self.judged >= MOST_OF_ONE:
                return None
            self.judged += 1
            if judge(smaller).verdict == "accept":
                return self._fix(settings | limits, smaller)
        return None

    def _fix(self, settings: Mapping[str, Any], spec: ServingSpec) -> Fix | None:
        verdict = judge(spec)
        if not isinstance(verdict.bill, Bill):
            return None
        total = max(gpu.total for gpu in verdict.bill.per_gpu)
        changed = {"engine": spec.release.engine, "engineVersion": spec.release.version, **settings}
        return Fix(changed, spec, total, verdict.tight, elsewhere=True)
