"""What TGI's flash path holds on every GPU, and the pool that its warm-up leaves for the KV cache.

The server loads its weights, takes a cache for the warm-up batch, runs one prefill of `max_batch_prefill_tokens`, looks
at what is free, and takes the pool from it. What the warm-up prefill held stays free for later ones. So it starts if
weights, the warm-up's own cache and its prefill fit at once; the pool is what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from voltaic import facts_files
from voltaic.engines.versions import within
from voltaic.findings import Source
from voltaic.memory.parallel import Rank, Rule, kv_heads, rank_weights, rotary_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.versions import Version
    from voltaic.hardware import GpuModel
    from voltaic.memory.formats import Format
    from voltaic.models import Architecture

GIB: Final = 2**30
RULE: Final = Rule(vocabulary_extra=1, whole_uneven_head=True, replicate_keys=False)
"""How TGI splits weights over its shards."""


@dataclass(frozen=True, slots=True)
class Server:
    """A model as the shards of one release hold it: what no limit changes."""

    gpu: GpuModel
    version: Version
    arch: Architecture
    shards: int
    fmt: Format
    attention: str
    kv_bytes: int
    """Bytes of one element of the cache."""
    fraction: float = 1.0
    """`--cuda-memory-fraction`."""
    wiggle: float | None = None
    """`TGI_WIGGLE_ROOM`; None: the release's own."""
    graphs: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits with which the warm-up runs."""

    prefill: int
    """Tokens of the warm-up prefill."""
    requests: int
    total: int | None
    """Tokens of the longest request; None: as many as the pool and the model's positions allow."""
    longest: int
    """Input tokens of the largest request of the warm-up."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one GPU holds, in bytes."""

    rank: Rank
    weights: int
    load: int
    """Bytes that converting weights takes for a moment while loading, beside them."""
    nccl: int
    warm_up_cache: int
    activations: int
    pool: int
    tokens: int
    """Tokens that the pool holds."""
    per_token: int
    """Bytes of one token in this GPU's pool."""
    graphs: int
    slack: int
    """Bytes that the allocator holds beside weights and activations."""


@cache
def table() -> Mapping[str, Any]:
    """Return `tgi_flash.toml` as written."""
    return MappingProxyType(facts_files.table(Path(__file__).with_name("tgi_flash.toml")))


@cache
def sources() -> tuple[Source, ...]:
    """Return where the facts come from."""
    names = ("reserve", "logits", "layer", "head", "weights", "nccl", "graphs", "slack", "margin")
    return tuple(Source(table()[name]["source"], table()[name]["confidence"]) for name in names)


@cache
def reserve(version: Version) -> tuple[float, bool, str]:
    """Return the share that the pool may take, whether the environment sets it, and of what it is a share."""
    found = next(row for row in table()["reserve"]["rows"] if within(version, row[0]))
    return float(found[1]), bool(found[2]), str(found[3])


def plan(server: Server, limits: Limits) -> Plan:
    """Return what one GPU of the server holds with these limits."""
    held = _held(server)
    per_token, block = token_bytes(server), block_size(server)
    cache_tokens = limits.requests * _blocks(limits.total or limits.longest + 1, block) * block
    activations, left = (held.unpacked + size for size in _activations(server, limits.prefill, limits.requests))
    warm_up = cache_tokens * per_token
    slack = _slack(held.weights + activations)
    used = server.gpu.context_bytes + held.nccl + held.weights + warm_up + left + slack
    taken = max(0, _for_pool(server, server.gpu.usable_bytes - used))
    blocks = taken // (per_token * block) + cache_tokens // block
    return Plan(
        rank=held.rank,
        weights=held.weights,
        load=held.load,
        nccl=held.nccl,
        warm_up_cache=warm_up,
        activations=activations,
        pool=blocks * block * per_token,
        tokens=blocks * block,
        per_token=per_token,
        graphs=held.graphs,
        slack=slack,
    )


def _slack(tensors: int) -> int:
    row = table()["slack"]
    return int(max(row["share"] * tensors, row["least_gib"] * GIB))


