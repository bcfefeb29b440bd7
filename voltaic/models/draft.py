"""An architecture on its way: what has been read of a configuration so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voltaic.models.architecture import Cache, Experts, Latent, LayerKind, Tower
from voltaic.models.families import bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltaic.models.families import Family
    from voltaic.models.fields import Fields

SMALLEST = 1
"""Stands in for a size that is a fault already, so that the other fields still speak."""


@dataclass(frozen=True, slots=True)
class Mixer:
    """What mixes tokens in one kind of layer."""

    block: str
    """Names of its lists of tensors."""
    caches: tuple[Cache, ...] = ()
    """What one such layer keeps."""
    sizes: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Draft:
    """Sizes that were read and checked, which readers complete. Sizes that are faults are `SMALLEST`."""

    fields: Fields
    family: Family
    layers: int
    hidden: int
    heads: int
    vocab: int
    nested: bool = False
    """True: the decoder of a composite model, whose class fills in what is left out."""
    kv_heads: int = SMALLEST
    head_dim: int = SMALLEST
    intermediate: int = SMALLEST
    max_positions: int | None = None
    window: int | None = None
    experts: Experts | None = None
    latent: Latent | None = None
    encoder_layers: int = 0
    towers: tuple[Tower, ...] = ()
    decoder: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    mixers: dict[str, Mixer] = field(default_factory=dict)
    mixer_of: list[str] | None = None
    """The mixer of every layer, by its name in `mixers`; None: all have the family's own and full attention."""
    mlp_of: list[str] | None = None
    """The block of every layer's MLP; empty where a layer has none. None: all have the family's own."""
    more: dict[str, Any] = field(default_factory=dict)
    """Fields of `Architecture` that a reader decides otherwise than they were read."""

    def full(self) -> Cache:
        """Return what a layer of full attention keeps."""
        return Cache("full", 1, self.kv_heads, self.head_dim, self.head_dim)

    def sliding(self, window: int | None) -> Cache:
        """Return what a layer of attention within a window keeps; without a window it is full."""
        return (
            self.full() if window is None else Cache("sliding", 1, self.kv_heads, self.head_dim, self.head_dim, window)
        )

    def count(self, name: str, *keys: str, most: str = "size", absent: int | None = None) -> int:
        """Return a size, of which a model of this family has no shape without it unless `absent` says otherwise."""
        needed = None if absent is not None else f"{self.family.model_type} models have no shape without it"
        return self.fields.count(keys or (name,), bounds()[most], absent=absent, needed=needed) or SMALLEST

    def flag(self, key: str, *, absent: bool = False) -> bool:
        """Return a switch."""
        return self.fields.flag([key], absent=absent)

    def contradiction(self, key: str, message: str) -> None:
        """Keep a fault that follows from several fields, unless one of them may be a fault by itself."""
        if not self.fields.faults:
            self.fields.fault(key, message)

    def patterned(self) -> tuple[tuple[LayerKind, ...], str]:
        """Return the kinds of layers, and of each layer its kind."""
        if self.mixer_of is None and self.mlp_of is None:
            return (), ""
        own, *rest = self.family.layer.split()
        dense, common = rest[0], rest[1:]
        default = Mixer(own, (self.sliding(self.window),))
        letters: dict[tuple[str, str], str] = {}
        pattern = []
        for mixer, mlp in zip(self.mixer_of or [""] * self.layers, self.mlp_of or [dense] * self.layers, strict=True):
            key = (mixer, mlp)
            letter = letters.get(key)
            if letter is None:
                letter = letters[key] = chr(ord("A") + len(letters))
            pattern.append(letter)
        kinds = []
        for mixer, mlp in letters:
            found = self.mixers.get(mixer, default)
            kinds.append(LayerKind(" ".join([found.block, mlp, *common]).replace("  ", " "), found.caches, found.sizes))
        return tuple(kinds), "".join(pattern)


def layer_types(draft: Draft, allowed: Sequence[str], key: str = "layer_types") -> list[str] | None:
    """Return the kind of every layer as the configuration states it; None where it does not, or not properly."""
    known = not draft.fields.faults
    found = draft.fields.names([key], allowed, draft.layers if known else None)
    return found if known or found is None or len(found) == draft.layers else None
