"""How a spec runs: engine, ranks, dtype, weights, attention and limits; and what must be set for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.base import Runs
from voltaic.engines.vllm import capability, limits, quantization
from voltaic.engines.vllm.case import case_of
from voltaic.engines.vllm.releases import facts, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.vllm.case import Case
    from voltaic.spec import ServingSpec

_FLASH: Final = 80
"""Compute capability from which FlashAttention 2 is used."""


def runs(spec: ServingSpec) -> Runs | None:
    """Return how the spec runs; None where it does not, or where that is not known."""
    case = case_of(spec)
    if case is None or case.capability is None or not case.classes:
        return None
    cell = capability.starts(case.version, case.gpu.arch)
    engine, dtype = case.engine()[0], case.dtype
    if cell is None or cell.answer != "ok" or engine is None or dtype is None:
        return None
    if not any(capability.has_class(name, case.version) for name in case.classes) or not _fits(case, dtype):
        return None
    return Runs(
        implementation=engine,
        shards=case.shards,
        layer_split=False,
        dtype=dtype,
        weights=case.method or dtype,
        attention=_attention(case, engine),
        limits=limits.effective(case).values,
    )


def _fits(case: Case, dtype: str) -> bool:
    """Return whether GPU and family take dtype and weights, and the GPUs the ranks."""
    if any(support.answer != "ok" for support in quantization.findings(case)):
        return False
    return dtype in {"float16", "bfloat16", "float32"} and 1 <= case.shards * case.stages <= (case.spec.gpus or 1)


def _attention(case: Case, engine: str) -> str:
    stated = case.spec.command.env.get("VLLM_ATTENTION_BACKEND") or case.spec.option("attention_backend")
    if isinstance(stated, str) and stated:
        return stated.lower()
    if (case.capability or 0) >= _FLASH:
        return "flash"
    return "xformers" if engine == "vllm-v0" else "triton or flashinfer"


def required_options(spec: ServingSpec) -> Mapping[str, Any]:
    """Return the canonical options that must be set so that this spec runs, beside those that are."""
    case = case_of(spec)
    if case is None:
        return {}
    needed: dict[str, Any] = {}
    table, arch = facts()["dtype"], case.arch
    narrow = case.capability is not None and case.capability < table["bfloat16"]
    if narrow and not case.float16_refused and _asks_bfloat16(case):
        needed["dtype"] = "half"
    if arch is not None and arch.custom_code and capability.families()["trust"].get(case.model_type) is not None:
        needed["trust_remote_code"] = True
    return {name: value for name, value in needed.items() if spec.option(name) != value}


def _asks_bfloat16(case: Case) -> bool:
    """Return whether bfloat16 is what the release takes, where nothing else is said."""
    if case.asked_dtype == "bfloat16":
        return True
    stated = case.arch is not None and case.arch.dtype == "bfloat16"
    return stated and case.asked_dtype == "auto" and not quantization.auto_falls_back(case)


def environment(spec: ServingSpec) -> Mapping[str, str]:
    """Return the variables that must be set so that this spec runs, without secrets."""
    case = case_of(spec)
    if case is None or not holds("engine", "variable", case.version):
        return {}
    below = case.capability is not None and case.capability < _FLASH
    # V0 is chosen by itself there; said aloud, nothing that is added later changes it.
    return {"VLLM_USE_V1": "0"} if below and case.engine()[0] == "vllm-v0" else {}
