"""The VRAM bill of LMDeploy's TurboMind: a share of what is free after the weights becomes the pool."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from voltaic.engines.lmdeploy.facts import facts, holds, source
from voltaic.memory.asked import asked
from voltaic.memory.bill import Bill, GpuBill, NoBill, Shortfall
from voltaic.memory.formats import weights_format
from voltaic.memory.parallel import Rule, kv_heads, rank_weights
from voltaic.units import GIB, gib

if TYPE_CHECKING:
    from voltaic.engines.base import Runs
    from voltaic.engines.lmdeploy.case import Case
    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec

_RULE: Final = Rule(vocabulary_multiple=8, replicate_keys=True, split_embedding=True)
_ELEMENT: Final = 2


def estimate(spec: ServingSpec, runs: Runs | None, case: Case | None) -> Bill | NoBill:
    """Return the bill of the spec run this way, or which term has no model and what would settle it."""
    known = asked(spec)
    if isinstance(known, NoBill):
        return known
    gpu, gpus, arch = known
    if runs is None or case is None:
        return NoBill(
            f"how {spec.release} would run this is not known", "a spec that TurboMind runs", None, gpu.sources
        )
    missing = _missing(arch, runs, case)
    return missing if missing is not None else _bill(case, arch, runs, gpus)


def _missing(arch: Architecture, runs: Runs, case: Case) -> NoBill | None:
    if any(cache.kind not in {"full", "sliding"} for cache in arch.caches) or arch.towers:
        return NoBill(f"the cache or the towers of {arch.model_type} are not modelled", "a measurement of its pool")
    if weights(arch, runs) is None:
        return NoBill(f"the size of {runs.weights} weights is not modelled", "the sizes in the checkpoint's headers")
    if case.ratio >= 1 or case.ratio <= 0:
        return NoBill("a pool that is given as a number of blocks is not modelled", "a share between 0 and 1")
    return None


def weights(arch: Architecture, runs: Runs) -> tuple[int, int] | None:
    """Return the bytes of one rank's weights, and of all of them; None where the format has no model."""
    fmt = weights_format(runs.weights, arch.quantization, dtype=runs.dtype)
    if fmt is None or fmt.on_load:
        return None
    rank = rank_weights(arch, max(1, runs.shards), _RULE, fmt)
    return rank.allocated, rank.bytes


@lru_cache(maxsize=2048)
def token_bytes(arch: Architecture, shards: int, policy: int) -> int:
    """Return the bytes that one token adds to the pool of one rank.

    Args:
        arch: the model.
        shards: ranks.
        policy: `--quant-policy`: 0, or the bits of a quantized cache, which keeps two numbers for each head besides.
    """
    total = 0
    for cache in arch.caches:
        heads = cache.layers * kv_heads(cache.kv_heads, shards, replicate=True)
        bits = (cache.key_dim + cache.value_dim) * (policy or 8 * _ELEMENT)
        parameters = 2 * facts()["cache"]["parameters"] * _ELEMENT if policy else 0
        total += heads * (bits // 8 + parameters)
    return total


def _nccl(shards: int) -> int:
    if shards == 1:
        return 0
    rows = facts()["bill"]["nccl"]
    return int(GIB * next((size for most, size in rows if shards <= most), rows[-1][1]))


def _activations(arch: Architecture, runs: Runs) -> int:
    """Return the bytes of one pass at its widest point, with the logits of a batch in 32 bits."""
    # A limit below 1 is for the rule on arguments; here it stands for the least that can run.
    tokens, batch = max(1, runs.limits["max_prefill_token_num"]), max(1, runs.limits["max_batch_size"])
    wide = 3 * -(-arch.intermediate // runs.shards) + 4 * arch.hidden
    if arch.experts is not None:
        experts = arch.experts
        routed = experts.per_token * (2 * max(experts.intermediate, arch.hidden)) + 3 * experts.shared_intermediate
        wide = max(wide, routed // runs.shards + 4 * arch.hidden)
    return max(tokens, batch) * wide * _ELEMENT + batch * arch.vocab * 4


def _bill(case: Case, arch: Architecture, runs: Runs, gpus: int) -> Bill:
    gpu, table = case.gpu, facts()["bill"]
    sized = weights(arch, runs)
    held = 0 if sized is None else sized[0]
    nccl, activations = _nccl(runs.shards), _activations(arch, runs)
    free = gpu.usable_bytes - gpu.context_bytes - nccl - held
    of = gpu.usable_bytes if holds("cache", "of_total", case.version) else free
    pool = max(0, int(of * case.ratio))
    block = max(0, case.number("cache_block_seq_len", facts()["cache"]["block"])) or facts()["cache"]["block"]
    per_token = token_bytes(arch, runs.shards, case.number("quant_policy", 0))
    tokens = pool // (block * per_token) * block
    session = runs.limits.get("session_len")
    stated = session is not None and type(case.spec.option("session_len")) is int
    wanted = session if session is not None and (stated or session < tokens) else max(block, tokens)
    needed = max(0, -(-wanted // block) * block * per_token)
    slack = max(int(table["slack"] * (held + activations)), int(table["slack_least"] * GIB))
    rank = GpuBill(
        budget=gpu.usable_bytes,
        context=gpu.context_bytes,
        weights=held,
        kv_cache=needed,
        activations=activations,
        other=nccl + slack + max(0, pool - needed),
        terms=(("kv_pool", pool), ("nccl", nccl), ("allocator_slack", slack)),
    )
    idle = GpuBill(gpu.usable_bytes, 0, 0, 0, 0, 0)
    return Bill(
        per_gpu=(rank,) * runs.shards + (idle,) * (gpus - runs.shards),
        kv_cache_bytes_per_token=per_token * runs.shards,
        kv_cache_tokens=tokens,
        peak_moment="prefill",
        margin=table["margin"],
        sources=(*gpu.sources, source("cache"), source("bill")),
        shortfalls=tuple(_shortfalls(case, wanted, tokens, pool)),
    )


def _shortfalls(case: Case, wanted: int, tokens: int, pool: int) -> list[Shortfall]:
    if tokens >= wanted and tokens > 0:
        return []
    if holds("cache", "truncates", case.version) and tokens > 0:
        why = (
            f'The server starts with "session_len truncated to {tokens}" and ends every longer session: what was asked '
            "for is not served."
        )
    else:
        why = "Nothing holds the keys and values of such a session, so that it is never served to its end."
    share = "the whole GPU" if holds("cache", "of_total", case.version) else "what is free after the weights"
    return [
        Shortfall(
            "kv-pool",
            found=tokens,
            needed=wanted,
            unit="tokens",
            message=(
                f"The pool of the KV cache holds {tokens} tokens, and a session may have {wanted}: "
                f"--cache-max-entry-count {case.ratio:g} gives {gib(pool)}, a share of {share}."
            ),
            why=why,
            fix="Lower --session-len, write --quant-policy 8, use a 4-bit checkpoint, or more GPUs.",
            sources=(source("cache"),),
        )
    ]
