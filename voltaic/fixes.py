"""Ways out of a refusal: the nearest changes that the same judge accepts, each proven by it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from voltaic import answers, changes, engines, hardware, models
from voltaic.limits import smaller_limits
from voltaic.memory.bill import Bill
from voltaic.units import gib
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.base import Engine
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

MOST_FIXES: Final = 5
"""Ways out that are worth reading."""
MOST_JUDGED: Final = 60
"""Changes judged before the search ends: at well under a millisecond each it is bounded however large the catalogue."""

ELSEWHERE: Final = frozenset({"profile", "model"})
"""Changes after which it is another GPU or another model."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that was judged and is accepted."""

    settings: Mapping[str, Any]
    """Configuration keys and the values to give them, `{"maxBatchSize": 1}`; None: remove the key.

    `env` is no key: variables for a command line of one's own, which a stack sets by itself.
    """
    spec: ServingSpec
    """The spec with the change applied."""
    total: int
    """Bytes that the fullest GPU then holds at the worst moment."""

    @property
    def args(self) -> tuple[str, ...]:
        """Launcher arguments with the change applied."""
        return self.spec.command.args

    @property
    def env(self) -> Mapping[str, str | None]:
        """Environment with the change applied."""
        return self.spec.command.env

    @property
    def verdict(self) -> str:
        """What the judge says of the change: a fix is always accepted."""
        return "accept"

    def document(self) -> dict[str, Any]:
        """Return the fix as in a plan document (schema voltaic/plan/v1)."""
        return {"settings": dict(self.settings), "total": self.total, "verdict": self.verdict}

    def __str__(self) -> str:
        """Return the change in words: `maxBatchSize 1 (13.88 GiB on the fullest GPU)`."""
        parts = [part for key, value in self.settings.items() for part in _words(key, value)]
        return f"{', '.join(parts)} ({gib(self.total)} on the fullest GPU)"


def _words(key: str, value: Any) -> Iterator[str]:
    if key == "env":
        yield from (f"{name}={text}" for name, text in value.items())
    else:
        yield f"no {key}" if value is None else f"{key} {value}"


def search(verdict: Verdict) -> tuple[Fix, ...]:
    """Return the nearest accepted changes of a refused spec, those that change least first."""
    spec = verdict.spec
    engine = engines.engine(spec.release.engine)
    readable = spec.gpu is not None and spec.gpus is not None and not spec.command.faults
    if verdict.verdict != "refuse" or engine is None or not readable:
        return ()
    return _Search(verdict, engine).run()


def way_out(fixes: tuple[Fix, ...], spec: ServingSpec) -> str:
    """Return the ways out in one text; says so where nothing helps on this GPU, or at all."""
    if not fixes:
        return f"Nothing near it is accepted: no limits, release, profile or smaller model known for {spec.release}."
    here = any(not ELSEWHERE & fix.settings.keys() for fix in fixes)
    gpu = spec.gpu.title if spec.gpu is not None else "this GPU"
    count = f"{spec.gpus} x {gpu}"
    head = "Accepted by the same rules: " if here else f"Nothing makes this model fit on {count}. Accepted instead: "
    return head + "; or ".join(map(str, fixes)) + "."


