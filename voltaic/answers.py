"""What the engine of a spec answers, asked once per spec: several rules and the plan document need the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic import engines
from voltaic.engines.ways import ways_of
from voltaic.memory.bill import Bill, NoBill

if TYPE_CHECKING:
    from voltaic.engines.base import Runs
    from voltaic.spec import ServingSpec

# The last spec asked about, and the answer. One slot is enough: the rules ask about one spec after the other. It is
# replaced as a whole, so that threads see an answer with its own spec or ask again.
_last_runs: tuple[ServingSpec | None, Runs | None] = (None, None)
_last_bill: tuple[ServingSpec | None, Bill | NoBill] = (None, NoBill(because="nothing was asked", settled_by=""))


def runs_of(spec: ServingSpec) -> Runs | None:
    """Return how the spec runs; None where it does not, or where that is not known."""
    global _last_runs  # noqa: PLW0603  the memory described above
    asked, answer = _last_runs
    if asked is spec:
        return answer
    engine = engines.engine(spec.release.engine)
    answer = None if engine is None else engine.runs(spec)
    _last_runs = (spec, answer)
    return answer


def bill_shortly(spec: ServingSpec) -> None:
    """Have the next answer about this spec's bill leave out what only a document shows: what each moment holds."""
    global _last_bill  # noqa: PLW0603  the memory described above
    engine = engines.engine(spec.release.engine)
    ways = ways_of(engine)
    try:
        runs = runs_of(spec)
        if ways is not None and runs is not None:
            _last_bill = (spec, ways.bill_for(spec, runs))
    except Exception:  # noqa: BLE001  the rule that asks next says so
        return


def bill_of(spec: ServingSpec) -> Bill | NoBill:
    """Return the VRAM bill of the spec, or why there is none."""
    global _last_bill  # noqa: PLW0603  the memory described above
    asked, answer = _last_bill
    if asked is spec:
        return answer
    engine = engines.engine(spec.release.engine)
    if engine is None:
        answer = NoBill(
            because=f"the engine {spec.release.engine!r} is not known",
            settled_by=f"one of the engines {', '.join(engines.names())}",
        )
    else:
        answer = engine.bill(spec)
    _last_bill = (spec, answer)
    return answer
