"""Looks for the nearest accepted changes of a refused spec, in bounded work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any, Final

from voltaic import changes, defaults, hardware, models
from voltaic.fixes import Fix
from voltaic.limits import smaller_limits
from voltaic.memory.bill import Bill
from voltaic.memory.estimate import estimate
from voltaic.rules import vram_budget
from voltaic.verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from voltaic.engines.base import Engine, Runs
    from voltaic.spec import ServingSpec

MOST_FIXES: Final = 5
"""Ways out that are worth reading."""
MOST_JUDGED: Final = 60
"""Changes judged before the search ends: at well under a millisecond each it is bounded however large the catalogue."""
MOST_GROWTH: Final = 4
"""Times the memory of the GPUs that are there: beyond it another profile is no nearby change."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A change and what the judge says of it."""

    settings: dict[str, Any]
    spec: ServingSpec
    verdict: Verdict

    @property
    def starts(self) -> bool:
        """Whether nothing but memory is in the way."""
        only_memory = {finding.rule for finding in self.verdict.answers} <= {vram_budget.ID}
        return only_memory and self.verdict.runs is not None


class Search:
    """One search: first what makes it start at all, then what makes it fit."""

    def __init__(self, verdict: Verdict, engine: Engine) -> None:
        self.verdict = verdict
        self.spec = verdict.spec
        self.engine = engine
        self.repairs = dict(_repairs(verdict.spec))
        self.found: list[Fix] = []
        self.judged = 0
        # A stack sets these variables by itself, also after a change; a command line of one's own must be told.
        self.follows = not self._missing(self.spec)

    def run(self) -> tuple[Fix, ...]:
        """Return what is found, those that change least first."""
        self._from({})
        if not self.found:
            self._from({"maxBatchSize": 1})
            # Another release is a way round what this one cannot do; where memory alone is short, only the proven one.
            releases = self._other_releases()
            near = islice(releases, 1) if self.found or self._is_memory_alone() else releases
            self._from_first({"engineVersion": release} for release in near)
        if not self.found:
            self._from_first(_smaller_models(self.spec, at_most=True))
        return tuple(sorted(self.found, key=lambda fix: fix.distance))[:MOST_FIXES]

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
        for settings in (*_larger_profiles(start.spec), *_lighter(start.spec), *_smaller_models(start.spec)):
            changed = start.settings | settings
            if self._done() or self._known(changed):
                continue
            # The bill alone tells cheaply what is worth asking the judge.
            spec = changes.on_other_machine(start.spec, settings)
            like = replace(runs, layer_split=(spec.gpus or 1) > 1, weights=settings.get("quantization", runs.weights))
            bill = estimate(spec, like)
            if isinstance(bill, Bill) and bill.fits:
                self._keep_accepted(changed)
            elif not fits_here:
                self._with_smaller_limits(changed, spec, like)

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
        whole = settings | {"env": variables}
        spec = changes.apply(self.spec, whole)
        return None if spec is None else Tried(whole if shown else settings, spec, judge(spec))

    def _keep_accepted(self, settings: dict[str, Any]) -> None:
        tried = self._try(settings)
        if tried is not None and tried.verdict.verdict == "accept":
            self._keep(tried)

    def _known(self, settings: Mapping[str, Any]) -> bool:
        """Return whether a smaller change than this is found already."""
        parts = _parts(settings)
        return any(_parts(fix.settings) <= parts for fix in self.found)

    def _keep(self, tried: Tried) -> None:
        bill = tried.verdict.bill
        if tried.settings and isinstance(bill, Bill) and not self._known(tried.settings):
            self.found.append(Fix(tried.settings, tried.spec, max(gpu.total for gpu in bill.per_gpu)))


def _repairs(spec: ServingSpec) -> Iterator[tuple[str, Any]]:
    """Yield what keeps a model from starting on some GPU or release and is told by an option."""
    if (spec.option("num_shard") or 1) != 1 or spec.option("sharded"):
        yield "shards", 1
    if spec.option("quantize") is not None:
        yield "quantization", None
    if spec.option("dtype", "float16") != "float16":
        yield "dtype", "float16"


def _larger_profiles(spec: ServingSpec) -> Iterator[dict[str, Any]]:
    """Yield profiles of the same architecture with more memory: more of the same GPU first."""
    gpu, gpus = spec.gpu, spec.gpus
    if gpu is None or gpus is None:
        return
    now = gpu.usable_bytes * gpus
    larger = [
        profile
        for profile in hardware.profiles()
        if profile.gpu.arch == gpu.arch and now < profile.gpu.usable_bytes * profile.count <= MOST_GROWTH * now
    ]
    larger.sort(key=lambda profile: (profile.gpu.name != gpu.name, profile.gpu.usable_bytes * profile.count))
    for profile in larger:
        yield {"profile": profile.name}


def _lighter(spec: ServingSpec) -> Iterator[dict[str, Any]]:
    """Yield the one quantization that needs no other checkpoint."""
    if spec.option("quantize") is None:
        yield {"quantization": "bitsandbytes"}


def _smaller_models(spec: ServingSpec, *, at_most: bool = False) -> Iterator[dict[str, Any]]:
    """Yield smaller models of the same family, or also as large: of the same publisher first, the largest first."""
    arch = spec.model.architecture
    if arch is None:
        return
    now = models.parameter_count(arch)
    owner, _, name = (spec.model.id or "").partition("/")
    chat = _for_chat(name)
    smaller = [
        model
        for model in models.known_models()
        if model.architecture.model_type == arch.model_type
        and model.architecture.quantization is None
        and models.parameter_count(model.architecture) < now + at_most
        and (_for_chat(model.id) or not chat)
        and model.id != spec.model.id
    ]
    smaller.sort(
        key=lambda model: (
            model.id.partition("/")[0] != owner,
            _for_chat(model.id) != chat,
            -models.parameter_count(model.architecture),
        )
    )
    for model in smaller:
        yield {"model": model.id} | ({} if spec.model.revision is None else {"modelRevision": None})


def _for_chat(name: str) -> bool:
    return any(word in name.lower() for word in ("chat", "instruct")) or name.endswith("-it")


def _parts(settings: Mapping[str, Any]) -> frozenset[str]:
    """Return what is changed; two profiles of one GPU model are the same change, made more or less."""
    gpu = hardware.profile(settings["profile"]).gpu.name if "profile" in settings else None
    return frozenset(settings) | ({gpu} if gpu is not None else set())
