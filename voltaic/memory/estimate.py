"""The VRAM bill of a spec, from the model's shapes and from how the engine runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.memory.bill import Bill, NoBill

if TYPE_CHECKING:
    from voltaic.engines.base import Runs
    from voltaic.spec import ServingSpec


def estimate(spec: ServingSpec, runs: Runs | None) -> Bill | NoBill:
    """Return the bill of the spec run this way, or which term has no model and what would settle it.

    `runs` is what the engine answers; None where it does not run the spec, or where that is not known.
    """
    del spec, runs
    return NoBill(because="the bill is not written yet", settled_by="its first version")
