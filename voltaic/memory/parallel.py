"""Bytes of a model's weights on one rank of a tensor-parallel group: what is split, what every rank holds whole.

Outputs of queries, keys, values, gate and up are split, and inputs of attention output and down; rows of embedding and
head; everything else is whole on every rank. Engines differ in how they pad vocabularies, in what they do with fewer K
and V heads than ranks, and in what they fuse: those are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Final

from voltaic.memory.allocator import Reservation, allocated
from voltaic.models.parameters import embedding_tensors, head_tensors, layer_tensors
from voltaic.models.quantization import is_excluded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voltaic.memory.formats import Format
    from voltaic.models.architecture import Architecture
    from voltaic.models.parameters import Tensor

COLUMNS: Final = frozenset(
    {"query", "gate", "up", "gate_up", "latent_up", "expert_gate", "expert_up", "expert_gate_up"}
)
"""Roles whose outputs are split."""
ROWS: Final = frozenset({"attention_output", "down", "expert_down"})
"""Roles whose inputs are split."""
_KEYS: Final = frozenset({"key", "value"})
_FUSED: Final = {
    **dict.fromkeys(("query", "key", "value"), "query_key_value"),
    **dict.fromkeys(("gate", "up"), "gate_up"),
    **dict.fromkeys(("expert_gate", "expert_up"), "expert_gate_up"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """How an engine splits a model over ranks."""

    vocabulary_multiple: int = 1
    """Rows of embedding and head are padded to a multiple of this before they are split."""
    vocabulary_extra: int = 0
    """Rows that each rank's embedding has beside its share."""
    whole_uneven_head: bool = False
    """True: every rank holds the whole head where its rows cannot be split evenly."""
    split_head: bool = True
    """False: every rank holds the whole head."""
    split_embedding: bool = True
    """False: every rank holds the whole embedding."""
    replicate_keys: bool = True
    """True: a rank holds at least one K and V head; False: heads are divided and rounded down, but for a single one."""
    fuse: bool = True
    """True: queries, keys and values are one tensor, gate and up are one, and so are the experts of a layer."""
    split_mixers: bool = True
    """True: recurrent and linear attention blocks are split."""
    quantized_head: bool = False
    """True: the head is stored as the linear layers are."""
    grouped_inputs: bool = True
    """False: the scales of split inputs are whole on every rank."""


@dataclass(frozen=True, slots=True)
class Rank:
    """Bytes of the weights of one rank, rank 0: no rank has more."""

    bytes: int
    """As stored."""
    allocated: int
    """As PyTorch's allocator counts them as allocated: what engines log after loading."""
    reserved: int
    """As it takes them from the driver."""
    largest: int
    """Bytes of the largest tensor."""
    elements: int
    """Weights and all else that is not packed, in number, before quantization."""


@lru_cache(maxsize=4096)
def rank_weights(arch: Architecture, shards: int, rule: Rule, fmt: Format, extra: tuple[int, ...] = ()) -> Rank:
    """Return the weights of one rank.

    Args:
        arch: the model.
        shards: ranks, at least 1.
        rule: how the engine splits.
        fmt: how linear layers are stored.
        extra: sizes in bytes of further tensors that each rank holds, as tables of rotary positions.
    """
    counts: dict[int, int] = {}
    elements = 0
    for layers, tensors in groups(arch, each=any(character.isdigit() for name in fmt.excluded for character in name)):
        for size, number, weights in sizes(tensors, arch, shards, rule, fmt):
            counts[size] = counts.get(size, 0) + layers * number
            elements += layers * weights
    for size in extra:
        counts[size] = counts.get(size, 0) + 1
    reservation = Reservation()
    for size, count in counts.items():
        reservation.add(size, count)
    return Rank(
        bytes=sum(size * count for size, count in counts.items()) + fmt.workspace,
        allocated=sum(allocated(size) * count for size, count in counts.items()) + fmt.workspace,
        reserved=reservation.total + fmt.workspace,
        largest=max(counts),
        elements=elements,
    )


@lru_cache(maxsize=1024)
def groups(arch: Architecture, *, each: bool = False) -> tuple[tuple[int, tuple[Tensor, ...]], ...]:
    """Return all tensors of a decoder: how many layers are alike, and the tensors of one of them.

    Embeddings come first and the end of the model last, each once. With `each` no two layers are alike, as where a
    checkpoint keeps single layers out of its quantization.
    """
    layers: dict[str | int, list[int]] = {}
    for index in range(arch.layers):
        layers.setdefault(index if each else arch.pattern[index : index + 1], []).append(index)
    return (
        (1, tuple(embedding_tensors(arch))),
        *((len(alike), tuple(layer_tensors(arch, alike[0]))) for alike in layers.values()),
        (1, tuple(head_tensors(arch))),
    )


