"""The lines of a bill under the names that people read, for tables and pictures alike."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from voltaic.memory.bill import Bill, GpuBill

PARTS = ("context", "weights", "kv_cache", "activations", "other")
"""What a total is made of, in the order in which a process takes it."""
_NAMES = {"context": "context", "weights": "weights", "kv_cache": "KV cache", "activations": "activations"}
PLANNING_MARGIN = "planning margin"
POOL = "kv_pool"
"""The term that is the engine's whole pool of the KV cache, of which the limits need a part."""
_TERMS = {
    "nccl": "NCCL buffers",
    "non_torch": "outside PyTorch",
    "cuda_graphs": "CUDA graphs",
    "allocator_slack": "allocator slack",
    "kv_pool": "KV pool of the engine",
}


def name_of(part: str, bill: Bill) -> str:
    """Return the name of a part: `other` is the planning margin where it is made of nothing else."""
    if part != "other":
        return _NAMES[part]
    return "other" if any(details(gpu) for gpu in bill.per_gpu) else PLANNING_MARGIN


def details(gpu: GpuBill) -> dict[str, int]:
    """Return the terms that are worth a line: all but the pool, and none where allocator slack is all of `other`."""
    found = {name: size for name, size in gpu.terms if size and name != POOL}
    return {} if found == {"allocator_slack": gpu.other} else found


def term_name(term: str) -> str:
    """Return the name of a term: `cuda_graphs` is `CUDA graphs`."""
    return _TERMS.get(term, term.replace("_", " "))


def columns(per_gpu: Sequence[GpuBill]) -> Iterator[tuple[str, GpuBill]]:
    """Yield a heading and a bill for each run of GPUs that hold the same."""
    for bill, run in groupby(enumerate(per_gpu), key=lambda item: item[1]):
        numbers = [number for number, _ in run]
        first, last = numbers[0], numbers[-1]
        yield (f"GPU {first}" if first == last else f"GPU {first} to {last}"), bill
