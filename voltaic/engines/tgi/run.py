"""How a spec runs: implementation, shards, layer split, dtype, weights, attention and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Runs
from voltaic.engines.tgi import quantization
from voltaic.engines.tgi.case import IMPLEMENTATIONS, case_of
from voltaic.engines.tgi.limits import effective
from voltaic.engines.tgi.precision import dtype_of
from voltaic.engines.tgi.releases import transformers

if TYPE_CHECKING:
    from voltaic.engines.base import Implementation
    from voltaic.engines.tgi.case import Case
    from voltaic.spec import ServingSpec

_LAUNCHER_CHOOSES: Final = (2, 3, 0)  # from here on the launcher sets ATTENTION
_FALLS_BACK_BY_GPU: Final = (2, 4, 0)  # from here on what flashinfer cannot do goes to paged below 8.0
_FLASHINFER_HEADS: Final = frozenset({64, 128, 256})
_NO_FLASHINFER: Final = frozenset({"falcon", "deepseek_v2"})


def runs(spec: ServingSpec) -> Runs | None:
    """Return how the spec runs; None where it does not, or where that is not known.

    A quantization that is silently ignored still runs: with the weights that are really loaded.
    """
    case = case_of(spec)
    if case is None or not _starts(case):
        return None
    count = case.shards.count
    if count is None or count < 1 or (spec.gpus is not None and count > spec.gpus):
        return None
    implementation = IMPLEMENTATIONS.get(case.outcome(count).way)
    if implementation is None:
        return None
    flash = implementation == "flash"
    dtype = dtype_of(case, implementation)
    limits = effective(
        spec.command.options,
        case.version,
        spec.model.architecture,
        case.gpu,
        shards=count,
        flash=flash,
    )
    return Runs(
        implementation=implementation,
        shards=count,
        layer_split=implementation == "transformers-fallback" and (spec.gpus or 1) > 1,
        dtype=dtype,
        weights=quantization.loaded(case, implementation, dtype),
        attention=_attention(case, implementation),
        limits=limits.values,
        transformers=transformers(case.version) if implementation == "transformers-fallback" else None,
    )


def _starts(case: Case) -> bool:
    starts = case.ask("starts")
    if starts is None or starts.answer != "ok":
        return False
    if case.switched_off:
        without = case.ask("without-flash")
        return without is not None and without.answer == "ok"
    return case.flash_cell is not None and case.flash_cell.answer in {"ok", "off"}


def _attention(case: Case, implementation: Implementation) -> str:
    if implementation == "native-tensor-parallel":
        return "eager"
    family, arch = case.family, case.spec.model.architecture
    if implementation == "transformers-fallback":
        fused = family is not None and family.sdpa is not None and case.version >= family.sdpa
        kernel = case.ask("fused-bfloat16") if dtype_of(case, implementation) == "bfloat16" else None
        return "sdpa" if fused and (kernel is None or kernel.answer == "ok") else "eager"
    if case.version < _LAUNCHER_CHOOSES:
        return (
            "flashdecoding" if (case.spec.command.env.get("FLASH_DECODING") or "").lower() in {"1", "true"} else "paged"
        )
    stated = case.spec.command.env.get("ATTENTION")
    if stated:
        return stated
    below = case.arch == "sm_75" and case.version >= _FALLS_BACK_BY_GPU
    fallback = "paged" if below or case.gpu.vendor == "amd" else "flashdecoding"
    if arch is None or (arch.head_dim in _FLASHINFER_HEADS and case.model_type not in _NO_FLASHINFER):
        return "flashinfer" if case.gpu.vendor == "nvidia" else "paged"
    return fallback
