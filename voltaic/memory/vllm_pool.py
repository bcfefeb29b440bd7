"""The pool of a vLLM server: what its share of the memory leaves for the KV cache, and when that is too little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltaic.engines.vllm import limits
from voltaic.memory import vllm_facts, vllm_sizes
from voltaic.memory.bill import Shortfall
from voltaic.units import gib

if TYPE_CHECKING:
    from voltaic.engines.base import Runs
    from voltaic.engines.vllm.case import Case
    from voltaic.memory.formats import Format
    from voltaic.models import Architecture

_ESTIMATE: Final = "VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS"


@dataclass(frozen=True, slots=True)
class Server:
    """What the terms of the bill share."""

    case: Case
    arch: Architecture
    fmt: Format
    runs: Runs
    length: int
    """Tokens of the longest request."""
    tokens: int
    """Tokens of the first pass."""
    kv_element: int

    @property
    def v1(self) -> bool:
        """Whether the V1 engine serves it."""
        return self.runs.implementation == "vllm-v1"

    @property
    def many(self) -> bool:
        """Whether there are several ranks."""
        return self.runs.shards > 1


def graphs_of(case: Case, *, v1: bool) -> tuple[int, bool]:
    """Return the bytes of CUDA graphs, and whether the share covers them."""
    if case.spec.option("enforce_eager"):
        return 0, True
    size, inside = vllm_facts.graphs(case.version, v1=v1)
    said = case.spec.command.env.get(_ESTIMATE)
    return size, inside and said != "0"


@dataclass(frozen=True, slots=True)
class Pool:
    """What the share leaves for the KV cache, on one rank, in bytes."""

    share: int
    expected: int
    sure: int
    """With the upper ends of what else the share holds."""
    tokens: int
    context_inside: bool
    graphs_inside: bool
    automatic: bool
    cache: vllm_sizes.CacheSizes
    weights: int
    activations: int

    @classmethod
    def of(cls, server: Server, weights: int, activations: int) -> Pool:
        """Return the pool of a server."""
        case, version, v1 = server.case, server.case.version, server.v1
        gpu = case.gpu
        share = int(gpu.usable_bytes * limits.utilization(case))
        size, graphs_inside = graphs_of(case, v1=v1)
        context_inside = vllm_facts.context_inside(version, v1=v1)
        inside = weights + activations + (gpu.context_bytes if context_inside else 0)
        inside += size if graphs_inside else 0
        many = server.many
        expected = share - inside - vllm_facts.non_torch(version, v1=v1, many=many, upper=False)
        sure = share - inside - vllm_facts.non_torch(version, v1=v1, many=many, upper=True)
        cache = vllm_sizes.cache_sizes(server.arch, server.runs.shards, server.kv_element, version)
        if cache is None:
            raise LookupError(server.arch.model_type)  # asked before
        pool = vllm_facts.table()["pool"]
        blocks = max(0, expected) // (pool["block"] * cache.per_token) - (pool["null_blocks"] if v1 else 0)
        automatic = limits.effective(case).automatic
        return cls(
            share=share,
            expected=expected,
            sure=sure,
            tokens=max(0, blocks) * pool["block"],
            context_inside=context_inside,
            graphs_inside=graphs_inside,
            automatic=automatic,
            cache=cache,
            weights=weights,
            activations=activations,
        )


def shortfalls(server: Server, pool: Pool, needed: int, communication: int, graphs: int) -> list[Shortfall]:
    """Return the conditions that do not hold: a pool for the longest request, and a share that is free.

    All sizes are bytes on one GPU: what the longest request needs, what communication and CUDA graphs take.
    """
    case, gpu = server.case, server.case.gpu
    found = []
    block = vllm_facts.table()["pool"]["block"]
    room = max(0, pool.sure) // (block * pool.cache.per_token) * block
    share = limits.utilization(case)
    if pool.sure < needed:
        found.append(
            Shortfall(
                "kv-pool",
                found=room,
                needed=server.length,
                unit="tokens",
                message=(
                    f"The pool of the KV cache holds {room} tokens, and one request of --max-model-len may have "
                    f"{server.length}: --gpu-memory-utilization {share:g} gives {gib(pool.share)} of a GPU, of which "
                    f"weights take {gib(pool.weights)} and activations {gib(pool.activations)}; "
                    f"{gib(max(0, pool.sure))} are left for {gib(needed)}."
                ),
                why=(
                    f"The server ends where one longest request does not fit into the pool: {_error(server, room)} "
                    "Weights, activations of the first pass and what the driver gives to others come first."
                ),
                fix="Lower --max-model-len or --max-num-seqs, raise --gpu-memory-utilization, or use more GPUs.",
                sources=vllm_facts.sources(),
            )
        )
    rest = (0 if pool.context_inside else gpu.context_bytes) + communication + (0 if pool.graphs_inside else graphs)
    if pool.share + rest > gpu.usable_bytes:
        highest = int((gpu.usable_bytes - rest) / gpu.usable_bytes * 100) / 100
        parts = f"{gib(rest)} of context, communication and CUDA graphs lie outside of the share"
        found.append(
            Shortfall(
                "share-not-free",
                found=gpu.usable_bytes - rest,
                needed=pool.share,
                unit="bytes",
                message=(
                    f"--gpu-memory-utilization {share:g} takes {gib(pool.share)} of {gib(gpu.usable_bytes)}, and "
                    f"{gib(gpu.usable_bytes - rest)} are free for it: {parts}."
                ),
                why="The server fills the share with its pool and then runs out of memory, at the latest while it "
                "records CUDA graphs.",
                fix=f"Write --gpu-memory-utilization {highest:g} or less"
                + ("." if case.spec.option("enforce_eager") else ", or --enforce-eager, which records no graphs."),
                sources=vllm_facts.sources(),
            )
        )
    return found


def _error(server: Server, room: int) -> str:
    if room == 0:
        return '"No available memory for the cache blocks."'
    if server.v1:
        return f'"To serve at least one request with the models\'s max seq len ({server.length})" more is needed.'
    return (
        f"\"The model's max seq len ({server.length}) is larger than the maximum number of tokens that can be stored "
        f'in KV cache ({room})."'
    )