class _Search:
    """Looks for accepted changes, those that change least first."""

    def __init__(self, verdict: Verdict, engine: Engine) -> None:
        self.verdict = verdict
        self.spec = verdict.spec
        self.engine = engine
        self.found: list[Fix] = []
        self.judged = 0
        # A stack sets these variables by itself, also after a change; a command line of one's own must be told.
        wanted = engine.environment(self.spec)
        self.follows = all(self.spec.command.env.get(name) == value for name, value in wanted.items())

    def run(self) -> tuple[Fix, ...]:
        for start in self._starts():
            if self._done():
                break
            if start.verdict.verdict == "accept":
                self._keep(start)
                continue
            self._make_it_fit(start)
        return tuple(sorted(self.found, key=lambda fix: _distance(fix.settings)))[:MOST_FIXES]

    def _done(self) -> bool:
        return len(self.found) >= MOST_FIXES or self.judged >= MOST_JUDGED

    # What has to change for it to start at all

    def _starts(self) -> Iterator[_Tried]:
        """Yield the smallest changes after which only memory may still be too small."""
        starts: list[frozenset[str]] = []
        repairs = dict(self._repairs())
        for size in range(len(repairs) + 1):
            for keys in combinations(repairs, size):
                if any(known <= set(keys) for known in starts):
                    continue
                tried = self._try({key: repairs[key] for key in keys})
                if tried is not None and tried.starts:
                    starts.append(frozenset(keys))
                    yield tried
        if not starts:
            yield from self._other_releases(repairs)

    def _repairs(self) -> Iterator[tuple[str, Any]]:
        option = self.spec.option
        if (option("num_shard") or 1) != 1 or option("sharded"):
            yield "shards", 1
        if option("quantize") is not None:
            yield "quantization", None
        if option("dtype", "float16") != "float16":
            yield "dtype", "float16"
        if option("max_batch_size", 2) != 1:
            yield "maxBatchSize", 1

    def _other_releases(self, repairs: Mapping[str, Any]) -> Iterator[_Tried]:
        """Yield the nearest newer and the nearest older release, with as few repairs as it takes there."""
        releases = self.engine.releases()
        if self.spec.release.version not in releases:
            nearest = [releases]
        else:
            here = releases.index(self.spec.release.version)
            nearest = [releases[here + 1 :], releases[:here][::-1]]
        repairs = {key: value for key, value in repairs.items() if key != "maxBatchSize"}
        for direction in nearest:
            for version in direction:
                whole = self._try({"engineVersion": version, **repairs}, count=False)
                if whole is not None and whole.starts:
                    yield self._fewest(version, repairs) or whole
                    break

    def _fewest(self, version: str, repairs: Mapping[str, Any]) -> _Tried | None:
        for size in range(len(repairs)):
            for keys in combinations(repairs, size):
                tried = self._try({"engineVersion": version, **{key: repairs[key] for key in keys}})
                if tried is not None and tried.starts:
                    return tried
        return None

    # What has to change for it to fit

    def _make_it_fit(self, start: _Tried) -> None:
        self._with_smaller_limits(start)
        for settings in (*self._profiles(start.spec), *self._models(start.spec)):
            if self._done() or self._known(start.settings | settings):
                continue
            tried = self._try(start.settings | settings)
            if tried is None or not tried.starts:
                continue
            if tried.verdict.verdict == "accept":
                self._keep(tried)
            else:
                self._with_smaller_limits(tried)

    def _with_smaller_limits(self, start: _Tried) -> None:
        for limits in smaller_limits(start.spec):
            settings = start.settings | limits
            if self._done() or self._known(settings):
                continue
            tried = self._try(settings)
            if tried is not None and tried.verdict.verdict == "accept":
                self._keep(tried)

    def _profiles(self, spec: ServingSpec) -> Iterator[dict[str, Any]]:
        """Yield profiles of the same architecture with more memory: more of the same GPU first."""
        gpu, gpus = spec.gpu, spec.gpus
        if gpu is None or gpus is None:
            return
        now = gpu.usable_bytes * gpus
        larger = [
            profile
            for profile in hardware.profiles()
            if profile.gpu.arch == gpu.arch and profile.gpu.usable_bytes * profile.count > now
        ]
        larger.sort(key=lambda profile: (profile.gpu.name != gpu.name, profile.gpu.usable_bytes * profile.count))
        for profile in larger:
            yield {"profile": profile.name}

    def _models(self, spec: ServingSpec) -> Iterator[dict[str, Any]]:
        """Yield smaller models of the same family, the largest first, of the same publisher before others."""
        arch = spec.model.architecture
        if arch is None:
            return
        now = models.parameter_count(arch)
        owner, _, name = (spec.model.id or "").partition("/")
        chat = "chat" in name.lower() or "instruct" in name.lower() or name.endswith("-it")
        smaller = [
            model
            for model in models.known_models()
            if model.architecture.model_type == arch.model_type
            and model.architecture.quantization is None
            and models.parameter_count(model.architecture) < now
            and bool(model.chat_template) >= chat
        ]
        smaller.sort(
            key=lambda model: (
                model.id.partition("/")[0] != owner,
                bool(model.chat_template) != chat,
                -models.parameter_count(model.architecture),
            )
        )
        for model in smaller:
            yield {"model": model.id} | ({} if spec.model.revision is None else {"modelRevision": None})

    # Asking the judge

    def _try(self, settings: dict[str, Any], *, count: bool = True) -> _Tried | None:
        """Judge a change, with the variables that it needs; None where it cannot be made."""
        if not settings:
            return _Tried(settings, self.spec, self.verdict)
        spec = changes.apply(self.spec, settings)
        if spec is None:
            return None
        self.judged += count
        missing = {
            name: value for name, value in self.engine.environment(spec).items() if spec.command.env.get(name) != value
        }
        if self.follows or not missing:
            return self._judged(settings, missing, told=False)
        plain = _Tried(settings, spec, judge(spec))
        return plain if plain.starts else self._told(settings, missing)

    def _told(self, settings: dict[str, Any], variables: dict[str, str]) -> _Tried | None:
        """Judge with variables that have to be set by hand, as few of them as it takes."""
        for name, value in variables.items():
            tried = self._judged(settings, {name: value}, told=True)
            if tried is not None and tried.starts:
                return tried
        return self._judged(settings, variables, told=True)

    def _judged(self, settings: dict[str, Any], variables: dict[str, str], *, told: bool) -> _Tried | None:
        with_variables = settings | ({"env": variables} if variables else {})
        spec = changes.apply(self.spec, with_variables)
        return None if spec is None else _Tried(with_variables if told else settings, spec, judge(spec))

    def _known(self, settings: Mapping[str, Any]) -> bool:
        """Return whether a smaller change than this is found already."""
        return any(fix.settings.keys() <= settings.keys() for fix in self.found)

    def _keep(self, tried: _Tried) -> None:
        bill = tried.verdict.bill
        if tried.settings and isinstance(bill, Bill) and not self._known(tried.settings):
            self.found.append(Fix(tried.settings, tried.spec, max(gpu.total for gpu in bill.per_gpu)))


@dataclass(frozen=True, slots=True)
class _Tried:
    """A change and what the judge says of it."""

    settings: dict[str, Any]
    spec: ServingSpec
    verdict: Verdict

    @property
    def starts(self) -> bool:
        """Whether nothing but memory is in the way."""
        return {finding.rule for finding in self.verdict.answers} <= {"vram-budget"} and (
            answers.runs_of(self.spec) is not None
        )


WEIGHTS: Final = {
    "env": 1,
    "maxBatchSize": 1,
    "maxBatchPrefillTokens": 1,
    "maxInputTokens": 1,
    "maxTotalTokens": 2,
    "shards": 2,
    "dtype": 2,
    "quantization": 3,
    "engineVersion": 4,
    "profile": 6,
    "model": 8,
    "modelRevision": 0,
}
"""How much a change changes: limits least, the model most."""


def _distance(settings: Mapping[str, Any]) -> int:
    return sum(WEIGHTS[key] for key in settings)
