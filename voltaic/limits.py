"""Smaller limits that fit: fewer requests at once, or shorter ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from voltaic.memory.bill import Bill
from voltaic.memory.estimate import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voltaic.engines.base import Runs
    from voltaic.spec import ServingSpec

STEP: Final = 64
"""Tokens: limits are proposed in multiples of this."""
LEAST_TOTAL: Final = 512
"""Tokens of the shortest request that is worth proposing."""


def smaller_limits(spec: ServingSpec, runs: Runs) -> Iterator[dict[str, Any]]:
    """Yield settings with smaller limits that fit by the bill, those that change least first.

    The bill grows with every limit, so that the largest that fit are found by halving. What is yielded is to be judged:
    the launcher has constraints of its own.
    """
    limits = runs.limits
    if not isinstance(estimate(spec, runs), Bill):
        return
    size = min(limits[name] for name in ("max_batch_size", "max_concurrent_requests") if name in limits)
    total, prompt = limits["max_total_tokens"], limits["max_input_tokens"]
    prefill = limits["max_batch_prefill_tokens"]

    def fits(size: int, total: int, prefill: int) -> bool:
        bill = estimate(spec, _limited(runs, size, _share(prompt, total, limits["max_total_tokens"]), total, prefill))
        return isinstance(bill, Bill) and bill.fits

    if prefill > prompt and fits(size, total, prompt):
        yield {"maxBatchPrefillTokens": prompt}
    fewer = _largest(1, size - 1, lambda requests: fits(requests, total, prefill))
    if fewer is not None:
        yield {"maxBatchSize": fewer}
    # As many requests as now, where that number is bounded, and one alone, where no number fits at this length.
    counts = ([size] if "max_batch_size" in limits else []) + ([1] if fewer is None else [])
    for requests in dict.fromkeys(counts):
        steps = _largest(
            -(-LEAST_TOTAL // STEP),
            (total - 1) // STEP,
            lambda steps, requests=requests: fits(  # type: ignore[misc]  # mypy infers no defaults of lambdas
                requests, steps * STEP, _share(prefill, steps * STEP, total)
            ),
        )
        if steps is None:
            continue
        shorter = steps * STEP
        found: dict[str, Any] = {} if requests == size else {"maxBatchSize": requests}
        found |= {"maxInputTokens": _share(prompt, shorter, total), "maxTotalTokens": shorter}
        if prefill > found["maxInputTokens"]:
            found["maxBatchPrefillTokens"] = max(found["maxInputTokens"], _share(prefill, shorter, total))
        yield found


def _share(limit: int, shorter: int, total: int) -> int:
    """Return a limit shortened as much as the total, in whole steps where it is longer than one."""
    shared = limit * shorter // total
    return max(1, shared if shared < STEP else shared // STEP * STEP)


def _limited(runs: Runs, size: int, prompt: int, total: int, prefill: int) -> Runs:
    prefill = max(prefill, prompt)
    limits = dict(runs.limits)
    limits |= {
        "max_batch_size": size,
        "max_input_tokens": prompt,
        "max_total_tokens": total,
        "max_batch_prefill_tokens": prefill,
        "warm_up_requests": min(size, -(-prefill // prompt)),
        "warm_up_tokens": prompt,
    }
    return replace(runs, limits=limits)


def _largest(least: int, most: int, fits: Callable[[int], bool]) -> int | None:
    """Return the largest number that fits; None where the least does not."""
    if most < least or not fits(least):
        return None
    while least < most:
        middle = (least + most + 1) // 2
        if fits(middle):
            least = middle
        else:
            most = middle - 1
    return least