def rotary_table(arch: Architecture, *, element: int = 2, positions: int | None = None) -> int:
    """Return the bytes of one table of cosines and sines: positions x rotary dimensions; 0 without rotary positions."""
    return (positions or arch.max_positions or 0) * arch.rotary_dim * element


def kv_heads(kv: int, shards: int, *, replicate: bool) -> int:
    """Return the K and V heads of one rank; 0 where an engine that does not replicate has fewer than ranks."""
    if kv == 1:
        return 1
    return max(1, kv // shards) if replicate else kv // shards


def sizes(
    tensors: Iterable[Tensor], arch: Architecture, shards: int, rule: Rule, fmt: Format
) -> Iterator[tuple[int, int, int]]:
    """Yield size in bytes, number alike, and elements of all of them, for what one rank holds of these tensors."""
    fused: dict[tuple[str, str, bool], list[int]] = {}
    for tensor in tensors:
        whole = tensor.name.rpartition(".")[0]
        inputs, outputs = _part(tensor, arch, shards, rule)
        count = 1 if rule.fuse else tensor.count
        outputs *= tensor.count if rule.fuse else 1
        if rule.fuse and tensor.role in _FUSED:
            key = (whole.rpartition(".")[0], _FUSED[tensor.role], inputs is None)
            fused.setdefault(key, [inputs or 1, 0, _packed(tensor, rule, fmt)])[1] += outputs
            continue
        yield from _stored(inputs or 1, outputs, count, fmt, packed=_packed(tensor, rule, fmt))
    for inputs, outputs, packed in fused.values():
        yield from _stored(inputs, outputs, 1, fmt, packed=bool(packed))


def _packed(tensor: Tensor, rule: Rule, fmt: Format) -> bool:
    if not fmt.quantized or is_excluded(tensor.name, fmt.excluded) is not False:
        return False
    if _all_experts(tensor):
        return fmt.name == "mxfp4"  # other methods know linear layers only
    if tensor.role == "head":
        return rule.quantized_head and len(tensor.shape) > 1
    return tensor.inputs is not None and tensor.role not in {"router", "embedding", "positions"}


def _all_experts(tensor: Tensor) -> bool:
    """Return whether one tensor holds the matrices of all experts: experts x inputs x outputs."""
    return tensor.inputs is None and tensor.role.startswith("expert_") and len(tensor.shape) == 3  # noqa: PLR2004  as said


def _stored(inputs: int, outputs: int, count: int, fmt: Format, *, packed: bool) -> Iterator[tuple[int, int, int]]:
    if not packed:
        yield inputs * outputs * fmt.element, count, inputs * outputs * count
        return
    weights = inputs * outputs * count
    for size in fmt.linear(inputs, outputs):
        yield size, count, weights
        weights = 0


def _part(tensor: Tensor, arch: Architecture, shards: int, rule: Rule) -> tuple[int | None, int]:
    """Return inputs and outputs of one rank's part of one of the tensors alike; of a table, 1 and its elements."""
    inputs = tensor.shape[1] if _all_experts(tensor) else tensor.inputs if len(tensor.shape) > 1 else None
    if tensor.role in {"embedding", "head"} and len(tensor.shape) > 1:
        rows, width = tensor.shape
        return width, _rows(rows, shards, rule, head=tensor.role == "head")
    outputs = prod(tensor.shape) // (inputs or 1)
    if shards == 1 or tensor.place == "tower":
        return inputs, outputs
    if tensor.role in COLUMNS or (tensor.role == "mixer" and rule.split_mixers and inputs is not None):
        return inputs, -(-outputs // shards)
    if tensor.role in _KEYS:
        return inputs, outputs * _kv(arch, shards, rule) // max(1, arch.kv_heads)
    if tensor.role == "query_key_value":
        heads = arch.heads + 2 * arch.kv_heads
        return inputs, outputs * (arch.heads // shards + 2 * _kv(arch, shards, rule)) // heads
    if tensor.role in ROWS and inputs is not None:
        return -(-inputs // shards), outputs
    return inputs, outputs


def _kv(arch: Architecture, shards: int, rule: Rule) -> int:
    # What an engine refuses for want of heads is another's affair; a bill counts one.
    return max(1, kv_heads(arch.kv_heads, shards, replicate=rule.replicate_keys))


def _rows(rows: int, shards: int, rule: Rule, *, head: bool) -> int:
    if head and (not rule.split_head or (rule.whole_uneven_head and rows % shards)):
        return rows
    if not head and not rule.split_embedding:
        return rows
    padded = -(-rows // rule.vocabulary_multiple) * rule.vocabulary_multiple
    return -(-padded // shards) + (0 if head or shards == 1 else rule.vocabulary_extra)
