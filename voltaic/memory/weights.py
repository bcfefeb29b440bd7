"""Bytes of a model's weights on every GPU: each tensor in its format, as the allocator reserves them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

from voltaic.memory import facts
from voltaic.memory.allocator import Reservation
from voltaic.memory.split import Pieces, Share, split
from voltaic.models.parameters import embedding_tensors, head_tensors, layer_groups

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voltaic.models import Architecture, Tensor

FLOAT_BYTES = 2
"""Bytes of one unquantized weight, activation or cache element: float16 and bfloat16."""


@dataclass(frozen=True, slots=True)
class GpuWeights:
    """What one GPU holds of a model."""

    reserved: int
    """Bytes of its weights and buffers, as the allocator reserves them."""
    layers: int
    first: bool
    """True: here the inputs are, and to their GPU accelerate carries the logits back."""
    head: bool
    """True: the output head is computed here."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of a model, spread over GPUs."""

    per_gpu: tuple[GpuWeights, ...]
    loaded: int
    """Bytes of all weights and buffers, before rounding."""
    largest: int
    """Bytes of the largest tensor, unquantized."""


@lru_cache(maxsize=4096)
def weights_of(
    arch: Architecture,
    *,
    fmt: str,
    gpus: int,
    free: int,
    transformers: tuple[int, int, int] | None,
    stated: int | None = None,
) -> Weights | None:
    """Return the weights of a model as a layer split places them; None where the format has no model here.

    Args:
        arch: the model.
        fmt: format that is really loaded: `float16`, `bfloat16` or `bitsandbytes`.
        gpus: GPUs over which the layers are spread, at least 1.
        free: bytes that each GPU has free before loading.
        transformers: release of transformers; None where it is not known.
        stated: bytes of the checkpoint's weights in 16 bits; counted where they exceed what the class holds.
    """
    if fmt not in {"float16", "bfloat16", "bitsandbytes"}:
        return None
    groups = layer_groups(arch)
    if len(groups) != 1 or arch.towers or arch.encoder_layers:
        return None  # which of its layers a split puts where is not modelled
    layer = [(_size(tensor, fmt), tensor.count) for tensor in groups[0].tensors]
    layer += _buffers(arch, transformers)
    embeddings = _by_module(embedding_tensors(arch), fmt)
    norm, head = _end(arch, fmt)
    layer_bytes = sum(size * count for size, count in layer)
    # accelerate takes one bit for an element of a mask, PyTorch a byte.
    planned = layer_bytes - _mask(arch) * 7 // 8
    modules = {tensor.name.rpartition(".")[0]: tensor.count for tensor in groups[0].tensors}
    leaves = arch.layers * sum(modules.values()) + len(embeddings) + 1 + bool(head)
    pieces = Pieces(
        embedding=tuple(sum(module) for module in embeddings),
        layer=planned,
        layers=arch.layers,
        norm=sum(norm),
        head=sum(head),
        mean_leaf=(sum(map(sum, embeddings)) + arch.layers * planned + sum(norm) + sum(head)) // leaves,
    )
    # A checkpoint may carry a copy of a tied head, which the class does not hold again.
    copies = arch.vocab * arch.hidden * FLOAT_BYTES if arch.tied_embeddings else 0
    loaded = pieces.total + arch.layers * (layer_bytes - planned)
    extra = 0 if stated is None else max(0, stated - loaded - copies)
    per_gpu = tuple(
        GpuWeights(
            reserved=_reserved(share, layer, embeddings, norm, head) + -(-extra // gpus),
            layers=share.layers,
            first=index == 0,
            head=share.head,
        )
        for index, share in enumerate(split(pieces, gpus, free))
    )
    return Weights(per_gpu, loaded + extra, _largest(arch))


def _size(tensor: Tensor, fmt: str) -> int:
    """Return the bytes of one of the tensors alike."""
    if fmt == "bitsandbytes" and tensor.inputs is not None:  # not so for embedding and head
        int8 = facts.table()["int8"]
        elements = prod(tensor.shape)
        rows = elements // tensor.inputs
        return int(elements * int8["bytes_per_weight"] + rows * int8["bytes_per_row"])
    return prod(tensor.shape) * FLOAT_BYTES


def _by_module(tensors: Iterable[Tensor], fmt: str) -> list[list[int]]:
    modules: dict[str, list[int]] = {}
    for tensor in tensors:
        modules.setdefault(tensor.name.rpartition(".")[0], []).append(_size(tensor, fmt))
    return list(modules.values())


def _end(arch: Architecture, fmt: str) -> tuple[list[int], list[int]]:
    """Return the sizes of the final norm and of the output head."""
    norm: list[int] = []
    head: list[int] = []
    for tensor in head_tensors(arch):
        (norm if tensor.role == "norm" else head).append(_size(tensor, fmt))
    return norm, head


def _buffers(arch: Architecture, transformers: tuple[int, int, int] | None) -> list[tuple[int, int]]:
    positions = arch.max_positions or 0
    buffers: list[tuple[int, int]] = []
    if arch.rotary_dim and facts.has_rotary_tables(arch.model_type, transformers):
        buffers.append((positions * arch.rotary_dim * FLOAT_BYTES, 2))
    if _mask(arch):
        buffers.append((_mask(arch), 1))
    return buffers


def _mask(arch: Architecture) -> int:
    """Return the bytes of the causal mask that a layer holds."""
    return (arch.max_positions or 0) ** 2 if facts.has_mask_buffers(arch.model_type) else 0


def _reserved(
    share: Share, layer: list[tuple[int, int]], embeddings: list[list[int]], norm: list[int], head: list[int]
) -> int:
    reservation = Reservation()
    for index in share.embeddings:
        for size in embeddings[index]:
            reservation.add(size)
    for size, count in layer:
        reservation.add(size, count * share.layers)
    for size in (norm if share.norm else []) + (head if share.head else []):
        reservation.add(size)
    return reservation.total


def _largest(arch: Architecture) -> int:
    tensors = (*embedding_tensors(arch), *layer_groups(arch)[0].tensors, *head_tensors(arch))
    return max(prod(tensor.shape) for tensor in tensors) * FLOAT_BYTES
