"""The tensors of a model, from its architecture: exact shapes, no weights needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from voltaic.models.blocks import Place, Role, Tensor, tensors_of
from voltaic.models.families import family_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.models.architecture import Architecture, LayerKind, Tower

__all__ = [
    "LayerGroup",
    "Place",
    "Role",
    "Tensor",
    "embedding_tensors",
    "head_tensors",
    "layer_groups",
    "layer_tensors",
    "parameter_count",
    "tensors",
    "tower_tensors",
]


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """Decoder layers that hold the same tensors."""

    count: int
    """Layers of the group, at least 1."""
    first: int
    """Number of its first layer: layers of one group need not follow each other."""
    tensors: tuple[Tensor, ...]
    """The tensors of its first layer."""

    @property
    def elements(self) -> int:
        """Elements of one layer."""
        return sum(tensor.elements for tensor in self.tensors)


@lru_cache(maxsize=256)
def _sizes(arch: Architecture) -> Mapping[str, int]:
    sizes = {
        "layers": arch.layers,
        "hidden": arch.hidden,
        "heads": arch.heads,
        "kv_heads": arch.kv_heads,
        "head_dim": arch.head_dim,
        "intermediate": arch.intermediate,
        "vocab": arch.vocab,
        "positions": arch.max_positions or 0,
    }
    if arch.experts is not None:
        sizes["experts"] = arch.experts.count
        sizes["expert_intermediate"] = arch.experts.intermediate
        sizes["shared_intermediate"] = arch.experts.shared_intermediate
    if arch.latent is not None:
        sizes["q_rank"] = arch.latent.q_rank or 0
        sizes["kv_rank"] = arch.latent.kv_rank
        sizes["nope"] = arch.latent.nope_dim
        sizes["rope"] = arch.latent.rope_dim
        sizes["value_dim"] = arch.latent.value_dim
    return sizes | dict(arch.sizes)


def _derived(sizes: Mapping[str, int]) -> dict[str, int]:
    return {
        "queries": sizes["heads"] * sizes["head_dim"],
        "keys": sizes["kv_heads"] * sizes["head_dim"],
        **sizes,
    }


@lru_cache(maxsize=256)
def _flags(arch: Architecture) -> frozenset[str]:
    switches = {
        "tied": arch.tied_embeddings,
        "qk_norm": arch.qk_norm,
        "attention_bias": arch.attention_bias,
        "mlp_bias": arch.mlp_bias,
        "head_bias": arch.head_bias,
        "embedding_norm": arch.embedding_norm,
        "parallel_block": arch.parallel_block,
        "two_norms": arch.norms_per_layer > 1,
        "norm_bias": arch.norm == "layer" and "no_norm_bias" not in arch.flags,
        "experts": arch.experts is not None,
        "shared_expert": arch.experts is not None and arch.experts.shared_intermediate > 0,
        "query_compressed": arch.latent is not None and arch.latent.q_rank is not None,
        "learned": arch.positions == "learned",
    }
    return frozenset({name for name, on in switches.items() if on} | set(arch.flags))


def _kind(arch: Architecture, layer: int) -> LayerKind | None:
    return arch.kinds[ord(arch.pattern[layer]) - ord("A")] if arch.kinds else None


def layer_tensors(arch: Architecture, layer: int) -> Iterator[Tensor]:
    """Yield the parameters of one decoder layer."""
    family = family_of(arch.family)
    kind = _kind(arch, layer)
    lines = family.blocks["layer" if kind is None else kind.blocks]
    sizes = _derived(_sizes(arch) if kind is None else {**_sizes(arch), **dict(kind.sizes)})
    yield from tensors_of(lines, _prefixed(arch, family.layer_prefix.format(layer)), layer, sizes, _flags(arch))


def _prefixed(arch: Architecture, name: str) -> str:
    """Return a name of the decoder's class as the class of the composite model has it."""
    inner = family_of(arch.model_type).inner if arch.decoder else None
    if inner is None:
        return name
    for own, outer in inner:
        if name.startswith(own):
            return outer + name.removeprefix(own)
    return name


def layer_groups(arch: Architecture) -> tuple[LayerGroup, ...]:
    """Return the decoder layers by what they hold, each group once, in order of its first layer."""
    if not arch.kinds:
        return (LayerGroup(arch.layers, 0, tuple(layer_tensors(arch, 0))),)
    counts: dict[tuple[str, tuple[tuple[str, int], ...]], list[int]] = {}
    for letter in dict.fromkeys(arch.pattern):
        kind = arch.kinds[ord(letter) - ord("A")]
        group = counts.setdefault((kind.blocks, kind.sizes), [0, arch.pattern.index(letter)])
        group[0] += arch.pattern.count(letter)
    return tuple(LayerGroup(count, first, tuple(layer_tensors(arch, first))) for count, first in counts.values())


def _outside(arch: Architecture, name: str, place: Place) -> Iterator[Tensor]:
    lines = family_of(arch.family).blocks.get(name, ())
    for tensor in tensors_of(lines, "", place, _derived(_sizes(arch)), _flags(arch)):
        yield Tensor(_prefixed(arch, tensor.name), tensor.shape, place, tensor.role, tensor.inputs, tensor.count)


def embedding_tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield the parameters before the first layer of the decoder, towers apart."""
    yield from _outside(arch, "embedding", "embedding")


def head_tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield the parameters after the last layer; a head that is tied to the embedding is not held again."""
    yield from _outside(arch, "head", "head")


def tower_tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield the parameters of vision and audio towers, of what joins them to the decoder, and of an encoder."""
    for tower in arch.towers:
        family = family_of(tower.family)
        sizes = dict(tower.sizes)
        for part, repeats in tower.parts:
            alike = tuple(tensors_of(family.blocks[part], tower.prefix, "tower", sizes, tower.flags))
            for number in range(repeats):
                for tensor in alike:
                    yield replace(tensor, name=tensor.name.replace("{}", str(number)))


def _tower_elements(tower: Tower) -> int:
    blocks, sizes = family_of(tower.family).blocks, dict(tower.sizes)
    return sum(
        repeats * sum(tensor.elements for tensor in tensors_of(blocks[part], "", "tower", sizes, tower.flags))
        for part, repeats in tower.parts
    )


def tensors(arch: Architecture) -> Iterator[Tensor]:
    """Yield every parameter of the model, each once, in the order of execution."""
    yield from tower_tensors(arch)
    yield from embedding_tensors(arch)
    for layer in range(arch.layers):
        yield from layer_tensors(arch, layer)
    yield from head_tensors(arch)


@lru_cache(maxsize=1024)
def parameter_count(arch: Architecture) -> int:
    """Return the number of parameters, exact to the parameter, as the family's class holds them unquantized."""
    outside = sum(tensor.elements for tensor in (*embedding_tensors(arch), *head_tensors(arch)))
    outside += sum(map(_tower_elements, arch.towers))
    return outside + sum(group.count * group.elements for group in layer_groups(arch))
