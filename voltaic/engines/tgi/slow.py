"""What a release serves more slowly than it could."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.tgi.case import case_of
from voltaic.engines.tgi.precision import dtype_of
from voltaic.engines.tgi.run import runs
from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.base import Runs
    from voltaic.engines.tgi.case import Case
    from voltaic.spec import ServingSpec

_EETQ: Final = Source("launcher/src/main.rs of 2.3.0 to 3.3.7: Bitsandbytes is deprecated, use eetq instead")
_SAYS_EETQ: Final = (2, 3, 0)
_EMULATED: Final = Source(
    "CUDA C++ Programming Guide, arithmetic instructions: no bfloat16 below compute capability 8.0; PyTorch "
    "computes it in float32",
    "derived",
)
_BFLOAT16: Final = (8, 0)


def slow(spec: ServingSpec) -> tuple[Support, ...]:
    """Return what serves and is slow."""
    case, runs_as = case_of(spec), runs(spec)
    return () if case is None or runs_as is None else (*_int8(case, runs_as), *_bfloat16(case, runs_as))


def _int8(case: Case, runs_as: Runs) -> Iterator[Support]:
    """Say where 8-bit weights of bitsandbytes serve, and those that the launcher itself names would, too."""
    if case.version < _SAYS_EETQ or runs_as.implementation != "flash" or runs_as.weights != "bitsandbytes":
        return
    yield Support(
        "ok",
        f"--quantize bitsandbytes is deprecated in {case.title}, which names eetq instead.",
        "Both hold weights in 8 bits; bitsandbytes is the slower one, and switches CUDA graphs off.",
        "Write --quantize eetq.",
        (_EETQ,),
        where="--quantize",
    )


def _bfloat16(case: Case, runs_as: Runs) -> Iterator[Support]:
    """Say where bfloat16 is asked of a GPU that has none."""
    capability = case.gpu.compute_capability
    if dtype_of(case, runs_as.implementation) != "bfloat16" or capability is None or capability >= _BFLOAT16:
        return
    yield Support(
        "ok",
        f"--dtype bfloat16 is emulated on {case.gpu_title}.",
        "The GPU computes float16 with its tensor cores, and bfloat16 by way of float32: several times slower.",
        "Write --dtype float16.",
        (_EMULATED,),
        where="--dtype",
    )
