"""Smaller limits that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import answers
from voltaic.document import spec_from_line
from voltaic.limits import LEAST_TOTAL, smaller_limits

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

LLAMA_7B = "meta-llama/Llama-2-7b-chat-hf"
NAMES = ("input-tokens", "total-tokens", "batch-prefill-tokens", "batch-size")


def spec_of(*limits: int, model: str = LLAMA_7B, gpus: int = 1) -> ServingSpec:
    """Return a spec; limits are input, total and prefill tokens, and the batch size."""
    told = [word for name, limit in zip(NAMES, limits, strict=False) for word in (f"--max-{name}", str(limit))]
    line = {"gpu": "v100-16gb", "gpus": gpus, "engine": "tgi", "engine_version": "3.0.1", "model": model}
    return spec_from_line(
        line | {"args": ["--num-shard", "1", *told], "env": {"USE_FLASH_ATTENTION": "false"}},
    )


def found(spec: ServingSpec) -> list[dict[str, Any]]:
    """Return the limits proposed."""
    runs = answers.runs_of(spec)
    assert runs is not None
    return list(smaller_limits(spec, runs))


def test_fewer_requests_then_shorter_ones() -> None:
    """The largest batch that fits, then the longest requests at the same batch size."""
    assert found(spec_of(1024, 2048, 1024, 3)) == [
        {"maxBatchSize": 1},
        {"maxInputTokens": 320, "maxTotalTokens": 640, "maxBatchPrefillTokens": 320},
    ]


def test_one_request_alone_may_have_to_be_shorter() -> None:
    """Where not even one request of that length fits, the longest one alone is proposed."""
    assert found(spec_of(2048, 4096, 2048, 8)) == [
        {"maxBatchSize": 1, "maxInputTokens": 1024, "maxTotalTokens": 2048, "maxBatchPrefillTokens": 1024},
    ]


def test_a_smaller_prefill_is_the_least_change() -> None:
    """Where only the warm-up is too large, the prefill limit alone is lowered to one input."""
    assert found(spec_of(512, 768, 8192, 2))[0] == {"maxBatchPrefillTokens": 512}


def test_what_is_not_bounded_is_bounded() -> None:
    """Without a batch size one is proposed, never shorter requests for all 128."""
    (proposal,) = found(spec_of(1024, 2048, 1024, model="TinyLlama/TinyLlama-1.1B-Chat-v1.0"))
    assert proposal.keys() == {"maxBatchSize"}
    assert 1 < proposal["maxBatchSize"] < 128


def test_nothing_is_proposed_where_weights_are_too_much() -> None:
    """No limits help a model whose weights do not fit."""
    assert found(spec_of(1024, 2048, 1024, 2, model="meta-llama/Llama-2-13b-hf")) == []


def test_nothing_is_proposed_without_a_bill() -> None:
    """Where the bill is not known, no limits can be."""
    assert found(spec_of(1024, 2048, 1024, 2, model="bigscience/bloom-560m")) == []


@pytest.mark.parametrize("total", [600, 1500, 3000, 4000])
@pytest.mark.parametrize("size", [1, 2, 5, 30])
def test_proposals_are_real_limits(total: int, size: int) -> None:
    """Every proposal is smaller, in whole steps, agrees with itself and is worth serving."""
    for proposal in found(spec_of(total * 2 // 3, total, total, size)):
        assert proposal.get("maxBatchSize", 1) <= size
        tokens = proposal.get("maxTotalTokens", total)
        assert LEAST_TOTAL <= tokens <= total
        prompt = proposal.get("maxInputTokens", total * 2 // 3)
        assert 1 <= prompt < tokens
        assert proposal.get("maxBatchPrefillTokens", total) >= prompt
