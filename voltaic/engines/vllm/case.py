"""A serving spec as vLLM sees it: release, GPU, model class, V0 or V1, dtype. All rules start here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.vllm import capability
from voltaic.engines.vllm.releases import by_release, facts, holds, release

if TYPE_CHECKING:
    from voltaic.engines.base import Implementation
    from voltaic.engines.versions import Version
    from voltaic.engines.vllm.releases import VllmRelease
    from voltaic.hardware import GpuModel
    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec

HALF: Final = {"half": "float16", "float": "float32"}
_FALLS_BACK: Final = frozenset({"speculative_config", "speculative_model", "num_scheduler_steps", "preemption_mode"})
_MANY: Final = "pipeline_parallel_size"


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules about a spec share."""

    spec: ServingSpec
    release: VllmRelease
    gpu: GpuModel
    capability: int | None
    """Compute capability, 70 for 7.0; None: not a GPU with one."""
    model_type: str | None
    classes: tuple[str, ...]
    """Model classes that the configuration names, or that its model type stands for."""
    readable: bool
    """False: something of the command line could not be read, so that nothing follows from an option's absence."""

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
        """The release for people: `vLLM 0.8.5`."""
        return f"vLLM {self.release.text}"

    @property
    def gpu_title(self) -> str:
        """The GPU with its compute capability: `NVIDIA V100 16 GB (compute capability 7.0)`."""
        if self.gpu.compute_capability is None:
            return f"{self.gpu.title} ({self.gpu.arch})"
        major, minor = self.gpu.compute_capability
        return f"{self.gpu.title} (compute capability {major}.{minor})"

    @property
    def shards(self) -> int:
        """Ranks that share every layer."""
        stated = self.spec.option("tensor_parallel_size")
        return stated if type(stated) is int else 1

    @property
    def stages(self) -> int:
        """Ranks that share the layers out among them."""
        stated = self.spec.option(_MANY)
        return stated if type(stated) is int else 1

    @property
    def checkpoint_method(self) -> str | None:
        """Quantization of the weights in the repository; None: not quantized, or not known."""
        arch = self.arch
        return arch.quantization.method if arch is not None and arch.quantization is not None else None

    @property
    def asked_method(self) -> str | None:
        """Quantization asked for with --quantization."""
        value = self.spec.option("quantization")
        return value if isinstance(value, str) and value != "None" else None

    @property
    def method(self) -> str | None:
        """The quantization that serves the weights; None: none."""
        asked, found = self.asked_method, self.checkpoint_method
        if asked is None and found is not None:
            return capability.served_as(found, self.version, self.capability or 0)
        return asked

    @property
    def window_kinds(self) -> bool:
        """Whether layers with a sliding window and layers without take turns."""
        return self.model_type in capability.families()["window"]["types"]

    def engine(self) -> tuple[Implementation | None, str]:
        """Return the engine that serves it, or None with the reason why that is not known."""
        if holds("engine", "v1_only", self.version):
            return "vllm-v1", ""
        stated = self.spec.command.env.get("VLLM_USE_V1", "") if holds("engine", "variable", self.version) else ""
        if stated is None:
            return None, "VLLM_USE_V1 is not known"
        if stated == "0" or not holds("engine", "v1_exists", self.version):
            return "vllm-v0", ""
        if not holds("engine", "v1_default", self.version):
            return ("vllm-v0", "") if stated != "1" else (None, f"V1 was an experiment in {self.title}")
        return self._oracle()

    def _oracle(self) -> tuple[Implementation | None, str]:
        table = facts()["engine"]
        if (self.capability or 0) < by_release(table["v1_capability"], self.version):
            return "vllm-v0", ""
        if any(capability.is_v0_only(name, self.version) for name in self.classes):
            return "vllm-v0", ""
        if self.dtype == "float32" or self.method in (by_release(table["v1_without_quantization"], self.version) or ()):
            return "vllm-v0", ""
        options = self.spec.command.options
        odd = next((name for name in sorted(_FALLS_BACK) if name in options), None)
        if odd is None and str(options.get("kv_cache_dtype", "auto")) != "auto":
            odd = "kv_cache_dtype"
        if odd is None and self.stages > 1:
            odd = _MANY
        if odd is None and self.spec.command.env.get("VLLM_ATTENTION_BACKEND"):
            return None, "VLLM_ATTENTION_BACKEND may make it fall back from V1 to V0"
        if odd is not None:
            return None, f"--{odd.replace('_', '-')} may make it fall back from V1 to V0"
        return "vllm-v1", ""

    @property
    def asked_dtype(self) -> str:
        """The dtype asked for, by its full name, or `auto`."""
        value = str(self.spec.option("dtype", "auto"))
        return HALF.get(value, value)

    @property
    def dtype(self) -> str | None:
        """The dtype of activations and unquantized weights, as the release chooses it; None: not known."""
        if self.asked_dtype != "auto":
            return self.asked_dtype
        if self.arch is None:
            return None
        table, wide = facts()["dtype"], (self.capability or 0) >= facts()["dtype"]["bfloat16"]
        falls_back = holds("dtype", "auto_falls_back", self.version)
        preferred = "bfloat16" if wide else "float32" if self.float16_refused else "float16"
        stated = self.arch.dtype
        if stated == "float32":
            return preferred if by_release(table["auto_of_float32"], self.version) == "preferred" else "float16"
        unfit = (stated == "bfloat16" and not wide) or (stated == "float16" and self.float16_refused)
        return preferred if falls_back and unfit else stated

    @property
    def float16_refused(self) -> bool:
        """Whether the release does not serve this family in float16."""
        table: dict[str, Any] = facts()["dtype"]
        return self.model_type in table["no_float16_types"] and holds("dtype", "no_float16", self.version)


def case_of(spec: ServingSpec) -> Case | None:
    """Return the spec as vLLM sees it; None where release or GPU are not known."""
    known = release(spec.release.version)
    if known is None or spec.gpu is None:
        return None
    model_type = _model_type(spec)
    number = spec.gpu.compute_capability
    return Case(
        spec=spec,
        release=known,
        gpu=spec.gpu,
        capability=None if number is None else 10 * number[0] + number[1],
        model_type=model_type,
        classes=_classes(spec, model_type),
        readable=not any(fault.unreadable for fault in spec.command.faults),
    )


def _model_type(spec: ServingSpec) -> str | None:
    if spec.model.architecture is not None:
        return spec.model.architecture.model_type
    stated: Any = spec.model.config.get("model_type") if spec.model.config is not None else None
    return stated if isinstance(stated, str) else None


def _classes(spec: ServingSpec, model_type: str | None) -> tuple[str, ...]:
    named: Any = spec.model.config.get("architectures") if spec.model.config is not None else None
    if isinstance(named, (list, tuple)) and named and all(isinstance(name, str) for name in named):
        return tuple(named)
    found = capability.families()["types"].get(model_type)
    return () if found is None else (found,)
