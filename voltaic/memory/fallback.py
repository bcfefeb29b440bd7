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

    Step = tuple[Moment, int, int, int, int]
    """A moment and its bytes: of the cache and of the activations in one layer, of the logits on a GPU with the output
    head and on the first one; for a join the old cache and the new one in a layer."""

WIDE_BYTES = 4
"""Bytes of a float32."""


@dataclass(slots=True)
class Load:
    """The requests that the limits allow at once, in requests and tokens; not frozen, since many are made."""

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


class Forms:
    """The closed forms of one model, with all that does not depend on limits worked out: limits are asked by the dozen.

    Bytes each; those of a layer for one layer, those of the output head for the GPU that has it.
    """

    __slots__ = (
        *("kind", "cached", "fresh", "layer", "head_row", "log_probability_row"),
        *("decode_one", "decode_many", "decode_head", "decode_matrix", "kept_row"),
    )

    def __init__(self, kind: Kind) -> None:
        arch = kind.arch
        self.kind = kind
        self.cached = kv_per_layer(arch)
        """A token in the cache."""
        self.fresh = self.cached + _queries(arch)
        """A token of a prompt that has not been decoded yet."""
        self.layer = tuple(_layer_forms(kind))
        """Activations of a prefill in a layer: the largest of these counts."""
        one = WIDE_BYTES if kind.upcast else FLOAT_BYTES
        width = FLOAT_BYTES * facts.logit_copies(arch.model_type) + (WIDE_BYTES if kind.upcast else 0)
        self.head_row = arch.hidden * FLOAT_BYTES + arch.vocab * width
        """A row of logits while they are computed."""
        self.log_probability_row = arch.vocab * one
        self.decode_one, self.decode_many = (_decoded(kind, batch) for batch in (1, 2))
        """A token of a request in a decode step of one request, and of several."""
        self.decode_head = WIDE_BYTES * arch.vocab
        """A request's logits in a decode step."""
        self.decode_matrix = FLOAT_BYTES * arch.hidden * arch.intermediate if kind.int8 else 0
        """The matrix that is turned back from int8 in a decode step."""
        self.kept_row = int(facts.table()["sampling"]["settings_billed"]) * one * arch.vocab

    def prefill(self, requests: int, tokens: int, *, padded: bool) -> int:
        """Return the activations of one layer in a pass over prompts."""
        rows, square = requests * tokens, tokens * tokens
        most = 0
        for constant, linear, scores, once, mask, window in self.layer:
            squared = requests * scores + once + (requests * mask if padded or tokens > window else 0)
            held = constant + rows * linear + square * squared
            most = max(most, held)
        return most


@lru_cache(maxsize=256)
def forms_of(kind: Kind) -> Forms:
    """Return the closed forms of a model that runs this way."""
    return Forms(kind)


