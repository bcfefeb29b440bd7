"""The prefill budget that the launcher of 3.x computes from the speed of the GPU."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voltaic.engines import data
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source
    from voltaic.models import Architecture

_LEAST: Final = 100  # tokens; what comes out at or below it is taken for an error
_TERA: Final = 10**12


@dataclass(frozen=True, slots=True)
class Card:
    """What the launcher knows of a GPU model."""

    gpus: frozenset[str]
    releases: str
    tflops: int
    """Operations of 16 bit floats a second, in 10^12; 0: a card that it does not know."""


@dataclass(frozen=True, slots=True)
class Launcher:
    """The launcher's table of cards."""

    cards: tuple[Card, ...]
    families: frozenset[str]
    """Model types whose sizes it reads."""
    source: Source


@functools.cache
def launcher() -> Launcher:
    """Return the table; read once."""
    facts = data.table(Path(__file__).with_name("launcher.toml"))
    cards = []
    for row in facts["card"]:
        data.only(row, frozenset({"gpus", "releases", "tflops"}), f"card {row.get('gpus')}")
        cards.append(Card(frozenset(row["gpus"]), row["releases"], row["tflops"]))
    return Launcher(tuple(cards), frozenset(facts["families"]), data.source(facts["source"], facts["confidence"]))


def tflops(gpu: str, version: Version) -> int | None:
    """Return the speed that the launcher reckons with, 0 where it knows no card; None where that is not known."""
    rows = (card for card in launcher().cards if gpu in card.gpus and within(version, card.releases))
    return next((card.tflops for card in rows), None)


def budget(arch: Architecture | None, gpu: str, version: Version, shards: int, default: int) -> int | None:
    """Return the tokens that all shards compute in a second, `default` where it cannot say; None: not known which.

    Args:
        arch: the model; None where its config.json cannot be read, by the launcher neither.
        gpu: name of the GPU model.
        version: the release.
        shards: tensor-parallel processes, each with a GPU.
        default: tokens where the launcher knows the card or the model's sizes not.
    """
    speed = tflops(gpu, version)
    if speed is None:
        return None
    if speed == 0 or arch is None:
        return default
    if arch.model_type not in launcher().families:
        return None
    heads = 6 * arch.heads * arch.head_dim * arch.hidden + 4 * arch.kv_heads * arch.head_dim * arch.hidden
    token = arch.layers * (heads + 6 * arch.hidden * arch.intermediate)
    tokens = speed * _TERA * shards // token
    return tokens if tokens > _LEAST else default
