"""Writes docs/reference/facts.md from the data files: `python tests/docs/known_how_well.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic import facts_files, hardware

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "reference" / "facts.md"
HEAD = """# What the bill rests on

Written by `python tests/docs/known_how_well.py` from the data files.
A test compares. What they make: [the bill](../the-bill.md).
Confidences: *executed* by us, *read* in the source, *derived* by arithmetic, *reported* by others, *unverified*.
"""
OF_THE_BILL = ("bill", "cache")
"""Sections of an engine's facts that its bill is made of."""
MEMORY = CHECKOUT / "voltaic" / "memory"


def facts(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield name, confidence and source of every entry of a data file that has one."""
    if "confidence" in table and "source" in table:
        yield path or "whole file", str(table["confidence"]), str(table["source"])
    for key, value in table.items():
        if isinstance(value, dict):
            yield from facts(value, f"{path}.{key}" if path else key)


def lines() -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| fact | confidence | source |"
    yield "| --- | --- | --- |"
    for gpu in hardware.gpu_models():
        for what, source in (("budget", gpu.usable_source), ("context", gpu.context_source)):
            yield _row(f"{gpu.title}: {what}", source.confidence, source.text)
    for file in sorted(MEMORY.glob("*.toml")):
        for name, confidence, source in facts(facts_files.table(file)):
            yield _row(f"{file.stem}: {name.replace('_', ' ')}", confidence, source)

    for file in sorted((CHECKOUT / "voltaic" / "engines").glob("*/facts.toml")):
        table = facts_files.table(file)
        for name, confidence, source in facts({key: table[key] for key in OF_THE_BILL if key in table}):
            yield _row(f"{file.parent.name}: {name.replace('_', ' ')}", confidence, source)


def _row(fact: str, confidence: str, source: str) -> str:
    cells = (" ".join(cell.split()).replace("|", "\\|") for cell in (fact, confidence, source))
    return f"| {' | '.join(cells)} |"


def page() -> str:
    """Return the page as the data files have it."""
    return f"{HEAD}\n{chr(10).join(lines())}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
