"""What if: one verdict for each combination of model, release, GPUs, length of requests and requests at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from voltaic import changes, defaults, engines
from voltaic.answers import runs_of
from voltaic.engines.ways import ways_of
from voltaic.limits import fitting_of
from voltaic.memory.bill import Bill
from voltaic.spec import NO_VALUES, CommandLine, ServingSpec
from voltaic.verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.base import Engine
    from voltaic.hardware import Profile
    from voltaic.memory.bill import GpuBill
    from voltaic.spec import Model, Release
    from voltaic.verdict import Judgement

MOST_CELLS: Final = 2_000
"""Cells of one grid: some ten seconds of work, and more than anybody reads."""


@dataclass(frozen=True, slots=True)
class Axes:
    """What is combined; each axis has at least one value."""

    models: tuple[Model, ...]
    releases: tuple[Release, ...]
    profiles: tuple[Profile, ...]
    contexts: tuple[int | None, ...] = (None,)
    """Tokens of the longest request, prompt and answer; None: as derived, or as the arguments say."""
    batch_sizes: tuple[int | None, ...] = (None,)
    """Requests at once; None: as derived, or as the arguments say."""

    def __len__(self) -> int:
        """Return the number of cells."""
        return len(self.models) * len(self.releases) * len(self.profiles) * len(self.contexts) * len(self.batch_sizes)


@dataclass(frozen=True, slots=True)
class Told:
    """What the engine is told in every cell."""

    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: NO_VALUES)

    def __bool__(self) -> bool:
        """Return whether it is told anything; what it is not told is derived."""
        return bool(self.args or self.env)


@dataclass(frozen=True)
class Cell:
    """One combination, and the verdict on it."""

    model: Model
    release: Release
    profile: Profile
    context: int | None
    """Tokens of the longest request as asked; None: not asked."""
    batch_size: int | None
    """Requests at once as asked; None: not asked."""
    judged: Verdict | None
    """None where the engine has no option for what was asked."""

    @property
    def verdict(self) -> Judgement:
        """What is said; unknown where there is nothing to judge."""
        return "unknown" if self.judged is None else self.judged.verdict

    @property
    def tight(self) -> bool:
        """Whether it is accepted with less headroom than the estimate may err."""
        return self.judged is not None and self.judged.verdict == "accept" and self.judged.tight

    @property
    def bill(self) -> Bill | None:
        """The bill; None where it is not known."""
        return self.judged.bill if self.judged is not None and isinstance(self.judged.bill, Bill) else None

    @property
    def worst(self) -> GpuBill | None:
        """The bill of the GPU with the least headroom."""
        return None if self.bill is None else self.bill.worst

    @cached_property
    def reason(self) -> tuple[str, str] | None:
        """The first reason why it is not accepted: rule and message; None for an accept."""
        if self.judged is None:
            return "limits", f"{self.release} has no option that says this limit, or its options are not known."
        if self.judged.verdict == "accept":
            return None
        outcome = "violation" if self.judged.verdict == "refuse" else "unknown"
        answers = [found for found in self.judged.answers if found.level == "mandatory" and found.outcome == outcome]
        return (answers[0].rule, answers[0].message) if answers else None

    @cached_property
    def limits(self) -> tuple[int | None, int | None]:
        """Longest request in tokens and requests at once: as asked, else as the engine reads them; None: unknown."""
        if self.judged is None or self.judged.runs is None:
            return self.context, self.batch_size
        engine = ways_of(engines.engine(self.release.engine))
        load = None if engine is None else engine.load_of(self.judged.spec, self.judged.runs)
        if load is None:
            return self.context, self.batch_size
        return self.context or load.total, self.batch_size or load.requests


def cells(axes: Axes, told: Told) -> Iterator[Cell]:
    """Judge every combination, model by model, in the order of the axes."""
    for model, release, profile in product(axes.models, axes.releases, axes.profiles):
        server = _Server(model, release, profile, told)
        for context, size in product(axes.contexts, axes.batch_sizes):
            spec = server.spec(context, size)
            judged = None if spec is None else judge(spec)
            yield Cell(model, release, profile, context, size, judged)


def with_limits(spec: ServingSpec, *, total: int | None = None, requests: int | None = None) -> ServingSpec | None:
    """Return the spec with requests of another length, or another number of them; None where no option says that.

    Limits that go with them follow: the prompt keeps its share of a request, a pool that was stated grows.

    Args:
        spec: what is asked about.
        total: tokens of the longest request, prompt and answer; None: as it is.
        requests: requests at once; None: as they are.
    """
    asked = {"maxTotalTokens": total, "maxBatchSize": requests}
    settings: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    if not settings:
        return spec
    runs = runs_of(spec)
    fitting = None if runs is None else fitting_of(spec, runs)
    if fitting is not None:
        load = fitting.load if total is None else fitting.of_length(total)
        load = load if requests is None else replace(load, requests=requests)
        pool, least = spec.option("max_batch_total_tokens"), max(load.requests * load.total, load.prefill or 0)
        grown = {"maxBatchTotalTokens": least} if isinstance(pool, int) and pool < least else {}
        settings = {**fitting.settings(load), **settings, **grown}
    if spec.origin is not None:
        return spec.origin.changed(settings)
    return changes.apply(spec, settings)


class _Server:
    """One model under one release on one profile, whose limits vary."""

    def __init__(self, model: Model, release: Release, profile: Profile, told: Told) -> None:
        self.bare = ServingSpec(
            release=release, gpu=profile.gpu, gpus=profile.count, model=model, command=CommandLine(told.args, told.env)
        )
        self.engine = engines.engine(release.engine)
        self.profile = profile
        self.told = told

    def spec(self, context: int | None, size: int | None) -> ServingSpec | None:
        """Return the spec with these limits; None where no option says them."""
        if self.engine is None:
            return self.bare
        if not self.told and defaults.rungs(self.engine.name) is not None:
            return self._derived(context, size)
        return with_limits(self._said, total=context, requests=size)

    def _derived(self, context: int | None, size: int | None) -> ServingSpec:
        """Return what a stack of these settings would run."""
        from voltaic import settings  # noqa: PLC0415  only where something is derived

        asked = settings.Decisive(
            profile=self.profile.name,
            model=self.bare.model.id or "model",
            engine=self.bare.release.engine,
            engine_version=self.bare.release.version,
            max_total_tokens=context,
            max_batch_size=size,
        )
        return settings.serving_spec(asked, model=self.bare.model)

    @cached_property
    def _said(self) -> ServingSpec:
        """The spec as the arguments say it; where they say nothing, with what the engine needs on these GPUs."""
        engine = self.engine
        if engine is None:
            return self.bare
        spec = self._parsed(engine, self.told.args, self.told.env)
        if self.told:
            return spec
        ways = ways_of(engine)
        shards = (None if ways is None else ways.options_for(spec, {"shards": self.profile.count})) or {}
        options = dict(shards) if self.profile.count > 1 else {}
        spec = self._parsed(engine, self._words(engine, options), {})
        options |= engine.required_options(spec)
        return self._parsed(engine, self._words(engine, options), engine.environment(spec))

    def _words(self, engine: Engine, options: Mapping[str, Any]) -> tuple[str, ...]:
        words: list[str] = []
        for name, value in options.items():
            try:
                words += engine.build(self.bare.release.version or "", {name: value})
            except ValueError:
                continue  # an option that this release does not have says nothing
        return tuple(words)

    def _parsed(self, engine: Engine, args: tuple[str, ...], env: Mapping[str, str | None]) -> ServingSpec:
        return replace(self.bare, command=engine.parse(self.bare.release.version, args, env))
