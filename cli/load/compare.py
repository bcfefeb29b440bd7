"""Whether two runs differ by more than chance: bootstrap of medians, 95 % interval of the ratio. Pure.

Requests are drawn with replacement (B. Efron 1979), whole: pieces of one answer are not independent of each other. What
differs between runs but not within one, such as another job on the node, no such interval can see: run twice.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cli.load.measured import percentile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DRAWS = 1000
MOST_VALUES = 2000
"""Values of a run that are drawn from; of more, so many evenly spread by rank say the same."""
LEAST_VALUES = 5
"""Below which nothing is said about chance."""
MEASURES: Mapping[str, tuple[str, str, bool]] = {
    "first": ("time to first token", "s", False),
    "between": ("time between tokens", "s", False),
    "each": ("tokens/s of one answer", "", True),
    "whole": ("time of a whole answer", "s", False),
    "rate": ("tokens/s in all", "", True),
}
"""Title, unit, and whether more is better."""
Says = Literal["better", "worse", "no difference beyond noise", "too few values"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How one measure differs."""

    name: str
    before: float
    after: float
    low: float | None
    """Lower end of the interval of after divided by before; None: too few values."""
    high: float | None
    says: Says

    @property
    def ratio(self) -> float:
        """After divided by before."""
        return self.after / self.before if self.before else float("inf")


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return how the values of two runs differ, a measure each that both have.

    Args:
        before: values by measure, as a bench document has them under `values`.
        after: of the other run.
    """
    return [
        difference(name, before[name], after[name], more_is_better=better)
        for name, (_, _, better) in MEASURES.items()
        if before.get(name) and after.get(name)
    ]


def difference(
    name: str, before: Sequence[float], after: Sequence[float], *, more_is_better: bool, seed: int = 1
) -> Difference:
    """Return how the medians of two samples differ."""
    middle, later = percentile(sorted(before), 50), percentile(sorted(after), 50)
    if min(len(before), len(after)) < LEAST_VALUES or not middle:
        return Difference(name, middle, later, None, None, "too few values")
    chosen = random.Random(seed)  # noqa: S311  nothing secret
    first, second = _thinned(before), _thinned(after)
    ratios = []
    for _ in range(DRAWS):
        one = percentile(sorted(chosen.choices(first, k=len(first))), 50)
        two = percentile(sorted(chosen.choices(second, k=len(second))), 50)
        if one:
            ratios.append(two / one)
    ratios.sort()
    low, high = percentile(ratios, 2.5), percentile(ratios, 97.5)
    says: Says = "no difference beyond noise"
    if low > 1 or high < 1:
        says = "better" if (low > 1) == more_is_better else "worse"
    return Difference(name, middle, later, low, high, says)


def _thinned(values: Sequence[float]) -> list[float]:
    if len(values) <= MOST_VALUES:
        return list(values)
    ordered = sorted(values)
    return [ordered[round(number * (len(ordered) - 1) / (MOST_VALUES - 1))] for number in range(MOST_VALUES)]
