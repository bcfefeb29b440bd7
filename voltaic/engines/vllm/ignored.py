"""Options and variables that are given and do nothing. They refuse nothing; people should know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.answers import runs_of
from voltaic.engines import outdated
from voltaic.engines.base import Support
from voltaic.engines.vllm.releases import name_of
from voltaic.findings import Source

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

_SWAP: Final = Source("vllm/v1/engine/core.py of 0.9.2 to 0.16.0, _initialize_kv_caches: num_cpu_blocks is 0")


def supports(spec: ServingSpec) -> tuple[Support, ...]:
    """Return what is set and does nothing in this release, or in the engine that serves."""
    found = outdated.without_effect(spec, name_of(spec.release.version))
    runs = runs_of(spec)
    if runs is None or runs.implementation != "vllm-v1" or not spec.option("swap_space"):
        return found
    message = "--swap-space is set and does nothing: the V1 engine keeps no blocks in host memory."
    return (*found, Support("ok", message, sources=(_SWAP,), differs=True, where="--swap-space"))
