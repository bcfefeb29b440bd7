"""Ways out of a refusal: accepted changes, and how they are said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from voltaic import hardware
from voltaic.hidden import shown_args
from voltaic.limits import LEAST_TOTAL, SPARE
from voltaic.rules import vram_budget
from voltaic.spec import NO_VALUES
from voltaic.units import gib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

MOST_TOLD: Final = 3
"""Ways out that a message names; the plan document has all."""
LIMITS: Final = frozenset(
    {"maxInputTokens", "maxTotalTokens", "maxBatchPrefillTokens", "maxBatchTotalTokens", "maxBatchSize"}
)
COMMAND_LINE: Final = LIMITS | {"quantization", "dtype", "shards"}
"""Keys that a command line says by options."""
DISTANCES: Final = {
    "maxBatchSize": 1,
    "maxBatchPrefillTokens": 1,
    "maxBatchTotalTokens": 1,
    "maxInputTokens": 1,
    "maxTotalTokens": 2,
    "extraArgs": 2,
    "shards": 2,
    "replicas": 1,
    "dtype": 2,
    "engineVersion": 4,
    "profile": 6,
    "gpus": 0,
    "quantization": 7,
    "model": 8,
    "modelRevision": 0,
}
"""How much a change changes: limits least, the model most."""
WITHOUT_QUANTIZATION: Final = 3
"""How much it changes to load what the checkpoint holds."""
BY_HAND: Final = 1
"""How much it changes to set a variable, or to correct an argument."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that was judged and is accepted."""

    settings: Mapping[str, Any]
    """Configuration keys and the values to give them, `{"maxBatchSize": 1}`; None: remove the key."""
    spec: ServingSpec
    """The spec with the change applied."""
    total: int
    """Bytes that the fullest GPU then holds at the worst moment."""
    tight: bool = False
    """Whether it fits with less headroom than the estimate's own margin of error."""
    variables: Mapping[str, str] = field(default_factory=lambda: NO_VALUES)
    """Variables to set besides, for a command line of one's own: a stack sets them by itself."""
    corrections: tuple[str, ...] = ()
    """What is corrected in the arguments besides, in words: `without --max-model-len`."""
    elsewhere: bool = False
    """Whether it is for another engine, which a stack cannot deploy: then it is no change of settings."""

    @property
    def args(self) -> tuple[str, ...]:
        """Launcher arguments with the change applied."""
        return self.spec.command.args

    @property
    def env(self) -> Mapping[str, str | None]:
        """Environment with the change applied."""
        return self.spec.command.env

    @property
    def commands(self) -> list[str]:
        """What to type: for a stack its settings, for a command line the `voltaic plan` that accepts it."""
        from voltaic import commands  # noqa: PLC0415  only a refusal is told

        return [commands.plan(self.spec)] if self.spec.origin is None else commands.of_settings(self.settings)

    @property
    def verdict(self) -> str:
        """What the judge says of the change: a fix is always accepted."""
        return "accept"

    @property
    def distance(self) -> int:
        """How much it changes; the smaller, the nearer."""
        without = self.settings.get("quantization", "") is None
        distance = sum(
            WITHOUT_QUANTIZATION if key == "quantization" and without else DISTANCES[key] for key in self.settings
        )
        return distance + BY_HAND * (bool(self.variables) + bool(self.corrections))

    @property
    def rank(self) -> tuple[bool, bool, int, bool, int]:
        """Where it comes among others: what these GPUs do first, another model last, with room before tight ones.

        What is tight and asks for nothing that is not there stays with its kind: it is tried at once. Limits, and the
        use of GPUs that lie idle, are one kind; so are variables alone, with which all that was asked for stays.
        """
        idle = self.settings.get("shards") == self.spec.gpus and (self.spec.gpus or 1) > 1
        near = LIMITS | {"shards"} if idle else LIMITS
        kind = self.distance - sum(DISTANCES[key] for key in self.settings if key in near) if self.settings else 0
        far = not {"profile", "quantization"}.isdisjoint(self.settings)
        return "model" in self.settings, self.tight and far, kind, self.tight, self.distance

    @property
    def is_full(self) -> bool:
        """Whether it fits to the last hundredth of a GPU: accepted, and yet nothing to advise where there is more."""
        return self.spec.gpu is not None and self.total > (1 - SPARE) * self.spec.gpu.usable_bytes

    def document(self) -> dict[str, Any]:
        """Return the fix as in a plan document (schema voltaic/plan/v1)."""
        document: dict[str, Any] = {"settings": dict(self.settings), "total": self.total, "verdict": self.verdict}
        document["commands"] = self.commands
        if self.variables:
            document["env"] = dict(self.variables)
        if self.corrections:
            document["args"] = shown_args(self.args)
        if self.tight:
            document["tight"] = True
        return document

    def __str__(self) -> str:
        """Return the change in words: `maxBatchSize 1 (13.88 GiB on the fullest GPU)`.

        In the keys of the configuration for a stack, in the launcher's options for a command line of one's own.
        """
        if self.spec.origin is None:
            settings = list(_as_options(self.spec, self.settings))
        else:
            settings = [f"no {key}" if value is None else f"{key} {value}" for key, value in self.settings.items()]
        variables = [f"{name}={value}" for name, value in self.variables.items()]
        words = ", ".join((*self.corrections, *settings, *variables))
        return f"{words} ({gib(self.total)} on the fullest GPU{', tight' if self.tight else ''})"


