"""A serving spec as TGI sees it: release, GPU, family, flash attention or not, shards. All rules start here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.tgi import capability, shards
from voltaic.engines.tgi.families import Outcome, families
from voltaic.engines.tgi.releases import release
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from voltaic.engines.base import Implementation
    from voltaic.engines.tgi.capability import Cell
    from voltaic.engines.tgi.families import Family
    from voltaic.engines.tgi.releases import TgiRelease
    from voltaic.engines.tgi.shards import Shards
    from voltaic.engines.versions import Version
    from voltaic.hardware import GpuModel
    from voltaic.spec import ServingSpec

IMPLEMENTATIONS: Final[dict[str, Implementation]] = {
    "flash": "flash",
    "fallback": "transformers-fallback",
    "native": "native-tensor-parallel",
}
"""Implementations by the way that the dispatcher takes."""
_FLASH_SWITCH: Final = "USE_FLASH_ATTENTION"
_UNSUPPORTED: Final = "Unsupported model type"
_NEEDS_TRUST: Final = "Please pass the argument `trust_remote_code=True` to allow custom code to be run."
NOT_RECOGNISED: Final = "Transformers does not recognize this architecture"
_DEFAULT_MODEL_TYPE: Final = "bloom"  # of the launcher's default --model-id


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules about a spec share."""

    spec: ServingSpec
    release: TgiRelease
    gpu: GpuModel
    arch: str
    """Architecture that kernels are compiled for: `sm_70`."""
    switched_off: bool
    """True: USE_FLASH_ATTENTION=false is set."""
    flash_cell: Cell | None
    """What the matrix says of flash attention on this GPU; None: nothing."""
    flash: bool
    """True: the dispatcher takes its branches with flash attention."""
    model_type: str | None
    family: Family | None
    shards: Shards
    readable: bool
    """False: something of the command line could not be read, so that nothing follows from an option's absence."""
    outcomes: dict[int, Outcome] = field(default_factory=dict, compare=False, repr=False)
    """What was found out by number of shards: several questions need it."""

    @property
    def version(self) -> Version:
        """The release as numbers."""
        return self.release.version

    @property
    def title(self) -> str:
        """The release for people: `TGI 3.0.1`."""
        return f"TGI {self.release.text}"

    @property
    def gpu_title(self) -> str:
        """The GPU with its compute capability: `NVIDIA V100 16 GB (compute capability 7.0)`."""
        capability_ = self.gpu.compute_capability
        suffix = f"compute capability {capability_[0]}.{capability_[1]}" if capability_ else self.gpu.arch
        return f"{self.gpu.title} ({suffix})"

    @property
    def model_title(self) -> str:
        """The family for people: `Mistral`, or the model type as written."""
        return self.family.title if self.family is not None else str(self.model_type)

    @property
    def quantize(self) -> str | None:
        """Quantization asked for with --quantize."""
        value = self.spec.option("quantize")
        return value if isinstance(value, str) else None

    @property
    def checkpoint_method(self) -> str | None:
        """Quantization of the weights in the repository; None: not quantized, or not known."""
        arch = self.spec.model.architecture
        if arch is not None and arch.quantization is not None:
            return arch.quantization.method
        return None

    @property
    def flash_certain(self) -> bool:
        """Whether it is known if the branches with flash attention are taken."""
        return self.switched_off or (self.flash_cell is not None and self.flash_cell.answer != "unknown")

    def ask(self, feature: capability.Feature, path: str | None = None) -> Cell | None:
        """Ask the matrix about this release, GPU and family."""
        return capability.ask(feature, self.model_type, path, self.release.version, self.arch)

    def outcome(self, count: int) -> Outcome:
        """Return where the dispatcher goes with that number of shards, and what Transformers then makes of it."""
        known = self.outcomes.get(count)
        if known is None:
            known = self.outcomes[count] = self._outcome(count)
        return known

    def _outcome(self, count: int) -> Outcome:
        flash = self._flash_for_family()
        outcome = dispatch(self.family, self.model_type, self.version, flash=flash, sharded=count > 1)
        unknown_type = self.family is not None and (self.family.known is None or self.version < self.family.known)
        if not unknown_type or count > 1:
            return outcome
        if outcome.way == "fallback" or (outcome.way == "error" and outcome.error.startswith(_UNSUPPORTED)):
            return self._remote_code(outcome)
        return outcome

    def _remote_code(self, outcome: Outcome) -> Outcome:
        """Return what becomes of a model type that the release's Transformers does not know."""
        arch = self.spec.model.architecture
        if arch is None or arch.custom_code:
            if self.spec.option("trust_remote_code", default=False):
                return Outcome("unknown")
            if arch is not None:
                return Outcome("error", _NEEDS_TRUST if outcome.way == "fallback" else outcome.error)
        return Outcome("error", NOT_RECOGNISED if outcome.way == "fallback" else outcome.error)

    @property
    def needs_trust(self) -> bool:
        """Whether only the code of the repository can load it."""
        arch = self.spec.model.architecture
        unknown_type = self.family is not None and (self.family.known is None or self.version < self.family.known)
        return arch is not None and arch.custom_code and unknown_type

    def _flash_for_family(self) -> bool:
        """Return whether this family's flash branch is taken: some need flash attention v2, which 7.5 has not."""
        if not self.flash or self.family is None or self.arch != "sm_75":
            return self.flash
        if self.family.flash2 is not None and within(self.version, self.family.flash2):
            return False
        window = self.spec.model.architecture.sliding_window if self.spec.model.architecture is not None else None
        needs = self.family.window2 is not None and within(self.version, self.family.window2)
        return not (needs and window is not None)


