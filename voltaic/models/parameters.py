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

Place = Literal["embedding", "head", "tower"] | int
"""`tower`: a vision or audio encoder and its projector."""
Role = Literal[
    "embedding",
    "positions",
    "head",
    "norm",
    "router",
    "query",
    "key",
    "value",
    "query_key_value",
    "attention_output",
    "latent_down",
    "latent_up",
    "gate",
    "up",
    "gate_up",
    "down",
    "expert_gate",
    "expert_up",
    "expert_gate_up",
    "expert_down",
    "mixer",
    "other",
]
"""What a tensor is for, which decides how tensor parallel splits it: outputs of queries, keys, values, gate and up;
inputs of attention output and down; rows of embedding and head; norms, routers and `latent_down` are in full
everywhere. A bias has the role of its weight. `mixer`: a recurrent or linear attention block."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One parameter of a model as its class holds it."""

    name: str
    """Name in the state dictionary: `model.layers.0.self_attn.q_proj.weight`."""
    shape: tuple[int, ...]
    """Elements in each dimension, in the order of the checkpoint."""
    place: Place
    """`embedding`, the layer number, or `head`: where a split over GPUs puts it."""
    role: Role
    inputs: int | None = None
    """Inputs of a linear layer's weight; None for tables, norms and biases, which quantizers leave alone."""
    count: int = 1
    """Tensors alike, as those of the experts of one layer; `{}` in the name stands for their number."""

    @property
    def elements(self) -> int:
        """Number of elements of all `count` of them."""
        return self.count * prod(self.shape)


def _linear(
    name: str, role: Role, sizes: tuple[int, int], place: Place, names: TensorNames, *, bias: bool
) -> Iterator[Tensor]:
    inputs, outputs = sizes
    shape = (inputs, outputs) if names.inputs_first else (outputs, inputs)
    yield Tensor(f"{name}.weight", shape, place, role, inputs)
    if bias:
        yield Tensor(f"{name}.bias", (outputs,), place, role)


def _norm(name: str, width: int, place: Place, kind: str) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (width,), place, "norm")
    if kind == "layer":
        yield Tensor(f"{name}.bias", (width,), place, "norm")


def _norm_names(arch: Architecture, names: TensorNames) -> tuple[str, ...]:
    if arch.parallel_block and len(names.parallel_norms) == arch.norms_per_layer:
        return names.parallel_norms
    return names.norms[: arch.norms_per_layer]


def layer_tensors(arch: Architecture, layer: int) -> Iterator[Tensor]:
    """Yield the parameters of one decoder layer."""
    names = families()[arch.model_type].tensors
    prefix = names.layer.format(layer)
    queries, keys = arch.heads * arch.head_dim, arch.kv_heads * arch.head_dim
    biased = arch.attention_bias
    projections: tuple[tuple[Role, int], ...] = (("query", queries), ("key", keys), ("value", keys))
    if len(names.attention) == 2:  # noqa: PLR2004
        projections = (("query_key_value", queries + 2 * keys),)
    for name, (role, width) in zip(names.attention[:-1], projections, strict=True):
        yield from _linear(prefix + name, role, (arch.hidden, width), layer, names, bias=biased)
    output = prefix + names.attention[-1]
    yield from _linear(output, "attention_output", (queries, arch.hidden), layer, names, bias=biased)
    if arch.qk_norm:
        for name in names.qk_norms:
            yield from _norm(prefix + name, arch.head_dim, layer, arch.norm)
    roles: tuple[Role, ...] = ("gate", "up") if len(names.mlp) == 3 else ("up",)  # noqa: PLR2004
    for name, role in zip(names.mlp[:-1], roles, strict=True):
        yield from _linear(prefix + name, role, (arch.hidden, arch.intermediate), layer, names, bias=arch.mlp_bias)
    sizes = (arch.intermediate, arch.hidden)
    yield from _linear(prefix + names.mlp[-1], "down", sizes, layer, names, bias=arch.mlp_bias)
    for name in _norm_names(arch, names):
        yield from _norm(prefix + name, arch.hidden, layer, arch.norm)


def embedding_tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield the parameters before the first layer."""
    names = families()[arch.model_type].tensors
    yield Tensor(f"{names.embedding}.weight", (arch.vocab, arch.hidden), "embedding", "embedding")
    if names.positions is not None and arch.max_positions is not None:
        yield Tensor(f"{names.positions}.weight", (arch.max_positions, arch.hidden), "embedding", "positions")
    if arch.embedding_norm and names.embedding_norm is not None:
        yield from _norm(names.embedding_norm, arch.hidden, "embedding", arch.norm)


def head_tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield the parameters after the last layer; a head that is tied to the embedding is not held again."""
    names = families()[arch.model_type].tensors
    yield from _norm(names.final_norm, arch.hidden, "head", arch.norm)
    if not arch.tied_embeddings:
        yield Tensor(f"{names.head}.weight", (arch.vocab, arch.hidden), "head", "head")
    if arch.head_bias:
        yield Tensor(f"{names.head}.bias", (arch.vocab,), "head", "head")


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
