"""Smaller limits that fit: fewer requests at once, or shorter ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from voltaic import defaults
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
MOST_STATED: Final = (7, 8)
"""Largest share of a request that its prompt may have been given for that share to be kept; more leaves no answer."""


def input_of(total: int, *, prompt: int | None = None, of: int = 1) -> int:
    """Return the input limit that goes with a total limit, in tokens: in whole steps, with room for an answer.

    Args:
        total: the total limit.
        prompt: the input limit that is stated; None where none is.
        of: the total limit that the stated one goes with.
    """
    share, whole = defaults.MOST_INPUT
    if prompt is not None and prompt * MOST_STATED[1] <= of * MOST_STATED[0]:
        share, whole = prompt, of
    # Not below one step, unless the stated one is.
    return max(_steps(total * share // whole), min(STEP, prompt or STEP))


def smaller_limits(spec: ServingSpec, runs: Runs) -> Iterator[dict[str, Any]]:
    """Yield settings with smaller limits that fit by the bill, those that change least first.

    The largest that leave the estimate its margin of error, else the largest that fit at all. The bill grows with every
    limit, so that they are found by halving. What is yielded is to be judged: the launcher has constraints of its own.
    """
    if isinstance(estimate(spec, runs), Bill):
        yield from _Smaller(spec, runs).proposals()


class _Smaller:
    """Looks for smaller limits of one spec, whose bill is known."""

    def __init__(self, spec: ServingSpec, runs: Runs) -> None:
        limits = runs.limits
        self.spec, self.runs = spec, runs
        self.bounded = "max_batch_size" in limits
        self.size = min(limits[name] for name in ("max_batch_size", "max_concurrent_requests") if name in limits)
        self.total, self.prompt = limits["max_total_tokens"], limits["max_input_tokens"]
        self.prefill = limits["max_batch_prefill_tokens"]
        stated = spec.origin is None or spec.origin.states("maxInputTokens")
        self.stated = spec.option("max_input_tokens") if stated else None

    def proposals(self) -> Iterator[dict[str, Any]]:
        # One input in whole steps; as it is stated where the rest of a step would be a second request in the warm-up.
        whole = _steps(self.prompt + STEP - 1)
        for prefill in dict.fromkeys((whole, self.prompt)):
            if self.prompt <= prefill < self.prefill and self._fits(self.size, self.prompt, self.total, prefill):
                yield {"maxBatchPrefillTokens": prefill}
                break
        fewer = self._largest(1, self.size - 1, lambda size: (size, self.prompt, self.total, self.prefill))
        if fewer is not None:
            yield {"maxBatchSize": fewer}
        # As many requests as now, where that number is bounded, and one alone, where no number fits at this length.
        counts = ([self.size] if self.bounded else []) + ([1] if fewer is None else [])
        if (
            fewer is not None
            and not counts
            and not self._fits(fewer, self.prompt, self.total, self.prefill, roomy=True)
        ):
            counts = [fewer]
        for size in dict.fromkeys(counts):
            yield from self._shorter(size)

    def _shorter(self, size: int) -> Iterator[dict[str, Any]]:
        most = (self.total - 1) // STEP
        steps = self._largest(-(-LEAST_TOTAL // STEP), most, lambda steps: (size, *self._tokens(steps * STEP)))
        if steps is None:
            return
        prompt, total, prefill = self._tokens(steps * STEP)
        found = {} if size == self.size and self.bounded else {"maxBatchSize": size}
        found |= {"maxInputTokens": prompt, "maxTotalTokens": total}
        yield found if prefill == self.prefill else found | {"maxBatchPrefillTokens": prefill}

    def _tokens(self, total: int) -> tuple[int, int, int]:
        """Return input, total and prefill limit of a shorter total."""
        prompt = input_of(total, prompt=self.stated, of=self.total)
        return prompt, total, max(prompt, _steps(self.prefill * total // self.total))

    def _largest(self, least: int, most: int, limits: Callable[[int], tuple[int, int, int, int]]) -> int | None:
        roomy = _largest(least, most, lambda number: self._fits(*limits(number), roomy=True))
        return roomy if roomy is not None else _largest(least, most, lambda number: self._fits(*limits(number)))

    def _fits(self, size: int, prompt: int, total: int, prefill: int, *, roomy: bool = False) -> bool:
        bill = estimate(self.spec, _limited(self.runs, size, prompt, total, prefill))
        return isinstance(bill, Bill) and bill.fits and not (roomy and bill.tight)


def _steps(limit: int) -> int:
    """Return a limit in whole steps where it is longer than one."""
    return limit if limit < STEP else limit // STEP * STEP


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
