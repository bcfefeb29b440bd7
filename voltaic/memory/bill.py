"""The VRAM bill of a serving spec, per GPU, line by line, in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from voltaic.findings import Source

Moment = Literal["load", "warm-up", "graph-capture", "prefill", "join", "decode"]


@dataclass(frozen=True, slots=True)
class GpuBill:
    """What one GPU holds at the worst moment, in bytes."""

    budget: int
    """Bytes that the driver gives on this GPU model."""
    context: int
    """CUDA context, library handles and workspaces."""
    weights: int
    kv_cache: int
    activations: int
    other: int
    """All the rest: CUDA graphs, communication buffers, what the caching allocator cannot reuse."""
    terms: tuple[tuple[str, int], ...] = ()
    """What `context` and `other` are made of and what else is worth telling, by name: `nccl`, `cuda_graphs`,
    `allocator_slack`, `kv_pool` (what the engine takes for its pool, of which `kv_cache` is what the limits need)."""

    @property
    def total(self) -> int:
        """Everything that this GPU must hold at once, in bytes."""
        return self.context + self.weights + self.kv_cache + self.activations + self.other

    @property
    def headroom(self) -> int:
        """Budget less total, in bytes; negative where it does not fit."""
        return self.budget - self.total

    def document(self) -> dict[str, Any]:
        """Return the bill of this GPU as in a plan document."""
        names = ("budget", "context", "weights", "kv_cache", "activations", "other", "total", "headroom")
        document: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.terms:
            document["terms"] = dict(self.terms)
        return document


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Something beside the sum that must hold and does not, as a pool that is smaller than one request."""

    name: str
    """Kebab-case: `kv-pool`, `share-not-free`."""
    found: int
    needed: int
    unit: Literal["tokens", "bytes"]
    message: str
    """What is found and what is needed, in one sentence with both numbers."""
    why: str
    fix: str
    """What to change, in words; proven ways out are searched besides."""
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill of every GPU of the pod at the worst moment."""

    per_gpu: tuple[GpuBill, ...]
    kv_cache_bytes_per_token: int
    """Bytes that one token adds to the KV cache, over all layers and all GPUs, one copy."""
    kv_cache_tokens: int
    """Tokens that the KV cache holds at the stated limits."""
    peak_moment: Moment
    margin: float = 0.0
    """Share of the budget by which the estimate may err; a bill that fits with less headroom is tight."""
    undecided: float = 0.0
    """Share of the budget that must be free for an accept, where nothing that the engine printed backs the bill."""
    sources: tuple[Source, ...] = ()
    moments: tuple[tuple[Moment, tuple[int, ...]], ...] = ()
    """Bytes held at each moment on each GPU, where an engine tells them apart."""
    shortfalls: tuple[Shortfall, ...] = ()

    @property
    def worst(self) -> GpuBill:
        """The GPU with the least headroom."""
        return min(self.per_gpu, key=lambda gpu: gpu.headroom)

    @property
    def fits(self) -> bool:
        """Whether every GPU holds its part, and the engine's own conditions hold."""
        return self.worst.headroom >= 0 and not self.shortfalls

    @property
    def tight(self) -> bool:
        """Whether it fits, but with less headroom than the estimate may err."""
        return self.fits and any(gpu.headroom < self.margin * gpu.budget for gpu in self.per_gpu)

    @property
    def too_close(self) -> bool:
        """Whether it fits by so little that nobody can tell."""
        return self.fits and any(gpu.headroom < self.undecided * gpu.budget for gpu in self.per_gpu)

    def document(self) -> dict[str, Any]:
        """Return the bill as in a plan document (schema voltaic/plan/v1)."""
        document: dict[str, Any] = {
            "per_gpu": [gpu.document() for gpu in self.per_gpu],
            "kv_cache_bytes_per_token": self.kv_cache_bytes_per_token,
            "kv_cache_tokens": self.kv_cache_tokens,
            "peak_moment": self.peak_moment,
        }
        if self.moments:
            document["moments"] = {moment: list(held) for moment, held in self.moments}
        return document


@dataclass(frozen=True, slots=True)
class NoBill:
    """The bill cannot be made: a term has no model."""

    because: str
    """Which term is not known, and for what."""
    settled_by: str
    """What would settle it."""
    at_least: int | None = None
    """Bytes that one GPU must hold whatever the missing term is (context and weights), where known."""
    sources: tuple[Source, ...] = ()
