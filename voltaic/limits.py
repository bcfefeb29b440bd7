"""Smaller limits that fit: fewer requests at once, or shorter ones."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from voltaic import defaults, engines
from voltaic.engines.ways import Load, rooms_of, ways_of
from voltaic.memory.bill import Bill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voltaic.engines.base import Runs
    from voltaic.engines.ways import HasWays, Rooms
    from voltaic.memory.bill import NoBill
    from voltaic.spec import ServingSpec

STEP: Final = 64
"""Tokens: limits are proposed in multiples of this."""
LEAST_TOTAL: Final = 512
"""Tokens of the shortest request that is worth proposing."""
LEAST_PREFILL: Final = 256
"""Tokens of the smallest prefill pass that is worth proposing."""
SPARE: Final = 0.01
"""Share of a GPU that tight limits that are proposed leave free: nobody is sent to the last byte."""
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


def smaller_limits(spec: ServingSpec, runs: Runs, known: Bill | None = None) -> Iterator[dict[str, Any]]:
    """Yield settings with smaller limits that fit by the bill, those that change least first.

    The largest that leave the estimate its margin of error, else the largest that fit at all. The bill grows with every
    limit, so that they are found by closing in. What is yielded is to be judged: the launcher has constraints of its
    own. `known` is the bill as it is, where it is made already.
    """
    fitting = fitting_of(spec, runs, known)
    if fitting is not None:
        yield from _Smaller(fitting).proposals()


def fitting_of(spec: ServingSpec, runs: Runs, known: Bill | None = None) -> Fitting | None:
    """Return what tells whether other limits fit; None where the engine's limits or the bill are not known."""
    engine = ways_of(engines.engine(spec.release.engine))
    if engine is None:
        return None
    load = engine.load_of(spec, runs)
    if load is None:
        return None
    rooms = rooms_of(engine, spec, runs)
    if rooms is None and not isinstance(known or engine.bill_for(spec, runs), Bill):
        return None
    return Fitting(spec, runs, engine, load, rooms)