_last: tuple[ServingSpec | None, Case | None] = (None, None)


def case_of(spec: ServingSpec) -> Case | None:
    """Return the spec as TGI sees it; None where release or GPU are not known.

    Kept for the last spec, about which several questions are asked one after the other.
    """
    global _last  # noqa: PLW0603  replaced as a whole, so that threads see a case with its own spec
    asked, case = _last
    if asked is not spec:
        case = _case_of(spec)
        _last = (spec, case)
    return case


def _case_of(spec: ServingSpec) -> Case | None:
    known = release(spec.release.version)
    if known is None or spec.gpu is None:
        return None
    version, arch = known.version, spec.gpu.arch
    env = spec.command.env
    switched_off = (env.get(_FLASH_SWITCH) or "").lower() == "false"
    flash_cell = capability.ask("flash", None, None, version, arch)
    model_type = _model_type(spec)
    return Case(
        spec=spec,
        release=known,
        gpu=spec.gpu,
        arch=arch,
        switched_off=switched_off,
        flash_cell=flash_cell,
        flash=not switched_off and flash_cell is not None and flash_cell.answer == "ok",
        model_type=model_type,
        family=families().of(model_type, spec.model.id),
        shards=shards.resolve(spec.option("sharded"), spec.option("num_shard"), env, version, spec.gpus),
        readable=not any(fault.unreadable for fault in spec.command.faults),
    )


def _model_type(spec: ServingSpec) -> str | None:
    model = spec.model
    if model.architecture is not None:
        return model.architecture.model_type
    stated: Any = model.config.get("model_type") if model.config is not None else None
    if isinstance(stated, str):
        return stated
    return _DEFAULT_MODEL_TYPE if model.id is None and "model_id" not in spec.command.options else None


def dispatch(family: Family | None, model_type: str | None, version: Version, *, flash: bool, sharded: bool) -> Outcome:
    """Return where the dispatcher of a release goes: `generic` is resolved, so the answer is never that."""
    if family is None or model_type is None:
        return Outcome("unknown")
    route = family.route(version)
    if route is not None:
        outcome = route.outcome(flash=flash, sharded=sharded)
        if outcome.way != "generic":
            return outcome
    return _generic(family, model_type, version, flash=flash, sharded=sharded)


def _generic(family: Family, model_type: str, version: Version, *, flash: bool, sharded: bool) -> Outcome:
    facts = families().generic
    known = family.known is not None and version >= family.known
    if known and flash and within(version, facts.adapts):
        if within(version, facts.misses):
            return Outcome("error", facts.missing)
        if family.adapted is not None and within(version, family.adapted):
            return Outcome("adapted")
    if sharded:
        return Outcome("error", facts.sharded)
    if not known or within(version, facts.broken):
        return Outcome("error", f"{facts.unsupported} {model_type}")
    return Outcome("fallback")
