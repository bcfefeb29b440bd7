"""How many GPUs the server's processes use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.words.line import reads_alike

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

_SPREAD: Final = ("dp", "ep", "cp", "nnodes")
"""Options with which other numbers than `--tp` decide how many GPUs compute (lmdeploy/cli/utils.py of 0.16.0)."""


def gpus_used(spec: ServingSpec) -> int | None:
    """Return how many GPUs of the pod compute; None where that is not known."""
    ranks = spec.option("tp", 1)
    others = any(spec.option(name, 1) != 1 for name in _SPREAD)
    return ranks if type(ranks) is int and ranks > 0 and not others and reads_alike(spec.command) else None
