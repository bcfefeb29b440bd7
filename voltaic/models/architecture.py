"""What `config.json` says of a model, in the terms that the bill and the rules need."""

from __future__ import annotations

from dataclasses import dataclass
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
    """Elements per sequence and layer of the state of a convolution."""
    recurrent_state: int = 0
    """Elements per sequence and layer of a recurrent state."""

    @property
    def elements_per_token(self) -> int:
        """Elements that one token adds over all layers of this kind, keys and values, not latent."""
        return self.layers * self.kv_heads * (self.key_dim + self.value_dim)


@dataclass(frozen=True, slots=True)
class Architecture:
    """Shapes of a decoder. All sizes are counts of elements, heads, layers or tokens."""

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
    """Attention window in tokens where it is in force; None: full attention."""
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

    @property
    def caches(self) -> tuple[Cache, ...]:
        """What its layers keep of a sequence, by kind of layer."""
        kind: CacheKind = "full" if self.sliding_window is None else "sliding"
        return (Cache(kind, self.layers, self.kv_heads, self.head_dim, self.head_dim, self.sliding_window),)

    @property
    def kv_elements_per_token(self) -> int:
        """Elements that one token adds to K and V together, over all layers, as the weights produce them."""
        return sum(cache.elements_per_token for cache in self.caches)

    @property
    def transformers_kv_elements_per_token(self) -> int:
        """Elements that one token adds to the cache of the class of transformers, over all layers."""
        return 2 * self.layers * (self.heads if self.repeats_kv else self.kv_heads) * self.head_dim
