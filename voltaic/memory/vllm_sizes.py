"""Sizes that vLLM reports on starting: weights of a rank, activations of its first pass, bytes of a token's cache."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from voltaic.engines.versions import within
from voltaic.memory import vllm_facts
from voltaic.memory.formats import weights_format
from voltaic.memory.parallel import Rule, kv_heads, rank_weights, rotary_table

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.memory.formats import Format
    from voltaic.memory.parallel import Rank
    from voltaic.models import Architecture

_FORMATS: Final = {
    "awq_marlin": "awq",
    "auto_awq": "awq",
    "gptq_marlin": "gptq",
    "auto_gptq": "gptq",
    "bitsandbytes": "bitsandbytes-nf4",
}
"""Formats by the method that serves them, where the names differ."""
ELEMENT: Final = {"float16": 2, "bfloat16": 2, "float32": 4}
"""Bytes of an element."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The pass with which a server measures its activations."""

    tokens: int
    sequences: int
    """Rows that are sampled."""
    sampled: bool
    """False: prompts are computed in parts by an early V0, whose first pass samples nothing."""


def format_of(arch: Architecture, weights: str, dtype: str) -> Format | None:
    """Return how linear layers are stored; None where that is not known."""
    return weights_format(_FORMATS.get(weights, weights), arch.quantization, dtype=dtype)


@lru_cache(maxsize=2048)
def weights(arch: Architecture, fmt: Format, ranks: int, version: Version) -> Rank:
    """Return the weights of one rank, with what the release holds beside the checkpoint's tensors."""
    rule = Rule(vocabulary_multiple=vllm_facts.table()["weights"]["vocabulary_multiple"])
    extra = [size for size in (rotary_table(arch, element=fmt.element),) if size]
    extra += _absorbed(arch, -(-arch.heads // ranks) * fmt.element, version)
    return rank_weights(arch, ranks, rule, fmt, tuple(extra))


def _absorbed(arch: Architecture, heads: int, version: Version) -> list[int]:
    """Return the sizes of what latent attention holds a second time, absorbed into queries and outputs.

    `heads`: those of one rank, times the bytes of an element.
    """
    latent = arch.latent
    if latent is None:
        return []
    one = latent.kv_rank * heads
    if within(version, vllm_facts.table()["weights"]["absorbed_whole"]):
        return [one * (latent.q_rank or arch.hidden), one * arch.hidden] * arch.layers
    return [one * latent.nope_dim, one * latent.value_dim] * arch.layers


def activations(arch: Architecture, run: Pass, ranks: int, element: int, sampler: float) -> int:
    """Return the bytes that the first pass holds at its peak, beside the weights.

    The larger of what the sampler holds for every sampled row, whole on every rank, and what one layer holds for every
    token.
    """
    row = vllm_facts.table()["layer"]
    padded = -(-arch.vocab // 64) * 64
    sampled = int(sampler * run.sequences * padded) + run.tokens * arch.hidden * element if run.sampled else 0
    width = int(row["gated"] if arch.gated_mlp else row["plain"])
    layer = run.tokens * (width * -(-arch.intermediate // ranks) + int(row["hidden"]) * arch.hidden) * element
    if arch.experts is None:
        return max(sampled, layer)
    inner = -(-arch.experts.intermediate // ranks)
    chosen = run.tokens * arch.experts.per_token
    if sampled:
        sampled += chosen * (max(2 * inner, arch.hidden) + inner) * element
    sparse = chosen * (3 * inner + arch.hidden) * element + 4 * run.tokens * arch.hidden * element
    return max(sampled, layer, sparse)


@dataclass(frozen=True, slots=True)
class CacheSizes:
    """Bytes that one token adds to the cache of one rank."""

    per_token: int
    """Where every layer keeps every token."""
    windowed: tuple[tuple[int, int], ...]
    """Bytes a token of layers with a window, and that window in tokens."""

    def request(self, tokens: int, block: int) -> int:
        """Return the bytes of one request of that many tokens where every layer keeps every token."""
        return -(-tokens // block) * block * self.per_token

    def request_windowed(self, tokens: int, block: int, batched: int) -> int:
        """Return the bytes of one request where layers with a window keep only that and the pass being computed."""
        held = self.request(tokens, block)
        for size, window in self.windowed:
            kept = min(-(-min(window - 1 + batched, tokens) // block) + 1, -(-tokens // block)) * block
            held -= (-(-tokens // block) * block - kept) * size
        return held


@lru_cache(maxsize=2048)
def cache_sizes(arch: Architecture, ranks: int, element: int, version: Version) -> CacheSizes | None:
    """Return what a token adds to the cache of one rank; None where a kind of layer has no model here."""
    total = 0
    windowed = []
    for cache in arch.caches:
        if cache.kind == "latent" and within(version, vllm_facts.table()["pool"]["latent"]):
            total += cache.layers * cache.latent * element
            continue
        if cache.kind not in {"full", "sliding", "chunked"}:
            return None
        heads = kv_heads(cache.kv_heads, ranks, replicate=True)
        size = cache.layers * heads * (cache.key_dim + cache.value_dim) * element
        total += size
        if cache.kind != "full" and cache.window is not None:
            windowed.append((size, cache.window))
    return CacheSizes(total, tuple(windowed))
