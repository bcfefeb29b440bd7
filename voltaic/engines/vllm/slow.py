"""What a release serves more slowly than it could."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.vllm import capability
from voltaic.engines.vllm.case import case_of
from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.vllm.case import Case
    from voltaic.spec import ServingSpec

_FORCED: Final = Source(
    "vllm/model_executor/layers/quantization/awq_marlin.py and gptq_marlin.py, override_quantization_method, "
    "of 0.4.3 to 0.16.0: naming awq or gptq forces the slower kernels"
)
_WIDE: Final = Source(
    "CUDA C++ Programming Guide, arithmetic throughput: float32 against tensor cores in 16 bits", "derived"
)
_MARLIN_GROUPS: Final = frozenset({-1, 32, 64, 128})
"""Group sizes that the faster kernels take (vllm/model_executor/layers/quantization/utils/marlin_utils.py)."""


def slow(spec: ServingSpec) -> tuple[Support, ...]:
    """Return what serves and is slow."""
    case = case_of(spec)
    return () if case is None else (*_forced(case), *_float32(case))


def _forced(case: Case) -> Iterator[Support]:
    """Say where naming the checkpoint's own method keeps the faster kernels away."""
    asked, arch = case.asked_method, case.arch
    held = arch.quantization if arch is not None else None
    if held is None or asked is None or asked != held.method or held.group_size not in _MARLIN_GROUPS or held.bits != 4:  # noqa: PLR2004  4-bit weights
        return
    faster = capability.served_as(asked, case.version, case.capability or 0)
    if faster == asked or faster.startswith("auto_"):
        return
    yield Support(
        "ok",
        f"--quantization {asked} forces the slower kernels; {case.title} would take {faster} by itself.",
        f"On {case.gpu_title} both serve these weights, and {faster} is the faster one.",
        "Leave --quantization away: the checkpoint says how it is quantized.",
        (_FORCED,),
        where="--quantization",
    )


def _float32(case: Case) -> Iterator[Support]:
    """Say where float32 is asked for and 16 bits would serve."""
    stored = case.arch.dtype if case.arch is not None else None
    if case.asked_dtype != "float32" or stored in {None, "float32"} or case.float16_refused or case.method is not None:
        return
    yield Support(
        "ok",
        f"--dtype {case.spec.option('dtype')} computes in 32 bits what the checkpoint holds as {stored}.",
        "It takes twice the memory, and the tensor cores that make the GPU fast compute in 16 bits.",
        "Write --dtype half." if (case.capability or 0) < 80 else "Write --dtype auto.",  # noqa: PLR2004  bfloat16
        (_WIDE,),
        where="--dtype",
    )
