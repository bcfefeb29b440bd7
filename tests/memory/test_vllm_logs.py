"""vLLM's own figures on starting, as people published them, against the bill's forms."""

from __future__ import annotations

import statistics
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from voltaic.document import spec_from_line
from voltaic.engines.versions import Version, parse_version
from voltaic.engines.vllm import releases
from voltaic.memory import vllm_facts, vllm_sizes
from voltaic.models import Architecture, read_config
from voltaic.units import GIB
from voltaic.verdict import judge

TABLE = tomllib.loads(Path(__file__).with_name("published").joinpath("vllm_logs.toml").read_text(encoding="utf-8"))
CONTEXT = 0.45
"""GiB of CUDA's context on GPUs of which nothing better is known."""


@dataclass(frozen=True)
class Log:
    """One published start."""

    row: dict[str, Any]
    arch: Architecture
    version: Version

    @property
    def v1(self) -> bool:
        """Whether the V1 engine started."""
        return bool(self.row["engine"] == "vllm-v1")

    @property
    def ranks(self) -> int:
        """Ranks of tensor parallelism."""
        return int(self.row.get("ranks", 1))

    def weights(self) -> int:
        """Return the weights of a rank as the bill has them."""
        fmt = vllm_sizes.format_of(self.arch, self.row.get("quantization", "bfloat16"), "bfloat16")
        assert fmt is not None
        return vllm_sizes.weights(self.arch, fmt, self.ranks, self.version).allocated

    def activations(self) -> int:
        """Return the activations of the first pass as the bill has them."""
        sampled = vllm_facts.samples(self.version, v1=self.v1, parts=self.row.get("chunked", False))
        run = vllm_sizes.Pass(self.row["tokens"], self.row["sequences"], sampled=sampled)
        coefficient = vllm_facts.sampler_bytes(self.version, v1=self.v1)
        return vllm_sizes.activations(self.arch, run, self.ranks, 2, coefficient)

    def tokens(self, pool: float) -> int:
        """Return the tokens that a pool of that many bytes holds."""
        cache = vllm_sizes.cache_sizes(self.arch, self.ranks, 2, self.version)
        assert cache is not None
        return int(pool) // (16 * cache.per_token) * 16

    def predicted(self) -> int:
        """Return the tokens of the pool from share, weights, activations and what the driver gives to others."""
        inside = CONTEXT * GIB if vllm_facts.context_inside(self.version, v1=self.v1) else 0
        others = vllm_facts.non_torch(self.version, v1=self.v1, many=self.ranks > 1, upper=False) + inside
        return self.tokens(self.row["total"] * self.row["share"] * GIB - self.weights() - self.activations() - others)


def _log(row: dict[str, Any]) -> Log:
    config = dict(TABLE["config"][row["model"]])
    if config["model_type"] == "deepseek_v2":
        config["q_lora_rank"] = None  # which TOML cannot say
    version = parse_version(row["release"])
    assert version is not None
    return Log(row, read_config(config), version)


LOGS = [_log(row) for row in TABLE["log"]]


def _errors(figure: str, *, held_back: bool | None = None) -> list[float]:
    """Return the relative errors of a figure over all logs that have it."""
    found = []
    for log in LOGS:
        row = log.row
        if held_back is not None and row["held_back"] is not held_back:
            continue
        if figure == "weights" and "weights" in row:
            found.append(log.weights() / GIB / row["weights"] - 1)
        elif figure == "activations" and "activations" in row:
            found.append(log.activations() / GIB / row["activations"] - 1)
        elif figure == "cached" and "pool" in row and "cached" in row:
            found.append(log.tokens(row["pool"] * GIB) / row["cached"] - 1)
        elif figure == "pool" and {"cached", "total", "tokens"} <= row.keys():
            found.append(log.predicted() / row["cached"] - 1)
    return found