def steps(forms: Forms, load: Load) -> list[Step]:
    """Return every moment of a server's life, at the worst that the limits allow: what does not depend on the GPU."""
    batch, total, prompt = load.batch, load.total, load.input
    cached, fresh = forms.cached, forms.fresh
    requests, tokens = load.warm_up_requests, load.warm_up_tokens
    rows = requests * tokens
    head = rows * forms.head_row
    # The warm-up asks for the log probabilities of its prompts too.
    first = max(head, (rows + tokens) * forms.log_probability_row)
    found: list[Step] = [("warm-up", rows * fresh, forms.prefill(requests, tokens, padded=False), head, first)]

    most = min(batch, max(1, load.prefill // prompt))
    for joining in {1, most}:
        layer = forms.prefill(joining, prompt, padded=joining > 1)
        rows = joining * prompt
        head = rows * forms.head_row
        found.append(("prefill", (batch - joining) * total * cached + rows * fresh, layer, head, head))

    held = batch * total
    if batch > 1:
        joining = min(most, batch - 1)
        old = (batch - joining) * total * cached + joining * prompt * fresh
        found.append(("join", old, held * cached, 0, 0))
    cache = max(2 * held * cached, most * prompt * (fresh + cached))
    head, matrix = batch * forms.decode_head, forms.decode_matrix
    layer = held * (forms.decode_one if batch == 1 else forms.decode_many)
    found.append(("decode", cache, layer + matrix, head + matrix, head + matrix))
    return found


def held_by(forms: Forms, found: list[Step], gpu: GpuWeights) -> list[tuple[Moment, int, int]]:
    """Return what a GPU holds at each moment: cache and activations, in bytes."""
    own = gpu.layers
    layers = forms.kind.arch.layers if forms.kind.whole_cache else own
    held: list[tuple[Moment, int, int]] = []
    for moment, cache, layer, head, first in found:
        if moment == "join":
            if layers:
                held.append((moment, _joined(cache, layer, layers), 0))
            continue
        logits = first if gpu.first else head if gpu.head else 0
        if own:
            held.append((moment, layers * cache, max(logits, layer)))
        else:
            matrix = forms.decode_matrix if moment == "decode" and logits else 0
            held.append((moment, layers * cache, logits - matrix))
    return held


def moments(kind: Kind, load: Load, gpu: GpuWeights) -> Iterator[Held]:
    """Yield what a GPU holds at every moment of a server's life, at the worst that the limits allow."""
    forms = forms_of(kind)
    for held in held_by(forms, steps(forms, load), gpu):
        yield Held(*held)


def kept_logits(kind: Kind, load: Load) -> int:
    """Return the bytes of prefill logits that sampled requests keep for good, on the GPU that returns logits."""
    return forms_of(kind).kept_row * prefill_tokens(load)


@lru_cache(maxsize=1024)
def kv_per_layer(arch: Architecture) -> int:
    """Return the bytes that one token adds to the cache of one layer, keys and values."""
    return arch.transformers_kv_elements_per_token // arch.layers * FLOAT_BYTES


def layer_keys(arch: Architecture, load: Load) -> int:
    """Return the bytes of the keys of one layer at the largest cache: the size in which the allocator is asked."""
    return kv_per_layer(arch) // 2 * load.batch * load.total


def prefill_tokens(load: Load) -> int:
    """Return the tokens of the largest prefill."""
    return max(load.input, min(load.prefill, load.batch * load.input))


def _queries(arch: Architecture) -> int:
    """Return the bytes by which one token of a fresh prompt exceeds its cache in one layer."""
    if not facts.keeps_queries(arch.model_type):
        return 0
    heads = arch.heads + (arch.kv_heads if facts.keeps_keys_twice(arch.model_type) else 0)
    return FLOAT_BYTES * heads * arch.head_dim


_LayerForm = tuple[int, int, int, int, int, int]
"""Bytes of a layer: in any case; for each token; for each request and pair of tokens; for each pair of tokens once; the
same of a mask, and the length of a prompt beyond which one is held though nothing is padded."""
NO_LENGTH = 2**200
"""Tokens: no prompt is so long."""


def _layer_forms(kind: Kind) -> Iterator[_LayerForm]:
    arch = kind.arch
    form = facts.layer_form(arch)
    if form is None:
        raise LookupError(f"no activations are known for {arch.model_type}")  # callers ask layer_form first
    yield _formed(form, arch)
    if kind.int8:
        known = facts.int8_form(arch.model_type)
        if known is None:
            raise LookupError(f"no int8 activations are known for {arch.model_type}")  # callers ask int8_form first
        int8, matrix = known
        yield _formed(int8, arch, constant=matrix * arch.hidden * arch.intermediate)
    eager = facts.eager_form(arch.model_type) if kind.eager else None
    if eager is not None:
        repeated = 2 * FLOAT_BYTES * arch.heads * arch.head_dim if arch.kv_heads < arch.heads else 0
        yield _formed(eager, arch, more=repeated)


def _formed(form: facts.LayerForm, arch: Architecture, *, constant: int = 0, more: int = 0) -> _LayerForm:
    linear = form.hidden * arch.hidden + form.intermediate * arch.intermediate + form.head_dim * arch.head_dim
    if arch.experts is not None:
        width = arch.experts.intermediate * arch.experts.per_token // arch.experts.count
        linear += form.experts * width + form.intermediate * arch.experts.shared_intermediate
        linear += form.gathered * arch.experts.per_token * (arch.hidden + arch.experts.intermediate)
    window = arch.sliding_window if form.mask_beyond_window else None
    return (
        constant,
        linear + more,
        form.quadratic * arch.heads,
        form.square,
        form.mask,
        NO_LENGTH if window is None else window,
    )


def _joined(old: int, new: int, layers: int) -> int:
    """Return the cache while a new batch is joined to a running one, layer by layer; bytes of each for one layer."""
    one_of_new, one_of_old = new // 2, old // 2
    return max(layers * old + one_of_new, layers * new + one_of_old, layers * new - one_of_new + 2 * one_of_old)


def _decoded(kind: Kind, batch: int) -> int:
    """Return the activations of one layer in a decode step, for each token of a batch of so many requests."""
    arch = kind.arch
    held = _repeated(arch, batch)
    form = facts.eager_form(arch.model_type) if kind.eager else None
    if form is not None:
        held += (form.quadratic + form.keys * arch.head_dim) * arch.heads
    return held


def _repeated(arch: Architecture, batch: int) -> int:
    """Return the bytes of a token's keys and values repeated for every query head, as attention takes them."""
    if arch.model_type == "falcon":
        form = facts.layer_form(arch)
        scores = (form.quadratic if form is not None else 0) * arch.heads
        return scores + (FLOAT_BYTES * arch.heads * arch.head_dim if batch > 1 else 0)
    if arch.kv_heads == arch.heads or (arch.kv_heads == 1 and batch == 1):
        return 0
    return 2 * FLOAT_BYTES * arch.heads * arch.head_dim
