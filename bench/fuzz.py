"""A million odd inputs, in processes beside each other: some guided by coverage where atheris is installed.

`python -m bench.fuzz COUNT SEED guided|seeded` is one such process; it prints what it met as JSON, or what broke.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS: Final = 1_000_000
QUICK: Final = 20_000
GUIDED: Final = 20
"""One input in so many is chosen by the fuzzer."""
WHOLE: Final = 50
"""One input in so many has its ways out searched as well."""
MANIFEST: Final = 10
"""One input in so many is a manifest."""
TOGETHER: Final = 4
"""Inputs made from one string of bytes."""
LONGEST: Final = 2048
"""Bytes of a string: each decision takes one to four of them."""


@dataclass(frozen=True, slots=True)
class Met:
    """What the inputs met."""

    inputs: int
    seconds: float
    guided: int
    """Of the inputs, those that a fuzzer chose to reach more of the code."""
    broken: tuple[str, ...]
    """Inputs that broke something, each with what it broke."""


def run(count: int, seed: int = 1) -> Met:
    """Try so many inputs, spread over all processors, most from seeds: guided ones take several times as long."""
    guided = count // GUIDED if find_spec("atheris") is not None else 0
    started = time.perf_counter()
    tried, broken = _beside(guided, seed, "guided") if guided else (0, [])
    more, also = _beside(count - guided, seed, "seeded")
    return Met(tried + more, time.perf_counter() - started, tried, (*broken, *also))


def _beside(count: int, seed: int, how: str) -> tuple[int, list[str]]:
    """Run a process on each processor; return how many inputs they tried, and what broke."""
    workers = os.cpu_count() or 1
    command = [sys.executable, "-m", "bench.fuzz", str(-(-count // workers))]
    running = [
        subprocess.Popen(
            [*command, str((seed + number) * 10**9), how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for number in range(workers)
    ]
    tried, broken = 0, []
    for process, (out, err) in zip(running, [process.communicate() for process in running], strict=True):
        lines = [line for line in out.splitlines() if line.startswith("{")]
        if process.returncode or not lines:
            broken.append((out + err)[-3000:])
            continue
        found = json.loads(lines[-1])
        tried += found["inputs"]
        broken += found["broken"]
    return tried, broken


class _Worker:
    """Judges inputs until there were enough, or one breaks something."""

    def __init__(self, count: int, try_one: Callable[[Any, int, Counter[str]], None]) -> None:
        self.left = count
        self.try_one = try_one
        self.number = 0
        self.counts: Counter[str] = Counter()

    def take(self, choices: Any) -> None:
        """Try some inputs that follow from these choices."""
        for _ in range(TOGETHER):
            self.number += 1
            try:
                self.try_one(choices, self.number, self.counts)
            except Exception as broken:  # noqa: BLE001  whatever breaks is what is looked for
                self.end([repr(broken)[:3000]])
            if self.number >= self.left:
                self.end([])

    def end(self, broken: list[str]) -> None:
        """Say what was met, and end at once: the fuzzer would go on."""
        print("\n" + json.dumps({"inputs": self.number, "verdicts": self.counts, "broken": broken}), flush=True)
        os._exit(0)


class _Bytes:
    """Choices that a fuzzer makes; the first once they have run out."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider

    def below(self, number: int) -> int:
        """Return a whole number from 0 to this one, without it."""
        return int(self.provider.ConsumeIntInRange(0, number - 1))


class Seeded:
    """Choices that follow from one number."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  nothing secret

    def below(self, number: int) -> int:
        """Return a whole number from 0 to this one, without it."""
        return int(self._random.random() * number)


def _try_one() -> Callable[[Any, int, Counter[str]], None]:
    from tests.fuzz.inputs import Maker
    from tests.fuzz.judging import line_is_answered, manifest_is_answered

    def try_one(choices: Any, number: int, counts: Counter[str]) -> None:
        maker = Maker(choices)
        whole = number % WHOLE == 0
        made = maker.line() if number % MANIFEST else maker.manifest()
        try:
            if number % MANIFEST:
                line_is_answered(made, whole=whole, counts=counts)
            else:
                manifest_is_answered(made, whole=whole, counts=counts)
        except Exception as broken:
            raise AssertionError(f"{broken!r:.1000} of {made!r:.1500}") from broken

    return try_one


def _seeded(count: int, seed: int) -> None:
    worker = _Worker(count, _try_one())
    while True:
        seed += 1
        worker.take(Seeded(seed))


def _guided(count: int, seed: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["voltaic"]):
        worker = _Worker(count, _try_one())
    with tempfile.TemporaryDirectory() as corpus:
        for number in range(64):  # strings to begin with: of no length there is nothing to vary
            with open(os.path.join(corpus, str(number)), "wb") as file:  # noqa: PTH118, PTH123  as short as can be
                file.write(random.Random(seed * 1000 + number).randbytes(LONGEST // 4))  # noqa: S311  nothing secret
        options = [
            f"-seed={seed % 2**31}",
            f"-max_len={LONGEST}",
            "-verbosity=0",
            "-print_final_stats=0",
            "-len_control=0",
        ]
        atheris.Setup(
            [sys.argv[0], *options, corpus],
            lambda data: worker.take(_Bytes(atheris.FuzzedDataProvider(data))),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    (_guided if sys.argv[3] == "guided" else _seeded)(int(sys.argv[1]), int(sys.argv[2]))
