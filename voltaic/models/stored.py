"""Bytes of a checkpoint on disk, from the architecture alone."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from voltaic.models.parameters import parameter_count, tensors

if TYPE_CHECKING:
    from voltaic.models.architecture import Architecture, Quantization
    from voltaic.models.parameters import Tensor

DTYPE_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
"""Bytes of one element."""
_HALF = 2
"""Bytes of a scale, and of an element that a quantizer leaves alone: both are float16."""
_GROUP_INDEX = 4
"""Bytes of one entry of GPTQ's g_idx, which says for every input to which group it belongs."""


@lru_cache(maxsize=1024)
def checkpoint_bytes(arch: Architecture) -> int | None:
    """Return the bytes of all tensors as published checkpoints store them; None for methods without a known layout.

    Plain weights are stored in the stated data type. GPTQ and AWQ pack `bits` per weight of every linear layer within
    the decoder layers, with one float16 scale and one packed zero point per group and output, and GPTQ with one 32-bit
    group index per input (AutoGPTQ QuantLinear, AutoAWQ WQLinear_GEMM). Biases of zero, which some GPTQ files carry,
    are left out: less than a thousandth.
    """
    quantization = arch.quantization
    if quantization is None:
        return parameter_count(arch) * DTYPE_BYTES[arch.dtype]
    if quantization.method not in {"gptq", "awq"} or quantization.bits is None:
        return None
    return sum(_tensor_bytes(tensor, quantization, quantization.bits) for tensor in tensors(arch))


def _tensor_bytes(tensor: Tensor, quantization: Quantization, bits: int) -> int:
    if tensor.inputs is None or any(name in tensor.name for name in quantization.excluded):
        return tensor.elements * _HALF
    outputs = tensor.elements // tensor.inputs
    size = quantization.group_size
    groups = 1 if size is None or size < 0 else -(-tensor.inputs // size)
    packed = -(-tensor.elements * bits // 8)
    zeros = -(-groups * outputs * bits // 8)
    index = tensor.inputs * _GROUP_INDEX if quantization.method == "gptq" else 0
    return packed + zeros + groups * outputs * _HALF + index
