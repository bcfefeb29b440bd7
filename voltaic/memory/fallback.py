"""What TGI's Transformers fallback holds on every GPU: closed forms, one per moment.

There is no pool: the cache grows with the longest running request, every request is padded to it, and each decode step
holds it twice, the old one in the batch and the new one that transformers concatenates. Only `max_batch_size` x
`max_total_tokens` bounds that.

Not billed: prefill logits that sampled requests of further distinct settings keep (one setting is billed, ten are
possible).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from voltaic.memory import facts
from voltaic.memory.weights import FLOAT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.memory.bill import Moment
    from voltaic.memory.weights import GpuWeights
    from voltaic.models import Architecture

WIDE_BYTES = 4
"""Bytes of a float32."""


@dataclass(frozen=True, slots=True)
class Load:
    """The requests that the limits allow at once, in requests and tokens."""

    batch: int
    """Requests that decode together."""
    total: int
    """Tokens of one request, input and output."""
    input: int
    """Tokens of the longest input."""
    prefill: int
    """Tokens that one prefill may hold, padding counted."""
    warm_up_requests: int
    warm_up_tokens: int
    """Tokens of each request of the warm-up batch."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the model runs."""

    arch: Architecture
    eager: bool
    """True: attention without a fused kernel."""
    int8: bool
    upcast: bool
    """True: all logits are held as 32-bit numbers too."""
    whole_cache: bool
    """True: the cache of all layers passes through each GPU of a layer split."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one GPU holds at one moment beside its weights, in bytes."""

    moment: Moment
    kv_cache: int
    activations: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.kv_cache + self.activations


