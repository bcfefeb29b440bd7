"""The promise over engines and GPUs, as tables (tests/promise/*.toml), written from the public record, not the code.

A row is a start: release, GPUs, model and command line; its answer is what becomes of it. `accept`, `unknown`, the rule
that must be among those that refuse (with a part of its words), `!accept` or `!refuse` where the record says only that.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from voltaic.document import spec_from_line
from voltaic.verdict import Verdict, judge

TABLES = sorted((Path(__file__).parent / "promise").glob("*.toml"))
COLUMNS = 6


def rows(path: Path) -> list[tuple[str, ...]]:
    """Return the rows of a table, their short names written out, the engine first."""
    table = tomllib.loads(path.read_text())
    found = []
    for line in table["cases"]["rows"].strip().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        assert len(cells) == COLUMNS, line
        for index in (2, 3):
            cells[index] = " ".join(table["short"].get(word, word) for word in cells[index].split())
        found.append((table["engine"], *cells))
    return found


ROWS = [row for path in TABLES for row in rows(path)]


def verdict_of(engine: str, version: str, gpus: str, model: str, words: str) -> Verdict:
    """Return what the judge says of a row; words such as NAME=value are variables."""
    gpu, count = gpus.split(" x")
    env = {word for word in words.split() if re.fullmatch(r"[A-Z][A-Z0-9_]*=.*", word)}
    line = {"gpu": gpu, "gpus": int(count), "engine": engine, "engine_version": version, "model": model}
    args = [word for word in words.split() if word not in env]
    return judge(spec_from_line({**line, "args": args, "env": dict(word.split("=", 1) for word in env)}))


@pytest.mark.parametrize(
    ("engine", "version", "gpus", "model", "words", "says", "because"), ROWS, ids=[" ".join(row[:4]) for row in ROWS]
)
def test_a_start_is_judged_as_the_record_says(  # noqa: PLR0917  one row of a table
    engine: str, version: str, gpus: str, model: str, words: str, says: str, because: str
) -> None:
    """What the record says of a start is what the judge says, for the record's own reason."""
    verdict = verdict_of(engine, version, gpus, model, words)
    told = [f"{finding.rule}: {finding.message} {finding.why}" for finding in verdict.answers]
    rule, _, part = says.partition(": ")
    if rule in {"accept", "unknown"}:
        assert verdict.verdict == rule, (because, told)
    elif rule.startswith("!"):
        assert verdict.verdict != rule[1:], (because, told)
    else:
        refused = [
            f"{finding.message} {finding.why} {finding.fix}"
            for finding in verdict.answers
            if finding.rule == rule and finding.outcome == "violation"
        ]
        assert verdict.verdict == "refuse", (because, told)
        assert any(part in text for text in refused), (because, told)


def test_the_tables_are_large() -> None:
    """Four engines, more than 120 starts, and GPUs of every architecture that the facts cover."""
    assert len(ROWS) >= 120
    assert len({row[0] for row in ROWS}) == 4
    assert len({row[2].split(" x")[0] for row in ROWS}) >= 9
