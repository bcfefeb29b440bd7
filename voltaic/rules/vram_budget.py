"""Does it fit, on every GPU, at the stated limits and at the worst moment?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.answers import bill_of
from voltaic.findings import Finding
from voltaic.memory.bill import Bill, GpuBill, NoBill
from voltaic.memory.text import gib
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

ID: Final = "vram-budget"


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding where the spec does not fit, or where that cannot be told."""
    bill = bill_of(spec)
    if isinstance(bill, NoBill):
        return _without_bill(spec, bill)
    if bill.fits:
        return ()
    return (_over_budget(bill),)


def _over_budget(bill: Bill) -> Finding:
    worst = bill.worst
    index = bill.per_gpu.index(worst)
    where = "the GPU" if len(bill.per_gpu) == 1 else f"GPU {index} of {len(bill.per_gpu)}"
    return Finding(
        rule=ID,
        message=(
            f"Needs {gib(worst.total)} on {where}, which has {gib(worst.budget)}: {gib(-worst.headroom)} too much at the worst "
            f"moment ({bill.peak_moment}). {_lines(worst)}."
        ),
        why=_why(worst, bill),
        fix=_fix(worst),
        sources=bill.sources,
    )


def _lines(gpu: GpuBill) -> str:
    lines = (
        ("context", gpu.context),
        ("weights", gpu.weights),
        ("KV cache", gpu.kv_cache),
        ("activations", gpu.activations),
        ("planning margin", gpu.other),
    )
    return "Bill: " + ", ".join(f"{name} {gib(size)}" for name, size in lines)


def _why(gpu: GpuBill, bill: Bill) -> str:
    if gpu.context + gpu.weights > gpu.budget:
        return (
            f"The weights alone do not fit: {gib(gpu.weights)} beside {gib(gpu.context)} of context leave nothing of "
            f"{gib(gpu.budget)}, so the server dies while loading, whatever the limits are."
        )
    term = "KV cache" if gpu.kv_cache >= gpu.activations else "activations"
    size = max(gpu.kv_cache, gpu.activations)
    left = gpu.budget - gpu.context - gpu.weights
    detail = (
        f" ({bill.kv_cache_tokens} tokens at {bill.kv_cache_bytes_per_token} bytes each)" if term == "KV cache" else ""
    )
    return (
        f"Beside context and weights {gib(left)} are left. The {term} takes {gib(size)}{detail}, and the planning margin of "
        f"{gib(gpu.other)} covers what the caching allocator cannot reuse. Beyond the budget the engine ends with a CUDA "
        "out of memory error."
    )


def _fix(gpu: GpuBill) -> str:
    if gpu.context + gpu.weights > gpu.budget:
        return "Serve a smaller model, or use GPUs with more memory or more of them."
    return "Lower the batch size or the total tokens, serve a smaller model, or use GPUs with more memory or more of them."


def _without_bill(spec: ServingSpec, bill: NoBill) -> tuple[Finding, ...]:
    budget = None if spec.gpu is None else spec.gpu.usable_bytes
    if bill.at_least is not None and budget is not None and bill.at_least > budget:
        return (
            Finding(
                rule=ID,
                message=f"Needs at least {gib(bill.at_least)} on one GPU, which has {gib(budget)}.",
                why=(
                    "Context and weights alone exceed the budget, so the server dies while loading, whatever the limits "
                    f"are. The rest of the bill is not known: {bill.because}."
                ),
                fix="Serve a smaller model, or use GPUs with more memory or more of them.",
                sources=bill.sources,
            ),
        )
    known = "" if bill.at_least is None else f" At least {gib(bill.at_least)} are needed on one GPU for context and weights."
    return (
        Finding(
            rule=ID,
            message=f"Whether it fits is not known: {bill.because}.{known}",
            why="A term of the VRAM bill has no model here, and a guess would not be a promise.",
            fix=f"What would settle it: {bill.settled_by}.",
            sources=bill.sources,
            outcome="unknown",
        ),
    )


RULE: Final = Rule(
    id=ID,
    title="Does it fit into the memory of every GPU, at the stated limits and at the worst moment?",
    why="An engine that runs out of GPU memory dies while loading, in warm-up, or under load in front of its users.",
    check=check,
)
