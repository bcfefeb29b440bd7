"""How many GPUs the server's processes use."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Final

from voltaic.engines.words.line import reads_alike

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

RANKS: Final = ("tensor_parallel_size", "pipeline_parallel_size", "prefill_context_parallel_size")
"""Options whose product are the ranks of one copy of the model: each takes a GPU. Experts and decode contexts are
spread over these ranks and take no others (vllm/config/parallel.py, world_size, of 0.8.3 to 0.19.1)."""
_ELSEWHERE: Final = frozenset(
    {
        "data_parallel_external_lb",
        "data_parallel_hybrid_lb",
        "data_parallel_rank",
        "data_parallel_start_rank",
        "headless",
        "device_ids",
        "enable_elastic_ep",
    }
)
"""Options with which ranks are spread over pods, or take GPUs by name."""


def gpus_used(spec: ServingSpec) -> int | None:
    """Return how many GPUs of the pod compute; None where that is not known."""
    options = spec.command.options
    spread = spec.option("distributed_executor_backend") == "ray" or spec.option("nnodes", 1) != 1
    if spread or not _ELSEWHERE.isdisjoint(options) or not reads_alike(spec.command):
        return None
    copies = spec.option("data_parallel_size_local", spec.option("data_parallel_size", 1))
    numbers = [*(spec.option(name, 1) for name in RANKS), copies]
    return prod(numbers) if all(type(number) is int and number > 0 for number in numbers) else None
