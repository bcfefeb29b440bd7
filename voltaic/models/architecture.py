"""What `config.json` says of a model, in the terms that the bill and the rules need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

Positions = Literal["rotary", "learned", "alibi", "none"]
Norm = Literal["rms", "layer"]


@dataclass(frozen=True, slots=True)
class Quantization:
    """How a checkpoint is quantized, from `quantization_config` or the quantizer's own file."""

    method: str
    """`awq`, `gptq`, `bitsandbytes`, …: `quant_method` as written."""
    bits: int | None = None
    group_size: int | None = None
    """Inputs that share one scale; -1: all inputs of a column."""
    act_order: bool | None = None
    """GPTQ `desc_act`: columns are quantized in the order of their activations."""
    symmetric: bool | None = None
    """True: no zero points beside the scales."""
    excluded: tuple[str, ...] = ()
    """Modules that stay unquantized, as written (`modules_to_not_convert`)."""
    layout: str | None = None
    """How the file packs the weights where one method knows several: `marlin`, `pack-quantized`, …, as written."""
    number: str | None = None
    """`int`, `float`, `nf4` or `fp4` where the method knows several."""
    block: tuple[int, int] | None = None
    """Outputs x inputs of a square that shares one scale (fp8)."""
    double: bool = False
    """True: the scales themselves are quantized (bitsandbytes `bnb_4bit_use_double_quant`)."""
    activations: int | None = None
    """Bits of the activations that its layers are multiplied with; None: as they are."""
    average_bits: float | None = None
    """Bits of a weight on average where layers differ (exl2)."""
    head: bool = False
    """True: the output head is quantized as well."""


CacheKind = Literal["full", "sliding", "chunked", "latent", "state", "cross"]


@dataclass(frozen=True, slots=True)
class Cache:
    """What the layers of one kind keep of a sequence. Layers that keep nothing of their own are in no `Cache`."""

    kind: CacheKind
    """`latent`: multi-head latent attention; `state`: of a size that does not grow with the sequence."""
    layers: int
    """Layers of this kind."""
    kv_heads: int = 0
    key_dim: int = 0
    """Elements of one head of K per token."""
    value_dim: int = 0
    """Elements of one head of V per token."""
    window: int | None = None
    """Tokens that a sliding or chunked layer looks back; None: all."""
    latent: int = 0
    """Elements per token and layer of a latent cache, `kv_lora_rank` + `qk_rope_head_dim`, where engines keep one."""
    conv_state: int = 0
    """Elements per sequence and layer of the state of a convolution: its last `kernel` inputs, as transformers keeps
    them. Engines that keep one input less take `conv_state // kernel * (kernel - 1)`."""
    kernel: int = 0
    """Width of the convolution."""
    recurrent_state: int = 0
    """Elements per sequence and layer of a recurrent state."""

    @property
    def elements_per_token(self) -> int:
        """Elements that one token adds over all layers of this kind, keys and values, not latent."""
        return self.layers * self.kv_heads * (self.key_dim + self.value_dim)


@dataclass(frozen=True, slots=True)
class Experts:
    """The experts of a model's sparse layers."""

    count: int
    """Routed experts of one layer."""
    per_token: int
    """Routed experts that compute one token."""
    intermediate: int
    """Width of one routed expert."""
    shared_intermediate: int = 0
    """Width of the experts that compute every token, together; 0: there are none."""
    layers: int = 0
    """Layers that have experts; the others have an MLP of `Architecture.intermediate`."""


@dataclass(frozen=True, slots=True)
class Latent:
    """Widths of multi-head latent attention."""

    kv_rank: int
    nope_dim: int
    """Elements of a query or key head without positions."""
    rope_dim: int
    """Elements of a query or key head with rotary positions; of the key, all heads share them."""
    value_dim: int
    q_rank: int | None = None
    """None: queries are not compressed."""


@dataclass(frozen=True, slots=True)
class LayerKind:
    """Layers that hold and keep the same."""

    blocks: str
    """Name of the family's list of blocks that such a layer is made of."""
    caches: tuple[Cache, ...] = ()
    """What one such layer keeps of a sequence."""
    sizes: tuple[tuple[str, int], ...] = ()
    """Sizes that differ from those of the model."""