def _as_options(spec: ServingSpec, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield settings as a command line has them: `TGI 3.0.1`, `--max-batch-size 1`, `without --quantize`."""
    for key, value in settings.items():
        if key in COMMAND_LINE:
            yield from _flags(spec, key, value)
        elif key == "extraArgs":
            yield " ".join(value)
        elif key == "engineVersion":
            yield str(spec.release)
        elif key == "profile" and spec.gpu is not None:
            yield f"{spec.gpus} x {spec.gpu.title}"
        elif key == "replicas":
            yield f"{value} replicas with {_count(spec.gpus or 1)} each"
        elif key == "model":
            yield f"model {value}"


def _flags(spec: ServingSpec, key: str, value: Any) -> Iterator[str]:
    """Yield one setting in the words of the engine's launcher, and what goes with it."""
    from voltaic import changes, engines  # noqa: PLC0415  only a refusal is told
    from voltaic.engines.ways import ways_of  # noqa: PLC0415  the same

    engine = engines.engine(spec.release.engine)
    ways = ways_of(engine)
    if engine is None or ways is None:
        return
    for option, said in (changes.options_of(ways, spec, {key: value}) or {}).items():
        if said is not None:
            yield " ".join(engine.build(spec.release.version or "", {option: said}))
        elif value is None:
            yield f"without --{option.replace('_', '-')}"


def _count(gpus: int) -> str:
    return "1 GPU" if gpus == 1 else f"{gpus} GPUs"


@dataclass(frozen=True, slots=True)
class Ways:
    """What a search found."""

    fixes: tuple[Fix, ...] = ()
    """The nearest first."""
    family_is_too_large: bool = False
    """Whether every model of the family in the catalogue was tried on these GPUs, at the smallest limits, in vain."""
    elsewhere: tuple[Fix, ...] = ()
    """Other engines that serve the model on these GPUs, where this one does not without another profile or model."""
    failed: bool = False
    """Whether the search itself broke, so that it says nothing."""


def search(verdict: Verdict) -> Ways:
    """Return the nearest accepted changes of a refused spec. Never raises: a search that breaks has found nothing."""
    try:
        return _search(verdict)
    except Exception:  # noqa: BLE001  the refusal stands, and must be told, whatever becomes of the search
        return Ways(failed=True)


def _search(verdict: Verdict) -> Ways:
    from voltaic import engines  # noqa: PLC0415  only a refusal is searched
    from voltaic.corrections import corrected  # noqa: PLC0415  the same
    from voltaic.elsewhere import on_other_engines  # noqa: PLC0415  the same
    from voltaic.engines.ways import ways_of  # noqa: PLC0415  the same
    from voltaic.search import Search  # noqa: PLC0415  the same

    spec = verdict.spec
    engine = engines.engine(spec.release.engine)
    ways = ways_of(engine)
    if verdict.verdict != "refuse" or engine is None or spec.gpu is None or spec.gpus is None:
        return Ways()
    if ways is None:  # nothing of its options is known, and others may serve the model here
        return Ways(elsewhere=_advisable(tuple(on_other_engines(spec))))
    correction = corrected(engine, spec)
    if correction is None:
        return Ways()
    found = Search(verdict, engine, ways, correction).run()
    return replace(found, fixes=_advisable(found.fixes), elsewhere=_advisable(found.elsewhere))


def _advisable(fixes: tuple[Fix, ...]) -> tuple[Fix, ...]:
    """Return the changes that leave something free; all of them where none does."""
    return tuple(fix for fix in fixes if not fix.is_full) or fixes


def way_out(verdict: Verdict) -> str:
    """Return the ways out in one text; says so where nothing helps on this GPU, or at all."""
    spec, fixes = verdict.spec, verdict.fixes
    here = f"{spec.gpus} x {spec.gpu.title}" if spec.gpu is not None else "this GPU"
    too_large = any(finding.rule == vram_budget.ID and finding.outcome == "violation" for finding in verdict.answers)
    nowhere = f"Nothing in the catalogue's family fits on {here} at any limits."
    if not fixes:
        if verdict.ways.family_is_too_large:
            return f"{nowhere} No profile of this architecture is known to hold it."
        there = "".join(f" Another engine serves it on these GPUs: {fix}." for fix in verdict.ways.elsewhere[:1])
        return f"Nothing near it is accepted: no smaller limits, other release, larger profile or smaller model.{there}"
    listed = "; or ".join(map(str, fixes[:MOST_TOLD])) + "."
    if any(not {"profile", "model"} & fix.settings.keys() for fix in fixes):
        return f"Accepted by the same rules: {listed}"
    if too_large and verdict.ways.family_is_too_large:
        smallest = min(fixes, key=_memory)
        others = [str(fix) for fix in fixes[:MOST_TOLD] if fix is not smallest]
        more = f" Also accepted: {'; or '.join(others)}." if others else ""
        return f"{nowhere} The smallest profile that works: {smallest}.{more}"
    if too_large and vram_budget.weights_alone(verdict.bill, spec):
        return f"Nothing makes these weights fit on {here}. Accepted instead: {listed}"
    if too_large:
        return f"No limits down to requests of {LEAST_TOTAL} tokens leave room on {here}. Accepted instead: {listed}"
    return f"Accepted instead: {listed}"


def _memory(fix: Fix) -> int:
    """Return the bytes of all GPUs of the profile that the fix asks for."""
    if "profile" not in fix.settings:
        return 0
    profile = hardware.profile(fix.settings["profile"])
    return profile.gpu.usable_bytes * profile.count
