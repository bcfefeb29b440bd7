"""LMDeploy's bill: the worked examples, published blocks, and what must hold whatever the sizes are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import models
from voltaic.document import spec_from_line
from voltaic.engines.lmdeploy.engine import Lmdeploy
from voltaic.memory import lmdeploy
from voltaic.memory.bill import Bill, NoBill
from voltaic.units import GIB, MIB
from voltaic.verdict import judge

ENGINE = Lmdeploy()


def _bill(model: str, *args: str, version: str = "0.13.0", gpus: int = 1) -> Any:
    line = {"gpu": "v100-16gb", "gpus": gpus, "engine": "lmdeploy", "engine_version": version, "model": model}
    return ENGINE.bill(spec_from_line({**line, "args": list(args)}))


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", 152_000),
        ("TheBloke/Llama-2-7B-Chat-AWQ", 19_200),
        ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", 65_600),
        ("TheBloke/Llama-2-13B-chat-AWQ", 9_000),
        ("Qwen/Qwen2.5-14B-Instruct-AWQ", 26_500),
        ("meta-llama/Llama-2-7b-chat-hf", 4_600),
        ("mistralai/Mistral-7B-Instruct-v0.2", 12_300),
        ("Qwen/Qwen2.5-7B-Instruct", 16_800),
        ("meta-llama/Llama-3.1-8B-Instruct", 2_500),
    ],
)
def test_a_v100_holds_the_tokens_of_the_worked_example(model: str, tokens: int) -> None:
    """80 % of what a V100 of 16 GB has free after the weights holds these tokens, to 60 MiB of context and tables."""
    found = _bill(model, "--session-len", "2048")
    assert isinstance(found, Bill)
    assert abs(found.kv_cache_tokens - tokens) * found.kv_cache_bytes_per_token <= 0.8 * 80 * MIB


@pytest.mark.parametrize("model", ["meta-llama/Llama-2-13b-chat-hf", "Qwen/Qwen2.5-14B-Instruct"])
def test_what_does_not_fit_has_no_pool(model: str) -> None:
    """13B and 14B in 16 bits leave nothing for a pool."""
    found = _bill(model, "--session-len", "2048")
    assert found.kv_cache_tokens == 0
    assert [short.name for short in found.shortfalls] == ["kv-pool"]


def test_int8_keeps_two_numbers_for_each_head_besides() -> None:
    """--quant-policy 8 nearly doubles the tokens: 128 bytes and two numbers in place of 256 bytes."""
    plain = _bill("Qwen/Qwen2.5-7B-Instruct-AWQ", "--session-len", "2048")
    small = _bill("Qwen/Qwen2.5-7B-Instruct-AWQ", "--session-len", "2048", "--quant-policy", "8")
    assert small.kv_cache_bytes_per_token * 256 == plain.kv_cache_bytes_per_token * 132
    assert small.kv_cache_tokens == pytest.approx(305_000, rel=0.04)


@pytest.mark.parametrize(
    ("model", "block", "mib"),
    [("meta-llama/Llama-2-7b-chat-hf", 128, 64.0), ("Qwen/Qwen3-8B", 64, 9.0), ("meta-llama/Llama-3.1-8B", 64, 8.0)],
)
def test_a_block_is_as_large_as_logged(model: str, block: int, mib: float) -> None:
    """Blocks are those of lmdeploy issues 720 (128 tokens), 3825 and 3411 (the same shapes as InternLM2-7B)."""
    arch = models.resolve(model).architecture
    assert arch is not None
    assert lmdeploy.token_bytes(arch, 1, 0) * block == mib * MIB


def test_before_0_2_2_the_share_is_one_of_the_whole_gpu() -> None:
    """0.5 of the whole GPU in 0.2.0 and 0.2.1; 0.8 of what is free from 0.2.2 on."""
    spec = spec_from_line(
        {
            "gpu": "v100-16gb",
            "gpus": 1,
            "engine": "lmdeploy",
            "engine_version": "0.2.1",
            "model": "Qwen/Qwen2.5-7B-Instruct-AWQ",
        }
    )
    runs = ENGINE.runs(
        spec_from_line(
            {
                "gpu": "v100-16gb",
                "gpus": 1,
                "engine": "lmdeploy",
                "engine_version": "0.13.0",
                "model": "Qwen/Qwen2.5-7B-Instruct-AWQ",
            }
        )
    )
    old = ENGINE.bill_for(spec, runs)
    assert isinstance(old, Bill)
    assert dict(old.worst.terms)["kv_pool"] == old.worst.budget // 2


def test_a_session_that_is_cut_short_is_refused_with_its_numbers() -> None:
    """A stated session longer than the pool is refused; one that nobody stated is what fits."""
    model = "TheBloke/Llama-2-13B-chat-AWQ"
    assert not _bill(model).shortfalls
    short = _bill(model, "--session-len", "16384").shortfalls
    assert [(found.found, found.needed) for found in short] == [(8960, 16384)]
    assert "truncated to 8960" in short[0].why
    assert (
        "truncated"
        not in _bill("Qwen/Qwen2.5-14B-Instruct-AWQ", "--session-len", "99999", version="0.15.0").shortfalls[0].why
    )


def test_several_gpus_share_weights_and_heads() -> None:
    """Two ranks hold about half of the weights each, a communication buffer, and twice the tokens a GiB."""
    one, two = (
        _bill("Qwen/Qwen2.5-7B-Instruct", "--session-len", "512"),
        _bill("Qwen/Qwen2.5-7B-Instruct", "--session-len", "512", "--tp", "2", gpus=2),
    )
    assert two.worst.weights == pytest.approx(one.worst.weights / 2, rel=0.01)
    assert dict(two.worst.terms)["nccl"] == int(0.33 * GIB)
    assert two.kv_cache_bytes_per_token == one.kv_cache_bytes_per_token


@given(st.floats(0.05, 0.95))
def test_a_larger_share_never_holds_fewer_tokens(share: float) -> None:
    """The pool grows with --cache-max-entry-count, and what is left for activations shrinks."""
    model = "Qwen/Qwen2.5-7B-Instruct-AWQ"
    less = _bill(model, "--session-len", "512", "--cache-max-entry-count", str(share))
    more = _bill(model, "--session-len", "512", "--cache-max-entry-count", str(share + 0.04))
    assert less.kv_cache_tokens <= more.kv_cache_tokens
    assert less.worst.headroom >= more.worst.headroom


def test_a_number_of_blocks_has_no_bill() -> None:
    """A share of 1 or more is a number of blocks, which is not judged."""
    assert isinstance(_bill("Qwen/Qwen2.5-7B-Instruct-AWQ", "--cache-max-entry-count", "100"), NoBill)


def test_a_refusal_names_a_share_or_passes_that_fit() -> None:
    """fp16 of 7B on 16 GB leaves too little for a pass beside the pool, and the ways out are accepted."""
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "lmdeploy", "engine_version": "0.13.0"}
    found = judge(spec_from_line({**line, "model": "meta-llama/Llama-2-7b-chat-hf", "args": ["--session-len", "2048"]}))
    assert found.verdict == "refuse"
    assert found.fixes


@pytest.mark.parametrize(
    ("gpu", "gpus", "model"),
    [
        ("b200-180gb", 1, "Qwen/Qwen2.5-7B-Instruct"),
        ("v100-16gb", 10**6, "Qwen/Qwen2.5-7B-Instruct"),
        ("v100-16gb", 1, "nobody/nothing"),
        ("v100-16gb", 1, "google/gemma-2-9b-it"),
    ],
)
def test_what_is_not_known_has_no_bill(gpu: str, gpus: int, model: str) -> None:
    """Without GPU, count, shapes or a class that TurboMind serves there is no bill, and it says what is missing."""
    line = {"gpu": gpu, "gpus": gpus, "engine": "lmdeploy", "engine_version": "0.13.0", "model": model, "args": []}
    found = ENGINE.bill(spec_from_line(line))
    assert isinstance(found, NoBill)
    assert found.because
    assert found.settled_by


def test_a_pass_of_experts_is_wider_than_their_mlp() -> None:
    """Routed tokens are computed by several experts, each with its own copy of them."""
    dense, sparse = (
        models.resolve("mistralai/Mistral-7B-Instruct-v0.3"),
        models.resolve("mistralai/Mixtral-8x7B-Instruct-v0.1"),
    )
    runs = ENGINE.runs(
        spec_from_line(
            {
                "gpu": "a100-80gb",
                "gpus": 4,
                "engine": "lmdeploy",
                "engine_version": "0.13.0",
                "model": sparse.id,
                "args": ["--tp", "4"],
            }
        )
    )
    assert runs is not None
    assert dense.architecture is not None
    assert sparse.architecture is not None
    assert lmdeploy._activations(sparse.architecture, runs) > lmdeploy._activations(dense.architecture, runs)