@dataclass(frozen=True, slots=True)
class Tower:
    """A vision or audio encoder, or what joins it to the decoder."""

    family: str
    """Its entry among the families: `clip_vision_model`."""
    prefix: str
    """What its tensors' names start with."""
    parts: tuple[tuple[str, int], ...]
    """Its lists of blocks, and how many times each is there."""
    sizes: tuple[tuple[str, int], ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Architecture:
    """Shapes of a decoder. All sizes are counts of elements, heads, layers or tokens.

    A model without attention has one head of one element. Where layers differ, `kinds` and `pattern` say how, and the
    sizes here are those of a full attention layer and of a dense MLP: what a sequence keeps is in `caches`, what a
    layer holds in `layer_tensors`.
    """

    model_type: str
    """`model_type` as written: `mistral`."""
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    max_positions: int | None
    """Longest context in tokens; None where positions have no bound (ALiBi)."""
    gated_mlp: bool
    tied_embeddings: bool
    """True: the output head is the embedding table, held once."""
    positions: Positions
    rotary_dim: int = 0
    """Rotated elements of a head; 0 without rotary positions."""
    sliding_window: int | None = None
    """Attention window in tokens where it is in force, be it for some layers only; None: full attention."""
    dtype: str = "float16"
    """Data type that the checkpoint states; `float32` where it states none, as PyTorch has it."""
    quantization: Quantization | None = None
    custom_code: bool = False
    """True: the repository brings code of its own (`auto_map`)."""
    rope_scaling: str | None = None
    """Kind of stretched rotary positions (`linear`, `dynamic`, `yarn`, `llama3`, …); None: not stretched."""
    norm: Norm = "rms"
    norms_per_layer: int = 2
    qk_norm: bool = False
    """True: queries and keys are normalised per head."""
    attention_bias: bool = False
    """True: the projections to queries, keys and values and out of attention carry biases."""
    mlp_bias: bool = False
    head_bias: bool = False
    embedding_norm: bool = False
    parallel_block: bool = False
    """True: attention and MLP of a layer read the same input."""
    repeats_kv: bool = False
    """True: the class of transformers repeats K and V for every query head before it caches them (falcon-40b)."""
    stated_positions: int | None = None
    """Longest context in tokens as config.json itself says it; None: it does not, whatever the class assumes then."""

    decoder: str = ""
    """`model_type` of the decoder within a composite model; empty: the model is the decoder."""
    experts: Experts | None = None
    latent: Latent | None = None
    kinds: tuple[LayerKind, ...] = ()
    """The kinds of layers, where not all are alike; empty: all are."""
    pattern: str = ""
    """One character a layer, that of its kind: `chr(ord("A") + index)` in `kinds`; empty: all layers are alike."""
    encoder_layers: int = 0
    """Layers of the encoder of an encoder-decoder; `layers` are those of the decoder."""
    towers: tuple[Tower, ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    """Further sizes of the family's blocks, by the names that its data gives them."""
    flags: tuple[str, ...] = ()
    """Further switches of the family's blocks that are on."""

    @property
    def family(self) -> str:
        """The `model_type` whose class the decoder is."""
        return self.decoder or self.model_type

    @property
    def caches(self) -> tuple[Cache, ...]:
        """What its layers keep of a sequence, by kind of layer."""
        if self.kinds:
            return _caches(self.kinds, self.pattern)
        kind: CacheKind = "full" if self.sliding_window is None else "sliding"
        return (Cache(kind, self.layers, self.kv_heads, self.head_dim, self.head_dim, self.sliding_window),)

    @property
    def kv_elements_per_token(self) -> int:
        """Elements that one token adds to K and V together, over all layers, as the weights produce them."""
        return sum(cache.elements_per_token for cache in self.caches if cache.kind != "cross")

    @property
    def transformers_kv_elements_per_token(self) -> int:
        """Elements that one token adds to the cache of the class of transformers 4, over all layers.

        Transformers 5 caches the latents of latent attention, transformers 4 the keys and values made of them.
        """
        if not self.repeats_kv:
            return self.kv_elements_per_token
        return 2 * self.layers * self.heads * self.head_dim


@lru_cache(maxsize=256)
def _caches(kinds: tuple[LayerKind, ...], pattern: str) -> tuple[Cache, ...]:
    counts: dict[Cache, int] = {}
    for index, kind in enumerate(kinds):
        layers = pattern.count(chr(ord("A") + index))
        for cache in kind.caches:
            alone = replace(cache, layers=0)
            counts[alone] = counts.get(alone, 0) + cache.layers * layers
    return tuple(replace(cache, layers=layers) for cache, layers in counts.items() if layers)
