"""Bytes of a checkpoint on disk, from the architecture alone; facts in `layouts.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voltaic import facts_files
from voltaic.findings import Source
from voltaic.models.parameters import parameter_count, tensors
from voltaic.models.quantization import is_excluded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.models.architecture import Architecture, Quantization
    from voltaic.models.parameters import Tensor

DTYPE_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
"""Bytes of one element."""
_HALF = 2
"""Bytes of an element that a quantizer leaves alone: it works on 16-bit models."""
_BLOCK = (128, 128)
_MATRIX = 2
_FOUR_BITS = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """How a checkpoint stores the weights of one linear layer."""

    name: str
    bits: int
    shared_by: str
    """Weights that share a scale: `group`, `row`, `tensor`, `block` or `run`, as `layouts.toml` explains."""
    scale: float
    """Bytes of one scale."""
    size: tuple[int, int]
    """Outputs x inputs that share a scale, for groups and blocks; -1 inputs: all of them."""
    zeros: bool
    index: int
    fixed: int
    only: tuple[str, ...] | None
    """Roles of the tensors that are quantized; None: linear layers."""
    all_linear: bool
    """True: routers and an output head of its own are quantized as well."""

    def stored(self, outputs: int, inputs: int) -> int:
        """Return the bytes of the weight of one linear layer, with all that belongs to it."""
        elements = outputs * inputs
        scales = self._scales(outputs, inputs)
        packed = -(-elements * self.bits // 8)
        zeros = -(-scales * self.bits // 8) if self.zeros else 0
        return packed + zeros + int(scales * self.scale) + inputs * self.index + self.fixed

    def _scales(self, outputs: int, inputs: int) -> int:
        if self.shared_by == "tensor":
            return 1
        if self.shared_by == "run":
            return -(-outputs * inputs // self.size[1])
        high, wide = self.size
        wide = inputs if wide < 0 or self.shared_by == "row" else wide
        return -(-outputs // high) * -(-inputs // wide)


@cache
def _table() -> Mapping[str, Any]:
    return MappingProxyType(facts_files.table(Path(__file__).with_name("layouts.toml")))


def known_methods() -> tuple[str, ...]:
    """Return the quantization methods that are known by name, those of unknown layout included."""
    known = {name.partition(" ")[0] for name in _table() if name != "unknown"}
    return tuple(sorted(known | set(_table()["unknown"]["methods"])))


def layout_source(name: str) -> Source:
    """Return where the facts of a layout come from."""
    return Source(_table()[name]["source"], _table()[name]["confidence"])


@lru_cache(maxsize=256)
def layout_of(quantization: Quantization) -> Layout | None:
    """Return how linear layers are stored; None for methods without a known layout."""
    name = _name(quantization)
    row = _table().get(name) if name is not None and name != "unknown" else None
    bits = None if row is None else row.get("bits", quantization.bits)
    if name is None or row is None or bits is None:
        return None
    zeros = row["zeros"]
    wide = row.get("group") or row.get("run") or quantization.group_size or -1
    return Layout(
        name=name,
        bits=bits,
        shared_by=row["shared_by"],
        scale=row["scale"],
        size=(quantization.block or _BLOCK) if row["shared_by"] == "block" else (1, wide),
        zeros=quantization.symmetric is False if zeros == "asymmetric" else zeros,
        index=row.get("index", 0),
        fixed=row.get("fixed", 0),
        only=tuple(row["only"]) if "only" in row else None,
        all_linear=row.get("all", False),
    )


def _name(quantization: Quantization) -> str | None:
    method, layout = quantization.method, quantization.layout or ""
    if method == "gptq" and layout == "marlin":
        return "marlin"
    if method in {"gptq", "awq"} and layout not in {"", "gptq_v2", "gemm"}:
        return None
    if method == "bitsandbytes":
        four = quantization.bits == _FOUR_BITS
        return f"bitsandbytes {quantization.bits}{' double' if four and quantization.double else ''}"
    if method == "fp8":
        return "fp8 block" if quantization.block else "fp8 tensor"
    if method == "compressed-tensors":
        packing, _, strategy = layout.partition(" ")
        known = {"group": "group", "channel": "row", "tensor": "tensor"}
        usable = packing in {"pack-quantized", "int-quantized", "float-quantized", "naive-quantized"}
        return f"compressed-tensors {known[strategy]}" if usable and strategy in known else None
    return method


@lru_cache(maxsize=1024)
def checkpoint_bytes(arch: Architecture) -> int | None:
    """Return the bytes of all tensors as published checkpoints store them; None for methods without a known layout.

    Plain weights are stored in the stated data type. Biases of zero, which some GPTQ files carry, are left out: less
    than a thousandth.
    """
    quantization = arch.quantization
    if quantization is None:
        return parameter_count(arch) * DTYPE_BYTES[arch.dtype]
    layout = layout_of(quantization)
    if layout is None:
        return None
    sizes = [_tensor_bytes(tensor, quantization, layout) for tensor in tensors(arch)]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _tensor_bytes(tensor: Tensor, quantization: Quantization, layout: Layout) -> int | None:
    inputs = _inputs(tensor, quantization, layout)
    kept = is_excluded(tensor.name, quantization.excluded) if inputs is not None else True
    if kept is None:
        return None
    if kept or inputs is None:
        return tensor.elements * _HALF
    # A tensor of more than two dimensions holds several layers, one after the other.
    layers = prod(tensor.shape[:-_MATRIX])
    return tensor.count * layers * layout.stored(prod(tensor.shape) // layers // inputs, inputs)


def _inputs(tensor: Tensor, quantization: Quantization, layout: Layout) -> int | None:
    """Return the inputs of a layer that the method quantizes, of itself; None for all others."""
    if layout.only is not None:
        # Classes that hold all experts of a layer in one tensor keep it experts x inputs x outputs.
        stacked = tensor.shape[-_MATRIX] if len(tensor.shape) > _MATRIX else None
        return (tensor.inputs or stacked) if tensor.role in layout.only else None
    if tensor.role == "head" and len(tensor.shape) == _MATRIX:
        return tensor.shape[1] if layout.all_linear or quantization.head else None
    if tensor.place in {"tower", "embedding", "head"} or (tensor.role == "router" and not layout.all_linear):
        return None
    return tensor.inputs