class Fitting:
    """Tells whether a spec fits with other limits, by the bill alone."""

    def __init__(self, spec: ServingSpec, runs: Runs, engine: HasWays, load: Load, rooms: Rooms | None = None) -> None:
        self.spec, self.runs, self.engine = spec, runs, engine
        self.load = load
        """What the limits ask for as they are."""
        self._bills: dict[Load, Bill | NoBill] = {}
        self._rooms = rooms
        self._room: dict[Load, int] = {}
        stated = spec.origin is None or spec.origin.states("maxInputTokens")
        self.stated = engine.stated(spec, "maxInputTokens") if stated else None

    def bill(self, load: Load) -> Bill | NoBill:
        """Return the bill with these limits."""
        found = self._bills.get(load)
        if found is None:
            found = self._bills[load] = self.engine.bill_for(self.spec, self.engine.with_load(self.runs, load))
        return found

    def room(self, load: Load, *, roomy: bool = False, spare: float = 0) -> int | None:
        """Return the bytes left on the fullest GPU, with `roomy` beyond the estimate's margin; None: no bill.

        `spare` is a share of the budget that is to stay free besides.

        Negative where it does not fit, be it for an engine's own condition.
        """
        rooms = self._rooms
        if rooms is not None:
            known = self._room.get(load)
            if known is None:
                known = self._room[load] = rooms.room(self.engine.with_load(self.runs, load))
            return math.floor(known - rooms.margin_bytes) if roomy else known
        bill = self.bill(load)
        if not isinstance(bill, Bill):
            return None
        free = bill.margin if roomy else spare
        left = min(gpu.headroom - free * gpu.budget for gpu in bill.per_gpu)
        sizes = {"bytes": 1, "tokens": bill.kv_cache_bytes_per_token or 1}
        short = [(found.found - found.needed) * sizes[found.unit] for found in bill.shortfalls]
        return math.floor(min(left, *short, -1) if short else left)

    def fits(self, load: Load, *, roomy: bool = False) -> bool:
        """Return whether it fits, with `roomy` also whether the estimate keeps its margin of error."""
        room = self.room(load, roomy=roomy)
        return room is not None and room >= 0

    def of_length(self, total: int) -> Load:
        """Return the limits with another length of requests, the others in proportion."""
        load = self.load
        if load.prompt is None:
            return replace(load, total=total)
        prompt = input_of(total, prompt=self.stated, of=load.total)
        if load.prefill is None:
            return replace(load, prompt=prompt, total=total)
        prefill = max(prompt, _steps(load.prefill * total // load.total))
        return Load(load.requests, total, prompt, prefill, load.bounded)

    def shortened(self, total: int, requests: int) -> Load:
        """Return the limits with so many requests of another length, and passes that are no longer than they need be.

        Where prompts have no limit of their own a pass is as long as a request, and not shorter than requests are many.
        """
        load = replace(self.of_length(total), requests=requests)
        if load.prompt is not None or load.prefill is None:
            return load
        return replace(load, prefill=min(load.prefill, max(total, requests)))

    def largest(
        self, least: int, most: int, load: Callable[[int], Load], *, roomy: bool, spare: float = 0
    ) -> int | None:
        """Return the largest number in a range whose limits fit; None where the least does not."""
        return _largest(least, most, lambda number: self.room(load(number), roomy=roomy, spare=spare))

    def settings(self, load: Load) -> dict[str, Any]:
        """Return the settings that make these limits of those that are there."""
        now = self.load
        found: dict[str, Any] = {} if load.requests == now.requests and now.bounded else {"maxBatchSize": load.requests}
        if load.total != now.total:
            found |= {} if load.prompt is None else {"maxInputTokens": load.prompt}
            found["maxTotalTokens"] = load.total
        return found if load.prefill == now.prefill else found | {"maxBatchPrefillTokens": load.prefill}


class _Smaller:
    """Looks for smaller limits of one spec, whose bill is known."""

    def __init__(self, fitting: Fitting) -> None:
        self.fitting = fitting
        self.load = fitting.load

    def proposals(self) -> Iterator[dict[str, Any]]:
        load = self.load
        yield from self._smaller_prefill()
        fewer = self._largest(1, load.requests - 1, load.of)
        if fewer is not None:
            yield {"maxBatchSize": fewer}
        # As many requests as now, where that number is bounded, and one alone, where no number fits at this length.
        counts = ([load.requests] if load.bounded else []) + ([1] if fewer is None else [])
        if fewer is not None and not counts and not self.fitting.fits(load.of(fewer), roomy=True):
            counts = [fewer]
        for size in dict.fromkeys(counts):
            yield from self._shorter(size)

    def _smaller_prefill(self) -> Iterator[dict[str, Any]]:
        load = self.load
        if load.prefill is None:
            return
        if load.prompt is None:
            steps = self._largest(LEAST_PREFILL // STEP, (load.prefill - 1) // STEP, self._prefill_of)
            if steps is not None:
                yield {"maxBatchPrefillTokens": steps * STEP}
            return
        # One input in whole steps; as it is stated where the rest of a step would be a second request in the warm-up.
        whole = _steps(load.prompt + STEP - 1)
        for prefill in dict.fromkeys((whole, load.prompt)):
            if load.prompt <= prefill < load.prefill and self.fitting.fits(replace(load, prefill=prefill)):
                yield {"maxBatchPrefillTokens": prefill}
                break

    def _prefill_of(self, steps: int) -> Load:
        return replace(self.load, prefill=steps * STEP)

    def _shorter(self, size: int) -> Iterator[dict[str, Any]]:
        fitting = self.fitting
        most = (self.load.total - 1) // STEP
        steps = self._largest(-(-LEAST_TOTAL // STEP), most, lambda steps: fitting.shortened(steps * STEP, size))
        if steps is not None:
            yield fitting.settings(fitting.shortened(steps * STEP, size))

    def _largest(self, least: int, most: int, load: Callable[[int], Load]) -> int | None:
        roomy = self.fitting.largest(least, most, load, roomy=True)
        return roomy if roomy is not None else self.fitting.largest(least, most, load, roomy=False, spare=SPARE)


def _steps(limit: int) -> int:
    """Return a limit in whole steps where it is longer than one."""
    return limit if limit < STEP else limit // STEP * STEP


_STEPS_ALONG: Final = 4
"""Every so many steps the middle is tried, so that the range shrinks whatever the shape of the bill."""


def _largest(least: int, most: int, room: Callable[[int], int | None]) -> int | None:
    """Return the largest number with room for it; None where the least has none.

    Room shrinks with the number, nearly in proportion: the next one to try is where a straight line between the two
    that are known would end, and the middle where that did not close in.
    """
    if most < least:
        return None
    left = room(least)
    if left is None or left < 0:
        return None
    over = room(most)
    if over is not None and over >= 0:
        return most
    steps = 0
    while most - least > 1:
        steps += 1
        tried = (least + most) // 2
        if over is not None and steps % _STEPS_ALONG:
            along = least + (most - least) * left // (left - over)
            tried = min(max(along, least + 1), most - 1)
        found = room(tried)
        if found is not None and found >= 0:
            least, left = tried, found
            over = None if over is None else over // 2  # the far end counts less each time that it stays
        else:
            most, over = tried, found
            left //= 2
    return least
