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
from voltaic.memory.bill import Bill
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


FEW = "--max-batch-size 8 --session-len 1024 --max-prefill-token-num 1024"
EAGER = "--dtype half --enforce-eager --max-model-len 4096"
POOLS: list[tuple[str, str, str, str, str, int]] = [
    ("lmdeploy", "0.13.0-cu12", "v100-16gb x1", "Qwen/Qwen2.5-7B-Instruct-AWQ", FEW, 152_000),
    ("lmdeploy", "0.13.0-cu12", "v100-16gb x1", "Qwen/Qwen2.5-7B-Instruct-AWQ", f"{FEW} --quant-policy 8", 305_000),
    ("lmdeploy", "0.13.0-cu12", "v100-16gb x1", "TheBloke/Llama-2-7B-Chat-AWQ", FEW, 19_200),
    ("lmdeploy", "0.13.0-cu12", "v100-16gb x1", "TheBloke/Llama-2-13B-chat-AWQ", FEW, 9_000),
    ("lmdeploy", "0.13.0-cu12", "v100-16gb x1", "Qwen/Qwen2.5-14B-Instruct-AWQ", FEW, 26_500),
    ("lmdeploy", "0.13.0-cu12", "v100-16gb x1", "meta-llama/Llama-2-7b-chat-hf", FEW, 4_600),
    ("lmdeploy", "0.13.0-cu12", "v100-16gb x1", "mistralai/Mistral-7B-Instruct-v0.2", FEW, 12_300),
    ("vllm", "0.8.5", "v100-16gb x1", "meta-llama/Llama-2-7b-chat-hf", EAGER, 2_465),
    ("vllm", "0.8.5", "v100-16gb x1", "mistralai/Mistral-7B-Instruct-v0.2", EAGER, 1_501),
    ("vllm", "0.8.5", "v100-16gb x2", "mistralai/Mistral-7B-Instruct-v0.2", f"{EAGER} -tp 2", 112_900),
    ("vllm", "0.8.5", "v100-16gb x2", "Qwen/Qwen2.5-7B-Instruct", f"{EAGER} -tp 2", 203_300),
    ("vllm", "0.8.5", "v100-16gb x2", "meta-llama/Llama-2-13b-chat-hf", f"{EAGER} -tp 2", 3_617),
    ("vllm", "0.8.5", "v100-16gb x4", "meta-llama/Llama-2-13b-chat-hf", f"{EAGER} -tp 4", 39_500),
    ("vllm", "0.19.0", "h200-141gb x1", "meta-llama/Llama-3.1-8B-Instruct", "", 890_000),
]
"""Tokens of the engine's pool, worked out by hand from its own rule."""


@pytest.mark.parametrize(("engine", "version", "gpus", "model", "words", "tokens"), POOLS)
def test_pools_hold_what_was_worked_out_by_hand(  # noqa: PLR0917  one row of a table
    engine: str, version: str, gpus: str, model: str, words: str, tokens: int
) -> None:
    """The pool that an engine makes of what is free holds as many tokens as by hand, whether it suffices or not."""
    bill = verdict_of(engine, version, gpus, model, words).bill
    assert isinstance(bill, Bill)
    assert bill.kv_cache_tokens == pytest.approx(tokens, rel=0.03)
