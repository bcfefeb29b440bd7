"""Which limits to set: the largest with which a spec fits, one limit at a time, proven by the judge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from voltaic import changes, engines
from voltaic.answers import runs_of
from voltaic.engines.ways import ways_of
from voltaic.limits import STEP, fitting_of
from voltaic.memory.bill import Bill
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from voltaic.engines.ways import Load
    from voltaic.limits import Fitting
    from voltaic.spec import ServingSpec
    from voltaic.verdict import Verdict

MOST_REQUESTS: Final = 4096
"""Requests at once beyond which nothing is looked for."""
MOST_TOKENS: Final = 2**20
"""Tokens of the longest request that is looked for, where the model has no bound of its own."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a limit that the judge accepts."""

    value: int
    settings: Mapping[str, Any]
    """Configuration keys to set for it, those that have to follow among them."""
    kv_cache_tokens: int
    """Tokens that the cache or pool then holds."""


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest value of one limit, the others as they are."""

    key: str
    """Configuration key: `maxTotalTokens`, `maxBatchSize`."""
    asked: int | None
    """What the spec asks for now; None where nobody asked for a number."""
    roomy: Value | None
    """Largest with which the estimate keeps its margin of error; None: no value does."""
    tight: Value | None
    """Largest that fits at all, at least as large; None: no value does."""
    most: int
    """Where the search ended: the model's context, or what is worth asking for."""


@dataclass(frozen=True, slots=True)
class LargestLimits:
    """The largest limits of a spec."""

    total: Largest | None = None
    """Tokens of a request, at the requests asked for."""
    requests: Largest | None = None
    """Requests at once, each as long as asked for."""
    because: str = ""
    """Why nothing, or not everything, can be said."""

    @property
    def pool_tokens(self) -> tuple[int | None, int | None]:
        """Tokens that cache or pool may hold at once (`maxBatchTotalTokens`): with room, and tight."""
        found = [which for which in (self.total, self.requests) if which is not None]
        roomy = [which.roomy.kv_cache_tokens for which in found if which.roomy is not None]
        tight = [which.tight.kv_cache_tokens for which in found if which.tight is not None]
        return max(roomy, default=None), max(roomy + tight, default=None)


def largest_limits(spec: ServingSpec) -> LargestLimits:
    """Return the largest limits that are accepted, for any engine whose bill is known. Bounded: some 60 bills."""
    engine, runs = ways_of(engines.engine(spec.release.engine)), runs_of(spec)
    verdict = judge(spec)
    if runs is None or engine is None:
        return LargestLimits(because=_because(verdict) or f"the limits of {spec.release} are not known")
    fitting = fitting_of(spec, runs)
    if fitting is None:
        return LargestLimits(because=_because(verdict) or f"the bill of {spec.release} is not known")
    load = fitting.load
    positions = None if spec.model.architecture is None else spec.model.architecture.max_positions
    longest = max(positions or MOST_TOKENS, STEP)
    bill = fitting.bill(load)
    pool = isinstance(bill, Bill) and bill.kv_cache_tokens != load.requests * load.total
    # From a pool requests take what they use: more of them than it holds at full length would wait for each other.
    most = max(1, bill.kv_cache_tokens // load.total) if pool and isinstance(bill, Bill) else MOST_REQUESTS
    looked = _Looking(fitting, verdict, pool=pool)
    total = looked.largest(
        "maxTotalTokens", load.total, longest // STEP, lambda steps: _of_length(fitting, steps * STEP), STEP
    )
    requests = looked.largest("maxBatchSize", load.requests, most, lambda size: replace(load, requests=size), 1)
    nothing = total.tight is None and requests.tight is None
    return LargestLimits(total, requests, looked.because if nothing else "")


def _of_length(fitting: Fitting, total: int) -> Load:
    """Return the limits with requests of this length; shorter ones than now need no longer passes."""
    shorter = total < fitting.load.total
    return fitting.shortened(total, fitting.load.requests) if shorter else fitting.of_length(total)


class _Looking:
    """Looks for the largest values of one spec."""

    def __init__(self, fitting: Fitting, verdict: Verdict, *, pool: bool) -> None:
        self.fitting = fitting
        self.pool = pool
        """Whether the engine takes what is free for its cache: then a limit for all requests together says nothing."""
        self.because = _because(verdict) or "no limits fit"

    def largest(self, key: str, asked: int, most: int, load: Callable[[int], Load], step: int) -> Largest:
        """Return the largest value of a limit, with room and without."""
        roomy = self._proven(key, most, load, step, roomy=True)
        tight = self._proven(key, most, load, step, roomy=False)
        return Largest(key, asked if self.fitting.load.bounded or step > 1 else None, roomy, tight, most * step)

    def _proven(self, key: str, most: int, load: Callable[[int], Load], step: int, *, roomy: bool) -> Value | None:
        fitting = self.fitting
        number = fitting.largest(1, most, load, roomy=roomy)
        if number is None:
            return None
        found = load(number)
        settings = {**fitting.settings(found), key: number * step}
        together = fitting.engine.stated(fitting.spec, "maxBatchTotalTokens")
        # A launcher compares the limit of all requests with one of them also where the engine then ignores it.
        least = max(found.total * (1 if self.pool else found.requests), found.prefill or 0)
        if isinstance(together, int) and together < least:
            settings["maxBatchTotalTokens"] = least
        spec = changes.apply(fitting.spec, settings)
        verdict = None if spec is None else judge(spec)
        if verdict is None or verdict.verdict != "accept" or not isinstance(verdict.bill, Bill):
            self.because = self.because if verdict is None else _because(verdict) or self.because
            return None
        return Value(number * step, settings, verdict.bill.kv_cache_tokens)


def _because(verdict: Verdict) -> str:
    """Return what is in the way beside the limits."""
    return verdict.answers[0].message if verdict.answers else ""
