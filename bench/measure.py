"""Paired measurements: two ways in turns, so that whatever else the machine does meets both alike."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pairs:
    """Seconds of two ways, measured in turns."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def medians(self) -> tuple[float, float]:
        """Median seconds of both ways."""
        return median(self.first), median(self.second)

    @property
    def ratio(self) -> float:
        """Median, over the pairs, of the first divided by the second."""
        return median(first / second for first, second in zip(self.first, self.second, strict=True))


def pairs(first: Callable[[], float], second: Callable[[], float], *, count: int) -> Pairs:
    """Measure two ways `count` times in turns, each going first in every other pair; one round of warming before."""
    first()
    second()
    firsts: list[float] = []
    seconds: list[float] = []
    for number in range(count):
        turns = ((first, firsts), (second, seconds))
        for measure, results in turns if number % 2 == 0 else reversed(turns):
            results.append(measure())
    return Pairs(tuple(firsts), tuple(seconds))


def seconds_of(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    codes: tuple[int, ...] = (0,),
) -> float:
    """Run a command to its end and return its wall time in seconds.

    Raises:
        RuntimeError: it ended with another exit code than expected; a failed run is no measurement.
    """
    started = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - started
    if done.returncode not in codes:
        raise RuntimeError(
            f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return elapsed
