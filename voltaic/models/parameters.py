"""The tensors of a model, from its architecture: exact shapes, no weights needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Literal

from voltaic.models.families import TensorNames, families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.models.architecture import Architecture

Place = Literal["embedding", "head"] | int


@dataclass(frozen=True, slots=True)
class Tensor:
    """One parameter of a model as its class holds it."""

    name: str
    """Name in the state dictionary: `model.layers.0.self_attn.q_proj.weight`."""
    shape: tuple[int, ...]
    """Elements in each dimension, in the order of the checkpoint."""
    place: Place
    """`embedding`, the layer number, or `head`: where a split over GPUs puts it."""
    inputs: int | None = None
    """Inputs of a linear layer's weight; None for tables, norms and biases, which quantizers leave alone."""

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)


def _linear(name: str, inputs: int, outputs: int, place: Place, names: TensorNames, *, bias: bool) -> Iterator[Tensor]:
    shape = (inputs, outputs) if names.inputs_first else (outputs, inputs)
    yield Tensor(f"{name}.weight", shape, place, inputs)
    if bias:
        yield Tensor(f"{name}.bias", (outputs,), place)


def _norm(name: str, width: int, place: Place, kind: str) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (width,), place)
    if kind == "layer":
        yield Tensor(f"{name}.bias", (width,), place)


def _norm_names(arch: Architecture, names: TensorNames) -> tuple[str, ...]:
    if arch.parallel_block and len(names.parallel_norms) == arch.norms_per_layer:
        return names.parallel_norms
    return names.norms[: arch.norms_per_layer]


def layer_tensors(arch: Architecture, layer: int) -> Iterator[Tensor]:
    """Yield the parameters of one decoder layer."""
    names = families()[arch.model_type].tensors
    prefix = names.layer.format(layer)
    queries, keys = arch.heads * arch.head_dim, arch.kv_heads * arch.head_dim
    outputs = (queries + 2 * keys,) if len(names.attention) == 2 else (queries, keys, keys)  # noqa: PLR2004
    for name, width in zip(names.attention[:-1], outputs, strict=True):
        yield from _linear(prefix + name, arch.hidden, width, layer, names, bias=arch.attention_bias)
    yield from _linear(prefix + names.attention[-1], queries, arch.hidden, layer, names, bias=arch.attention_bias)
    if arch.qk_norm:
        for name in names.qk_norms:
            yield from _norm(prefix + name, arch.head_dim, layer, arch.norm)
    for name in names.mlp[:-1]:
        yield from _linear(prefix + name, arch.hidden, arch.intermediate, layer, names, bias=arch.mlp_bias)
    yield from _linear(prefix + names.mlp[-1], arch.intermediate, arch.hidden, layer, names, bias=arch.mlp_bias)
    for name in _norm_names(arch, names):
        yield from _norm(prefix + name, arch.hidden, layer, arch.norm)


def embedding_tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield the parameters before the first layer."""
    names = families()[arch.model_type].tensors
    yield Tensor(f"{names.embedding}.weight", (arch.vocab, arch.hidden), "embedding")
    if names.positions is not None and arch.max_positions is not None:
        yield Tensor(f"{names.positions}.weight", (arch.max_positions, arch.hidden), "embedding")
    if arch.embedding_norm and names.embedding_norm is not None:
        yield from _norm(names.embedding_norm, arch.hidden, "embedding", arch.norm)


def head_tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield the parameters after the last layer; a head that is tied to the embedding is not held again."""
    names = families()[arch.model_type].tensors
    yield from _norm(names.final_norm, arch.hidden, "head", arch.norm)
    if not arch.tied_embeddings:
        yield Tensor(f"{names.head}.weight", (arch.vocab, arch.hidden), "head")
    if arch.head_bias:
        yield Tensor(f"{names.head}.bias", (arch.vocab,), "head")


def tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield every parameter of the model, each once, in the order of execution."""
    yield from embedding_tensors(arch)
    for layer in range(arch.layers):
        yield from layer_tensors(arch, layer)
    yield from head_tensors(arch)


@lru_cache(maxsize=1024)
def parameter_count(arch: Architecture) -> int:
    """Return the number of parameters, exact to the parameter, as the family's class holds them unquantized."""
    outside = sum(tensor.elements for tensor in (*embedding_tensors(arch), *head_tensors(arch)))
    # All layers of these families are alike.
    return outside + arch.layers * sum(tensor.elements for tensor in layer_tensors(arch, 0))
