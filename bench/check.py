"""How long `voltaic check` takes for a folder of manifests, and how much memory: `python -m bench.check [FILES]`."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import manifests

ROOT: Final = Path(__file__).parents[1]
FILES: Final = 1000
MOST_SECONDS: Final = 10.0
MOST_MEMORY: Final = 250_000_000
"""Bars: seconds, and bytes of resident memory at the highest, for a thousand manifests."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    seconds: float
    """Wall time."""
    processor: float
    """Seconds of processor time, which other work on the machine does not lengthen."""
    memory: int
    """Bytes of resident memory at the highest."""
    code: int
    """Exit code."""


def cost(*words: str, stdin: int | None = None) -> Cost:
    """Run one `voltaic` with nothing on its stdout and stderr, and return what it took."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "cli", *words]
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123
        files = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), number) for number in (1, 2)]
        files.append((os.POSIX_SPAWN_DUP2, nothing.fileno() if stdin is None else stdin, 0))
        child = os.posix_spawn(sys.executable, command, {**os.environ, "PYTHONPATH": str(ROOT)}, file_actions=files)
    _, status, used = os.wait4(child, 0)
    seconds, processor = time.perf_counter() - started, used.ru_utime + used.ru_stime
    return Cost(seconds, processor, used.ru_maxrss * 1024, os.waitstatus_to_exitcode(status))


def of_folder(count: int = FILES, *words: str) -> Cost:
    """Return what it takes to check a folder of so many manifests."""
    with TemporaryDirectory() as folder:
        manifests.write(Path(folder), count)
        return cost("check", folder, *words)


def main() -> int:
    """Measure, print, and return the exit code."""
    count = int(sys.argv[1]) if sys.argv[1:] else FILES
    missed = False
    for words in ((), ("--format", "json"), ("--format", "sarif")):
        found = of_folder(count, *words)
        missed |= found.seconds > MOST_SECONDS or found.memory > MOST_MEMORY
        print(
            f"voltaic check {' '.join(words) or '(text)':<16} {count} manifests: {found.seconds:.1f} s, "
            f"{found.processor:.1f} s of them on the processor, {found.processor / count * 1000:.1f} ms each; "
            f"{found.memory / 1e6:.0f} MB, exit code {found.code}"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
