"""Does it fit, on every GPU, at the stated limits and at the worst moment?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import engines
from voltaic.answers import bill_of, runs_of
from voltaic.findings import Finding
from voltaic.memory.bill import Bill, GpuBill, NoBill, Shortfall
from voltaic.rules.rule import Rule
from voltaic.units import gib

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

ID: Final = "vram-budget"

LESS_OR_MORE: Final = "Serve a smaller model, or use GPUs with more memory or more of them."
"""The way out where limits do not help and no better one was found."""


def check(spec: ServingSpec) -> tuple[Finding, ...]:
    """Return a finding where the spec does not fit, or where that cannot be told."""
    bill = bill_of(spec)
    if isinstance(bill, NoBill):
        return (_without_bill(spec, bill),)
    if bill.fits:
        return (_too_close(spec, bill),) if bill.too_close else ()
    unreadable = tuple(fault.where for fault in spec.command.faults if fault.unreadable)
    if unreadable:
        return (_unreadable(bill, unreadable),)
    # An engine's own condition says it in the engine's own terms; the sum adds nothing then, but where the weights
    # alone are too much: no condition of a pool is ever asked.
    short = () if weights_alone(bill, spec) else tuple(_short(shortfall) for shortfall in bill.shortfalls)
    return short or (_over_budget(spec, bill),)


def _short(shortfall: Shortfall) -> Finding:
    return Finding(rule=ID, message=shortfall.message, why=shortfall.why, fix=shortfall.fix, sources=shortfall.sources)


def _too_close(spec: ServingSpec, bill: Bill) -> Finding:
    worst = bill.worst
    return Finding(
        rule=ID,
        message=(
            f"Whether it fits is too close to tell: it would need {gib(worst.total)} on a GPU, which has "
            f"{gib(worst.budget)}: {_lines(worst)}."
        ),
        why=f"No log of {spec.release} backs this bill, and it leaves less than {bill.undecided:.0%} of the GPU free.",
        fix="Lower max_batch_prefill_tokens or max_total_tokens a little, or measure it.",
        sources=bill.sources,
        outcome="unknown",
    )


def _unreadable(bill: Bill, unreadable: tuple[str, ...]) -> Finding:
    worst = bill.worst
    return Finding(
        rule=ID,
        message=(
            f"Whether it fits is not known: {', '.join(unreadable)} cannot be read here. With what can be read it "
            f"would need {gib(worst.total)} on a GPU, which has {gib(worst.budget)}: {_lines(worst)}."
        ),
        why="Limits or formats that are set out of sight may lower the bill.",
        fix="State max_batch_size, max_total_tokens and the other limits as arguments that can be read.",
        sources=bill.sources,
        outcome="unknown",
    )


def _over_budget(spec: ServingSpec, bill: Bill) -> Finding:
    worst = bill.worst
    alone = len(bill.per_gpu) == 1
    where = "the GPU" if alone else f"GPU {bill.per_gpu.index(worst)}"
    totals = ", ".join(gib(gpu.total) for gpu in bill.per_gpu)
    return Finding(
        rule=ID,
        message=(
            f"Needs {gib(worst.total)} on {where}, which has {gib(worst.budget)}: {gib(-worst.headroom)} too much at "
            f"the worst moment ({bill.peak_moment}). Bill: {_lines(worst)}."
            + ("" if alone else f" Totals of GPU 0 to {len(bill.per_gpu) - 1}: {totals}.")
        ),
        why=_why(spec, worst, bill),
        fix=_way_out(spec, worst),
        sources=bill.sources,
    )


def _lines(gpu: GpuBill) -> str:
    lines = (
        ("context", gpu.context),
        ("weights", gpu.weights),
        ("KV cache", gpu.kv_cache),
        ("activations", gpu.activations),
        ("planning margin" if _is_margin(gpu) else "other", gpu.other),
    )
    return ", ".join(f"{name} {gib(size)}" for name, size in lines)


def _is_margin(gpu: GpuBill) -> bool:
    """Return whether what is left beside the other lines is the planning margin and nothing else."""
    return all(name in {"allocator_slack", "kv_pool"} or not size for name, size in gpu.terms)


def weights_alone(bill: Bill | NoBill, spec: ServingSpec) -> bool:
    """Return whether context and weights alone exceed the budget of a GPU, so that no limits help."""
    if isinstance(bill, Bill):
        return any(_weights_alone(gpu) for gpu in bill.per_gpu)
    return bill.at_least is not None and spec.gpu is not None and bill.at_least > spec.gpu.usable_bytes


def _weights_alone(gpu: GpuBill) -> bool:
    return gpu.context + gpu.weights > gpu.budget


def _why(spec: ServingSpec, gpu: GpuBill, bill: Bill) -> str:
    if _weights_alone(gpu):
        return (
            f"The weights alone do not fit: {gib(gpu.weights)} beside {gib(gpu.context)} of context, of "
            f"{gib(gpu.budget)}. The server dies while loading, whatever the limits are."
        )
    left = gib(gpu.budget - gpu.context - gpu.weights)
    margin = "The planning margin covers what the caching allocator cannot reuse. " if _is_margin(gpu) else ""
    return (
        f"Beside context and weights {left} are left. {_limiting(spec, gpu, bill)} {margin}Beyond the budget the "
        "engine ends with a CUDA out of memory error."
    )


def _limiting(spec: ServingSpec, gpu: GpuBill, bill: Bill) -> str:
    """Return the term that is too large, in terms of the limits that make it."""
    if gpu.activations > gpu.kv_cache:
        return f"The activations of a {bill.peak_moment} pass take {gib(gpu.activations)}."
    runs = runs_of(spec)
    if runs is None or "max_total_tokens" not in runs.limits:
        tokens = sum(each.kv_cache for each in bill.per_gpu) // (bill.kv_cache_bytes_per_token or 1)
        return (
            f"The KV cache takes {gib(gpu.kv_cache)}: the limits ask for {tokens} tokens at "
            f"{bill.kv_cache_bytes_per_token} bytes each over all GPUs."
        )
    copies = " (held twice while decoding)" if bill.peak_moment == "decode" else ""
    return (
        f"The KV cache takes {gib(gpu.kv_cache)}{copies}: {bill.kv_cache_tokens} tokens at "
        f"{bill.kv_cache_bytes_per_token} bytes each over all GPUs, {_requests(spec)}."
    )


def _requests(spec: ServingSpec) -> str:
    """Return which limits bound the cache."""
    runs = runs_of(spec)
    limits = {} if runs is None else runs.limits
    total = limits.get("max_total_tokens")
    size, concurrent = limits.get("max_batch_size"), limits.get("max_concurrent_requests")
    if size is not None and (concurrent is None or size <= concurrent):
        return f"which is max_batch_size {size} x max_total_tokens {total}"
    stated = spec.option("max_batch_size")
    if stated is None:
        since = "since without max_batch_size" if _bound(spec) == "max_batch_size" else f"since in {spec.release}"
    elif stated == size:
        since = f"since below max_batch_size {size}"
    else:
        since = f"since {spec.release} does not keep to max_batch_size {stated} when requests join, and"
    return (
        f"{since} nothing but max_concurrent_requests {concurrent} bounds the batch, and every "
        f"request may reach max_total_tokens {total}"
    )


def _way_out(spec: ServingSpec, gpu: GpuBill) -> str:
    if _weights_alone(gpu):
        return LESS_OR_MORE
    return f"Lower {_bound(spec)} or max_total_tokens. {LESS_OR_MORE}"


def _bound(spec: ServingSpec) -> str:
    """Return the option that bounds the requests of a batch in this release."""
    engine = engines.engine(spec.release.engine)
    return "max_batch_size" if engine is None else engine.batch_bound(spec.release.version)


def _without_bill(spec: ServingSpec, bill: NoBill) -> Finding:
    budget = None if spec.gpu is None else spec.gpu.usable_bytes
    if bill.at_least is not None and budget is not None and bill.at_least > budget:
        return Finding(
            rule=ID,
            message=f"Needs at least {gib(bill.at_least)} on a GPU, which has {gib(budget)}.",
            why=(
                "Context and weights alone exceed the budget, so the server dies while loading, whatever the limits "
                f"are. The rest of the bill is not known: {bill.because}."
            ),
            fix=LESS_OR_MORE,
            sources=bill.sources,
        )
    known = "" if bill.at_least is None else f" Context and weights need at least {gib(bill.at_least)} on a GPU."
    return Finding(
        rule=ID,
        message=f"Whether it fits is not known: {bill.because}.{known}",
        why="A term of the VRAM bill has no model here, and a guess would be no promise.",
        fix=f"What would settle it: {bill.settled_by}.",
        sources=bill.sources,
        outcome="unknown",
    )


RULE: Final = Rule(
    id=ID,
    title="Does it fit into the memory of every GPU, at the stated limits and at the worst moment?",
    why="An engine that runs out of GPU memory dies while loading, in warm-up, or under load in front of its users.",
    check=check,
)
