"""How long `voltaic check` takes for a folder of manifests, and how much memory: `python -m bench.check [FILES]`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import manifests
from bench.process import Cost, cost

ROOT: Final = Path(__file__).parents[1]
FILES: Final = 1000
MOST_SECONDS: Final = 10.0
MOST_MEMORY: Final = 250_000_000
"""Bars: seconds, and bytes of resident memory at the highest, for a thousand manifests."""


def of_folder(count: int = FILES, *words: str) -> Cost:
    """Return what it takes to check a folder of so many manifests; nobody reads what is printed."""
    with TemporaryDirectory() as place:
        folder = Path(place) / "manifests"
        manifests.write(folder, count)
        return cost([sys.executable, "-m", "cli", "check", str(folder), *words], Path(place) / "cost", cwd=ROOT)


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