def _for_pool(server: Server, free: int) -> int:
    """Return what the release takes of the memory that is free after its warm-up, beside the warm-up's own cache."""
    share, settable, of = reserve(server.version)
    if settable and server.wiggle is not None:
        share = server.wiggle
    total = server.gpu.usable_bytes
    if of == "total":
        return free - int((1 - server.fraction * share) * total)
    return int(share * max(0, free - int((1 - server.fraction) * total)))


@lru_cache(maxsize=1024)
def token_bytes(server: Server) -> int:
    """Return the bytes of one token in the pool of one shard: every layer in full, sliding ones too."""
    arch = server.arch
    if arch.latent is not None:
        # The latent is not kept: full heads of K and V, as wide as the wider of them.
        wide = max(arch.latent.nope_dim + arch.latent.rope_dim, arch.latent.value_dim)
        return 2 * arch.layers * max(1, arch.heads // server.shards) * wide * server.kv_bytes
    heads = max(1, kv_heads(arch.kv_heads, server.shards, replicate=False))
    return 2 * arch.layers * heads * arch.head_dim * server.kv_bytes


@cache
def _block(attention: str) -> int:
    return int(table()["block"].get(attention, table()["block"]["flashdecoding"]))


def block_size(server: Server) -> int:
    """Return the tokens of one block of the pool."""
    return _block(server.attention)


def _blocks(tokens: int, block: int) -> int:
    return -(-tokens // block)


@dataclass(frozen=True, slots=True)
class _Held:
    rank: Rank
    weights: int
    load: int
    nccl: int
    unpacked: int
    graphs: int


@lru_cache(maxsize=1024)
def _held(server: Server) -> _Held:
    facts, arch, fmt = table(), server.arch, server.fmt
    extra = [rotary_table(arch, element=fmt.element)]
    if arch.tied_embeddings and facts["weights"]["tied_copies"] > 1:
        rows = arch.vocab if arch.vocab % server.shards else arch.vocab // server.shards
        extra.append(rows * arch.hidden * fmt.element)
    rank = rank_weights(arch, server.shards, RULE, fmt, tuple(size for size in extra if size))
    ranks = facts["nccl"]
    nccl = 0 if server.shards == 1 else int((ranks["two"] if server.shards == 2 else ranks["more"]) * GIB)  # noqa: PLR2004
    largest = _largest_linear(server)
    captured = server.graphs and server.version >= tuple(facts["graphs"]["since"])
    return _Held(
        rank=rank,
        weights=rank.reserved,
        load=largest if fmt.on_load else 0,
        nccl=nccl,
        unpacked=largest if fmt.name in facts["formats"]["unpacked"] else 0,
        graphs=int(facts["graphs"]["gib"] * GIB) if captured else 0,
    )


def _largest_linear(server: Server) -> int:
    """Return the bytes of the widest linear layer of one shard in 16 bits: gate and up in one."""
    arch = server.arch
    wide = (2 if arch.gated_mlp else 1) * arch.intermediate
    return arch.hidden * -(-wide // server.shards) * server.fmt.element


@lru_cache(maxsize=8192)
def _activations(server: Server, tokens: int, requests: int) -> tuple[int, int]:
    """Return what a prefill of `tokens` needs at once, and what it leaves reserved.

    The first is the larger of a layer and the logits of all tokens, the second both.
    """
    arch, width = server.arch, server.fmt.element
    row = table()["layer"]
    kind = row["gated"] if arch.gated_mlp else row["plain"]
    layer = tokens * (kind * -(-arch.intermediate // server.shards) + row["hidden"] * arch.hidden) * width
    if arch.experts is not None:
        inner = -(-arch.experts.intermediate // server.shards)
        spread = tokens * arch.experts.per_token * (row["experts"] * inner + arch.hidden)
        shared = kind * tokens * -(-arch.experts.shared_intermediate // server.shards)
        layer = max(layer, (spread + shared + row["hidden"] * tokens * arch.hidden) * width)
    copies = 2 if server.version < tuple(table()["logits"]["softmax_copy_before"]) else 1
    gathered = 0 if server.shards == 1 or arch.vocab % server.shards else -(-arch.vocab // server.shards)
    logits = tokens * (copies * arch.vocab + gathered + table()["head"]["hidden"] * arch.hidden) * width
    sampled = requests * arch.vocab * (width + 4)
    return int(max(layer, logits) + sampled), int(layer + logits + sampled)
