"""What was measured of requests, and the numbers made of it. Pure.

Percentiles are interpolated linearly between the two nearest ranks (Hyndman and Fan, type 7). A moment is in seconds
since the beginning of the measured time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PERCENTILES = (50, 90, 95, 99)
SLICES = 20
"""Parts into which the measured time is cut, to see how steady the rate was."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    began: float
    """Moment at which it was due (`--rate`) or sent."""
    moments: tuple[float, ...] = ()
    """At which pieces of its answer came."""
    ended: float = 0.0
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    """As the server counts; None: it does not say."""
    error: str | None = None
    """Why it failed; None: it was answered whole."""

    @property
    def tokens(self) -> int:
        """Tokens of its answer: as the server counts, else a piece each."""
        return len(self.moments) if self.answer_tokens is None else self.answer_tokens

    @property
    def first(self) -> float | None:
        """Seconds to the first token."""
        return self.moments[0] - self.began if self.moments else None

    @property
    def between(self) -> tuple[float, ...]:
        """Seconds between two pieces."""
        return tuple(later - earlier for earlier, later in pairwise(self.moments))

    @property
    def rate(self) -> float | None:
        """Tokens a second that its asker sees, once the first is there."""
        if len(self.moments) < 2 or self.moments[-1] <= self.moments[0]:  # noqa: PLR2004  a distance
            return None
        return (self.tokens - 1) / (self.moments[-1] - self.moments[0])


@dataclass(frozen=True, slots=True)
class Spread:
    """How values are spread."""

    count: int
    mean: float
    least: float
    most: float
    percentiles: Mapping[int, float]

    def document(self) -> dict[str, Any]:
        """Return it for machines."""
        plain = {"count": self.count, "mean": self.mean, "min": self.least, "max": self.most}
        return plain | {f"p{rank}": value for rank, value in self.percentiles.items()}


def percentile(ordered: Sequence[float], rank: float) -> float:
    """Return a percentile of values in ascending order.

    Raises:
        ValueError: there are none.
    """
    if not ordered:
        raise ValueError("no values")
    place = (len(ordered) - 1) * rank / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def spread(values: Iterable[float]) -> Spread | None:
    """Return how values are spread; None where there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    ranks = {rank: percentile(ordered, rank) for rank in PERCENTILES}
    return Spread(len(ordered), sum(ordered) / len(ordered), ordered[0], ordered[-1], ranks)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run comes to; seconds, and tokens a second."""

    requests: int
    failed: int
    errors: Mapping[str, int]
    """Failures by what they say."""
    seconds: float
    first: Spread | None
    between: Spread | None
    each: Spread | None
    """Tokens a second within one answer."""
    whole: Spread | None
    """Seconds from a request to the end of its answer."""
    tokens_per_second: float
    requests_per_second: float
    prompt_tokens: Spread | None
    answer_tokens: Spread | None

    def document(self) -> dict[str, Any]:
        """Return it for machines."""
        spreads = ("first", "between", "each", "whole", "prompt_tokens", "answer_tokens")
        found = {name: value for name, value in _fields(self).items() if name not in spreads}
        return found | {name: value.document() if (value := getattr(self, name)) else None for name in spreads}


def _fields(summary: Summary) -> dict[str, Any]:
    return asdict(summary)


def summary(requests: Sequence[Request], seconds: float) -> Summary:
    """Return what a run comes to.

    Args:
        requests: all of the measured time, warm-up left out.
        seconds: measured time.
    """
    good = [request for request in requests if request.error is None]
    errors: dict[str, int] = {}
    for request in requests:
        if request.error is not None:
            errors[request.error] = errors.get(request.error, 0) + 1
    return Summary(
        requests=len(requests),
        failed=len(requests) - len(good),
        errors=dict(sorted(errors.items(), key=lambda item: -item[1])),
        seconds=seconds,
        first=spread(first for request in good if (first := request.first) is not None),
        between=spread(gap for request in good for gap in request.between),
        each=spread(rate for request in good if (rate := request.rate) is not None),
        whole=spread(request.ended - request.began for request in good),
        tokens_per_second=sum(request.tokens for request in good) / seconds if seconds else 0.0,
        requests_per_second=len(good) / seconds if seconds else 0.0,
        prompt_tokens=spread(request.prompt_tokens for request in good if request.prompt_tokens is not None),
        answer_tokens=spread(request.tokens for request in good),
    )


def slices(requests: Sequence[Request], seconds: float, count: int = SLICES) -> list[float]:
    """Return tokens a second in equal parts of the measured time, by when each piece came."""
    width = seconds / count
    found = [0.0] * count
    for request in requests:
        if request.error is not None or not request.moments:
            continue
        weight = request.tokens / len(request.moments)  # a piece may hold several tokens
        for moment in request.moments:
            place = int(moment / width) if width else 0
            if 0 <= place < count:
                found[place] += weight / width
    return found
