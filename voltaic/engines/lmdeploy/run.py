"""How a spec runs in TurboMind, and what must be set for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.engines.base import Runs, Support
from voltaic.engines.lmdeploy import facts as known
from voltaic.engines.lmdeploy import support
from voltaic.engines.lmdeploy.case import case_of
from voltaic.engines.lmdeploy.facts import facts, holds, source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.lmdeploy.case import Case
    from voltaic.spec import ServingSpec


def runs(spec: ServingSpec) -> Runs | None:
    """Return how the spec runs; None where it does not, or where that is not known."""
    case = case_of(spec)
    if case is None or case.dtype is None or not case.in_turbomind:
        return None
    cell = known.starts(case.release, case.gpu.arch)
    if cell is None or cell.answer != "ok" or support.model_support(spec) or support.shard_support(spec):
        return None
    limits = {
        "max_batch_size": case.number("max_batch_size", facts()["cache"]["batch"]),
        "max_prefill_token_num": case.number("max_prefill_token_num", facts()["cache"]["prefill_tokens"]),
    }
    if case.session is not None:
        limits["session_len"] = case.session
    notes = tuple(_notes(case))
    return Runs("turbomind", case.shards, False, case.dtype, case.weights, "flash", limits, notes=notes)


def _notes(case: Case) -> Iterator[Support]:
    """Yield what becomes of an option beside what was asked."""
    stated = case.spec.option("dtype", "auto")
    if stated not in {"auto", case.dtype}:
        message = f"--dtype {stated} becomes {case.dtype} on {case.gpu_title}, with a warning in the log."
        yield Support("ok", message, sources=(source("dtype"),), differs=True, where="--dtype")


def required_options(spec: ServingSpec) -> Mapping[str, Any]:
    """Return the canonical options that must be set so that this spec runs, beside those that are."""
    case = case_of(spec)
    if case is None or case.capability is None or case.capability >= 80:  # noqa: PLR2004  bfloat16
        return {}
    asks = holds("dtype", "option", case.version) and spec.option("dtype") != "float16"
    return {"dtype": "float16"} if asks else {}