def moments(kind: Kind, load: Load, gpu: GpuWeights) -> Iterator[Held]:
    """Yield what a GPU holds at every moment of a server's life, at the worst that the limits allow."""
    layers = kind.arch.layers if kind.whole_cache else gpu.layers
    per_token = kv_per_layer(kind.arch) * layers
    fresh = per_token + _queries(kind.arch) * layers  # of a prompt that has not been decoded yet
    logits = gpu.first or gpu.head

    requests, tokens = load.warm_up_requests, load.warm_up_tokens
    warm_up = _pass(kind, requests, tokens, gpu.layers, logits=logits, prompt_log_probabilities=gpu.first, padded=False)
    yield Held("warm-up", requests * tokens * fresh, warm_up)

    most = min(load.batch, max(1, load.prefill // load.input))
    for joining in {1, most}:
        running = (load.batch - joining) * load.total
        forward = _pass(kind, joining, load.input, gpu.layers, logits=logits, padded=joining > 1)
        yield Held("prefill", running * per_token + joining * load.input * fresh, forward)

    if load.batch > 1 and layers:
        yield Held("join", _joined(load, per_token, fresh, layers), 0)
    cache = max(2 * load.batch * load.total * per_token, most * load.input * (fresh + per_token))
    yield Held("decode", cache, _decode(kind, load, gpu.layers, logits=logits))


def kept_logits(kind: Kind, load: Load) -> int:
    """Return the bytes of prefill logits that sampled requests keep for good, on the GPU that returns logits."""
    width = WIDE_BYTES if kind.upcast else FLOAT_BYTES
    return int(facts.table()["sampling"]["settings_billed"]) * width * _prefill_tokens(load) * kind.arch.vocab


@lru_cache(maxsize=1024)
def kv_per_layer(arch: Architecture) -> int:
    """Return the bytes that one token adds to the cache of one layer, keys and values."""
    return arch.transformers_kv_elements_per_token // arch.layers * FLOAT_BYTES


def layer_keys(arch: Architecture, load: Load) -> int:
    """Return the bytes of the keys of one layer at the largest cache: the size in which the allocator is asked."""
    return kv_per_layer(arch) // 2 * load.batch * load.total


def _queries(arch: Architecture) -> int:
    """Return the bytes by which one token of a fresh prompt exceeds its cache in one layer."""
    if not facts.keeps_queries(arch.model_type):
        return 0
    heads = arch.heads + (arch.kv_heads if facts.keeps_keys_twice(arch.model_type) else 0)
    return FLOAT_BYTES * heads * arch.head_dim


def _prefill_tokens(load: Load) -> int:
    return max(load.input, min(load.prefill, load.batch * load.input))


def _pass(
    kind: Kind,
    requests: int,
    tokens: int,
    layers: int,
    *,
    logits: bool,
    padded: bool,
    prompt_log_probabilities: bool = False,
) -> int:
    """Return the activations of one forward pass over prompts: the larger of a layer and the output head."""
    held = _layer(kind, requests, tokens, padded=padded) if layers else 0
    if not logits:
        return held
    arch, rows = kind.arch, requests * tokens
    width = FLOAT_BYTES * facts.logit_copies(arch.model_type) + (WIDE_BYTES if kind.upcast else 0)
    held = max(held, rows * (arch.hidden * FLOAT_BYTES + arch.vocab * width))
    if prompt_log_probabilities:
        one = WIDE_BYTES if kind.upcast else FLOAT_BYTES
        held = max(held, (rows + tokens) * arch.vocab * one)
    return held


@lru_cache(maxsize=8192)
def _layer(kind: Kind, requests: int, tokens: int, *, padded: bool) -> int:
    arch = kind.arch
    form = facts.layer_form(arch)
    if form is None:
        raise LookupError(f"no activations are known for {arch.model_type}")  # callers ask layer_form first
    held = _formed(form, arch, requests, tokens, padded=padded)
    if kind.int8:
        known = facts.int8_form(arch.model_type)
        if known is None:
            raise LookupError(f"no int8 activations are known for {arch.model_type}")  # callers ask int8_form first
        int8, matrix = known
        held = max(
            held, matrix * arch.hidden * arch.intermediate + _formed(int8, arch, requests, tokens, padded=padded)
        )
    eager = facts.eager_form(arch.model_type) if kind.eager else None
    if eager is None:
        return held
    repeated = 2 * FLOAT_BYTES * requests * tokens * arch.heads * arch.head_dim if arch.kv_heads < arch.heads else 0
    return max(held, _formed(eager, arch, requests, tokens, padded=padded) + repeated)


def _formed(form: facts.LayerForm, arch: Architecture, requests: int, tokens: int, *, padded: bool) -> int:
    linear = form.hidden * arch.hidden + form.intermediate * arch.intermediate + form.head_dim * arch.head_dim
    squared = tokens * tokens
    if form.experts and arch.experts is not None:
        width = arch.experts.intermediate * arch.experts.per_token // arch.experts.count
        linear += form.experts * width + form.intermediate * arch.experts.shared_intermediate
    beyond = form.mask_beyond_window and arch.sliding_window is not None and tokens > arch.sliding_window
    mask = form.mask * requests * squared if padded or beyond else 0
    return requests * tokens * linear + form.quadratic * requests * arch.heads * squared + form.square * squared + mask


def _joined(load: Load, per_token: int, fresh: int, layers: int) -> int:
    """Return the cache while a new batch is joined to a running one, layer by layer."""
    joining = min(load.batch, max(1, load.prefill // load.input))
    joining = min(joining, load.batch - 1)
    old = (load.batch - joining) * load.total * per_token + joining * load.input * fresh
    new = load.batch * load.total * per_token
    one_of_new, one_of_old = new // (2 * layers), old // (2 * layers)
    return max(old + one_of_new, new + one_of_old, new - one_of_new + 2 * one_of_old)


def _decode(kind: Kind, load: Load, layers: int, *, logits: bool) -> int:
    """Return the activations of one decode step at the largest cache."""
    arch = kind.arch
    held = 0
    if layers:
        held = _repeated(arch, load.batch, load.total)
        form = facts.eager_form(arch.model_type) if kind.eager else None
        if form is not None:
            held += (form.quadratic + form.keys * arch.head_dim) * load.batch * arch.heads * load.total
    if logits:
        held = max(held, WIDE_BYTES * load.batch * arch.vocab)
    if kind.int8 and layers:
        held += FLOAT_BYTES * arch.hidden * arch.intermediate
    return held


def _repeated(arch: Architecture, batch: int, tokens: int) -> int:
    """Return one layer's keys and values repeated for every query head, as attention takes them."""
    if arch.model_type == "falcon":
        form = facts.layer_form(arch)
        scores = (form.quadratic if form is not None else 0) * batch * arch.heads * tokens
        return scores + (FLOAT_BYTES * batch * arch.heads * arch.head_dim * tokens if batch > 1 else 0)
    if arch.kv_heads == arch.heads or (arch.kv_heads == 1 and batch == 1):
        return 0
    return 2 * FLOAT_BYTES * batch * arch.heads * arch.head_dim * tokens
