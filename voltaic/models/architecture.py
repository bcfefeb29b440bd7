"""What `config.json` says of a model, in the terms that the bill and the rules need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Positions = Literal["rotary", "learned", "alibi", "none"]


@dataclass(frozen=True, slots=True)
class Quantization:
    """How a checkpoint is quantized, from `quantization_config`."""

    method: str
    """`awq`, `gptq`, `bitsandbytes`, …: `quant_method` as written."""
    bits: int | None = None
    group_size: int | None = None


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
    positions: Positions
    rotary_dim: int = 0
    """Rotated elements of a head; 0 without rotary positions."""
    sliding_window: int | None = None
    """Attention window in tokens where it is in force; None: full attention."""
    dtype: str = "float16"
    """`torch_dtype` of the checkpoint."""
    quantization: Quantization | None = None
    custom_code: bool = False
    """True: the repository brings code of its own (`auto_map`)."""

    @property
    def kv_elements_per_token(self) -> int:
        """Elements that one token adds to K and V together, over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim
