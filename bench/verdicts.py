"""Verdicts in one process, from the batch line to the plan document: how many, how long, in how much memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass
from statistics import median, quantiles

LIMITS = ("--max-input-tokens", "3072", "--max-batch-prefill-tokens", "3072", "--num-shard", "1")
MODELS = (
    "mistralai/Mistral-7B-Instruct-v0.2",
    "meta-llama/Llama-2-13b-chat-hf",
    "microsoft/phi-2",
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
)


def lines(count: int = 240) -> list[str]:
    """Return batch lines, no two alike, so that no answer can be remembered: accepted ones and refused ones."""
    return [
        json.dumps(
            {
                "id": str(number),
                "gpu": ("v100-16gb", "v100-32gb")[number % 2],
                "gpus": 1 + number % 4,
                "engine": "tgi",
                "engine_version": ("3.0.1", "2.0.4", "1.2.0")[number % 3],
                "model": MODELS[number % len(MODELS)],
                "args": [*LIMITS, "--max-total-tokens", str(3200 + number), "--max-batch-size", str(1 + number % 7)],
                "env": {"USE_FLASH_ATTENTION": "false"},
            }
        )
        for number in range(count)
    ]


def per_second(rounds: int = 5) -> tuple[float, dict[str, int]]:
    """Return the median lines per second of `voltaic plan --batch` once it is warm, and how the verdicts fell."""
    from cli.batch import judge_lines
    from voltaic.document import spec_from_line
    from voltaic.verdict import judge

    batch = lines()
    counts = Counter(judge(spec_from_line(json.loads(line))).verdict for line in batch)
    rates: list[float] = []
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file, open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        file.write("\n".join(batch))
        file.flush()
        for number in range(rounds + 1):
            started = time.perf_counter()
            with redirect_stdout(nowhere):
                judge_lines(file.name)
            if number:  # the first round reads the data files
                rates.append(len(batch) / (time.perf_counter() - started))
    return median(rates), dict(counts)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of processor time in a warm process."""

    verdicts: tuple[float, ...]
    """From the line to the verdict, and to the document where there are no ways out to search."""
    ways_out: tuple[float, ...]
    """The search for ways out of each refusal, all engines' among them."""

    @property
    def middle(self) -> float:
        """The median verdict."""
        return median(self.verdicts)

    @property
    def slow(self) -> float:
        """The verdict that one in a hundred exceeds."""
        return quantiles(self.verdicts, n=100)[98]


def times(odd: int = 3000) -> Times:
    """Measure every verdict alone: of the lines above, and of odd ones of every engine; the best of three each."""
    from bench.fuzz import Seeded
    from tests.fuzz.inputs import Maker
    from voltaic.document import InvalidLine, spec_from_line

    batch = [json.loads(line) for line in lines()]
    for number in range(odd):
        line = Maker(Seeded(number)).line()
        try:
            spec_from_line(line)
        except InvalidLine:
            continue
        batch.append(line)
    rounds = [_round(batch) for _ in range(4)][1:]  # the first reads the data files
    best = [tuple(map(min, zip(*timed, strict=True))) for timed in zip(*rounds, strict=True)]
    return Times(tuple(one for one, _ in best), tuple(ways for _, ways in best if ways))


def _round(batch: list[dict[str, object]]) -> list[tuple[float, float]]:
    from voltaic.document import plan_document, spec_from_line
    from voltaic.verdict import judge

    found: list[tuple[float, float]] = []
    for line in batch:
        started = time.process_time()
        verdict = judge(spec_from_line(line))
        if verdict.verdict != "refuse":
            plan_document(verdict)
            found.append((time.process_time() - started, 0.0))
            continue
        judged = time.process_time()
        _ = verdict.ways
        found.append((judged - started, time.process_time() - judged))
    return found


MEMORY = """
import json
from bench.verdicts import lines
from voltaic.document import plan_document, spec_from_line
from voltaic.verdict import judge
for number, line in enumerate(lines(1000)):
    json.dumps(plan_document(judge(spec_from_line(json.loads(line)))))
"""
RESIDENT = """
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


def memory() -> tuple[int, int]:
    """Return the bytes that a process holds after a thousand verdicts, and those of Python alone."""
    held = []
    for code in (MEMORY, ""):
        done = subprocess.run([sys.executable, "-c", code + RESIDENT], capture_output=True, text=True, check=True)
        held.append(int(done.stdout) * 1024)
    return held[0], held[1]
