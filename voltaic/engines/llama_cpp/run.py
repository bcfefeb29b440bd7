"""How a spec runs in llama.cpp, and what must be set for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.engines.base import Runs
from voltaic.engines.llama_cpp import facts as known
from voltaic.engines.llama_cpp import support
from voltaic.engines.llama_cpp.case import case_of
from voltaic.engines.llama_cpp.facts import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.spec import ServingSpec


def runs(spec: ServingSpec) -> Runs | None:
    """Return how the spec runs; None where it does not, or where that is not known."""
    case = case_of(spec)
    if case is None or case.arch is None or case.context is None or case.layers is None or case.file_type is None:
        return None
    cell = known.starts(case.build.flavour, case.gpu.arch)
    if cell is None or cell.answer != "ok":
        return None
    if support.model_support(spec) or support.shard_support(spec) or support.argument_support(spec):
        return None
    slots, table = case.slots, facts()["defaults"]
    batch = case.number("batch_size", table["batch"])
    limits = {
        "ctx_size": case.context,
        "parallel": slots,
        "ubatch_size": min(batch, case.number("ubatch_size", table["ubatch"])),
        "max_total_tokens": case.context if case.unified else max(1, case.context // slots),
        "max_batch_size": 1 if case.unified else slots,
    }
    attention = "eager" if case.flash is False else "flash"
    return Runs("llama.cpp", 1, (spec.gpus or 1) > 1, "float16", case.file_type, attention, limits)


def required_options(spec: ServingSpec) -> Mapping[str, Any]:
    """Return the canonical options that must be set so that this spec runs, beside those that are."""
    case = case_of(spec)
    if case is None:
        return {}
    return {} if "n_gpu_layers" in spec.command.options else {"n_gpu_layers": "999"}
