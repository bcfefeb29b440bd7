"""A serving spec as LMDeploy sees it: release, GPU, model class, weights, dtype, limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voltaic.engines.lmdeploy.facts import by_release, facts, holds, release
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from voltaic.engines.lmdeploy.facts import Release
    from voltaic.engines.versions import Version
    from voltaic.hardware import GpuModel
    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules about a spec share."""

    spec: ServingSpec
    release: Release
    gpu: GpuModel
    capability: int | None
    """Compute capability, 70 for 7.0; None: not a GPU with one."""
    name: str | None
    """Class of the model, of `architectures` or by its type."""

    @property
    def version(self) -> Version:
        """The release as numbers."""
        return self.release.version

    @property
    def arch(self) -> Architecture | None:
        """What is known of the model."""
        return self.spec.model.architecture

    @property
    def title(self) -> str:
        """The release for people."""
        return f"LMDeploy {self.release.text}"

    @property
    def gpu_title(self) -> str:
        """The GPU with its compute capability."""
        number = self.gpu.compute_capability
        return (
            f"{self.gpu.title} ({self.gpu.arch if number is None else f'compute capability {number[0]}.{number[1]}'})"
        )

    def number(self, name: str, default: int) -> int:
        """Return a whole number that is stated, or the default."""
        value = self.spec.option(name)
        return value if type(value) is int else default

    @property
    def shards(self) -> int:
        """GPUs that share every layer."""
        return self.number("tp", 1)

    @property
    def in_turbomind(self) -> bool:
        """Whether the class is one that TurboMind of this release serves."""
        ranges = facts()["classes"]["releases"].get(self.name, ())
        if not any(within(self.version, releases) for releases in ranges) or self.arch is None:
            return False
        allowed = by_release(facts()["heads"].get(self.name, []), self.version)
        forty = self.name == "BaichuanForCausalLM" and self.arch.heads == 40  # noqa: PLR2004  the 13B has ALiBi
        deep = facts()["heads"]["layers"].get(self.name)
        fits = deep is None or self.arch.layers in deep
        return (allowed is None or self.arch.head_dim in allowed) and fits and not forty

    @property
    def weights(self) -> str:
        """How the weights are stored: `awq`, `gptq`, or the dtype."""
        stated = self.spec.option("model_format")
        found = self.arch.quantization.method if self.arch is not None and self.arch.quantization is not None else None
        if stated in {None, "hf", "llama"}:
            return found or self.dtype or "float16"
        return str(stated)

    @property
    def dtype(self) -> str | None:
        """The dtype of activations and of what is not quantized; None: not known."""
        wide = (self.capability or 0) >= 80  # noqa: PLR2004  bfloat16
        stated = self.spec.option("dtype", "auto")
        if not wide and (stated == "float16" or holds("dtype", "own_check", self.version)):
            return "float16"
        if stated != "auto":
            return str(stated)
        found = self.arch.dtype if self.arch is not None else None
        if found == "bfloat16":
            return "bfloat16" if wide else None
        return "float16" if found is not None or not wide else None

    @property
    def session(self) -> int | None:
        """Tokens of the longest session: stated, or what the model's configuration says; None: not known."""
        stated = self.spec.option("session_len")
        if type(stated) is int:
            return stated
        return None if self.arch is None else self.arch.stated_positions or self.arch.max_positions

    @property
    def ratio(self) -> float:
        """`--cache-max-entry-count`."""
        value = self.spec.option("cache_max_entry_count")
        return value if isinstance(value, float) else float(by_release(facts()["cache"]["ratio"], self.version))


def case_of(spec: ServingSpec) -> Case | None:
    """Return the spec as LMDeploy sees it; None where release or GPU are not known."""
    known = release(spec.release.version)
    if known is None or spec.gpu is None:
        return None
    number = spec.gpu.compute_capability
    return Case(spec, known, spec.gpu, None if number is None else 10 * number[0] + number[1], _class(spec))


def _class(spec: ServingSpec) -> str | None:
    config = spec.model.config or {}
    named: Any = config.get("architectures")
    if isinstance(named, (list, tuple)) and named and isinstance(named[0], str):
        return named[0]
    arch = spec.model.architecture
    model_type = arch.model_type if arch is not None else config.get("model_type")
    found = facts()["classes"]["types"].get(model_type) if isinstance(model_type, str) else None
    return None if found is None else str(found)