BARS = {"weights": 0.01, "activations": 0.10, "cached": 0.02, "pool": 0.02}
WORST = {"weights": 0.01, "activations": 0.12, "cached": 0.02, "pool": 0.14}
FEWEST = {"weights": 25, "activations": 14, "cached": 19, "pool": 13}


@pytest.mark.parametrize("figure", BARS)
@pytest.mark.parametrize("held_back", [None, True])
def test_the_median_error_keeps_to_the_bar(figure: str, held_back: bool | None) -> None:  # noqa: FBT001  three values
    """Weights within 1 %, activations within 10 %, tokens of the pool within 2 %, also of logs that fitted nothing."""
    errors = _errors(figure, held_back=held_back)
    assert len(errors) >= (3 if held_back else FEWEST[figure])
    assert statistics.median(map(abs, errors)) <= BARS[figure]


@pytest.mark.parametrize("figure", WORST)
def test_the_worst_error_is_known(figure: str) -> None:
    """No published start is farther from the forms than what is said of them."""
    assert max(map(abs, _errors(figure))) <= WORST[figure]


def test_no_pool_is_promised_that_is_much_too_large() -> None:
    """Where the pool is predicted too large, it is by less than the margin covers."""
    assert max(_errors("pool")) <= vllm_facts.table()["margin"]["calibrated"]


def test_a_third_of_the_logs_is_held_back() -> None:
    """At least 25 starts are kept, each with its source, and a third of them fitted nothing."""
    assert len(LOGS) >= 25
    assert all(log.row["source"].strip() and releases.release(log.row["release"]) for log in LOGS)
    assert sum(log.row["held_back"] for log in LOGS) >= len(LOGS) / 3


HALF = ("--dtype", "half")


@pytest.mark.parametrize(
    ("model", "gpu", "gpus", "release", "args", "ran"),
    [
        ("llama-3_1-8b", "l4-24gb", 1, "0.7.0", (), False),
        ("llama-3_1-8b", "v100-16gb", 2, "0.6.5", (*HALF, "--gpu-memory-utilization", "0.95"), False),
        ("llama-3_1-8b", "v100-16gb", 2, "0.6.5", (*HALF, "--gpu-memory-utilization", "0.90"), True),
        ("llama-3_1-8b", "l40s-48gb", 1, "0.8.4", ("--max-model-len", "32768"), True),
        ("distill-qwen-7b", "v100-32gb", 1, "0.7.0", (*HALF, "--max-model-len", "2048"), True),
        ("qwen2_5-0_5b", "t4-16gb", 1, "0.6.6", HALF, True),
        ("qwen2_5-1_5b", "t4-16gb", 1, "0.7.2", (*HALF, "--gpu-memory-utilization", "0.5"), True),
        ("qwen2_5-math-1_5b", "l4-24gb", 1, "0.7.2", (), True),
        ("qwen2_5-math-1_5b", "l40s-48gb", 1, "0.7.2", ("--gpu-memory-utilization", "0.85"), True),
        ("llama-3_1-8b", "a100-40gb", 1, "0.19.1", ("--max-model-len", "32768"), True),
    ],
)
def test_what_died_is_not_accepted_and_what_ran_is_not_refused(  # noqa: PLR0917  a table
    model: str,
    gpu: str,
    gpus: int,
    release: str,
    args: tuple[str, ...],
    ran: bool,  # noqa: FBT001
) -> None:
    """Published starts on GPU models that are known here, judged by their command lines."""
    if gpus > 1:
        args = (*args, "-tp", str(gpus), "--max-model-len", "40000", "--enable-chunked-prefill", "False")
    line = {
        "gpu": gpu,
        "gpus": gpus,
        "engine": "vllm",
        "engine_version": release,
        "config": TABLE["config"][model],
        "args": ["m" if release == "0.19.1" else "--model=m", *args],
        "model_id": "m",
    }
    assert judge(spec_from_line(line)).verdict != ("refuse" if ran else "accept")
