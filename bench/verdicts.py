"""Verdicts per second in one process, from the batch line to the plan document."""

from __future__ import annotations

import json
import time
from statistics import median

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
    """Return the median verdicts per second over some rounds, and how the verdicts fell in one of them."""
    from voltaic.document import plan_document, spec_from_line
    from voltaic.verdict import judge

    batch = lines()
    rates: list[float] = []
    counts: dict[str, int] = {}
    for number in range(rounds + 1):
        counts = {}
        started = time.perf_counter()
        for line in batch:
            document = plan_document(judge(spec_from_line(json.loads(line))))
            counts[document["verdict"]] = counts.get(document["verdict"], 0) + 1
            json.dumps(document)
        if number:  # the first round reads the data files
            rates.append(len(batch) / (time.perf_counter() - started))
    return median(rates), counts
