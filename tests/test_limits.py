"""Smaller limits that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import answers, changes
from voltaic.document import spec_from_line
from voltaic.limits import LEAST_TOTAL, SPARE, STEP, input_of, smaller_limits
from voltaic.memory.bill import Bill

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

LLAMA_7B = "meta-llama/Llama-2-7b-chat-hf"
ENV = {"USE_FLASH_ATTENTION": "false", "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
"""What a stack sets on a V100."""
NAMES = ("input-tokens", "total-tokens", "batch-prefill-tokens", "batch-size")


def spec_of(*limits: int, model: str = LLAMA_7B, gpus: int = 1) -> ServingSpec:
    """Return a spec; limits are input, total and prefill tokens, and the batch size."""
    told = [word for name, limit in zip(NAMES, limits, strict=False) for word in (f"--max-{name}", str(limit))]
    line = {"gpu": "v100-16gb", "gpus": gpus, "engine": "tgi", "engine_version": "3.0.1", "model": model}
    return spec_from_line(
        line | {"args": ["--num-shard", "1", *told], "env": ENV},
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
        {"maxInputTokens": 320, "maxTotalTokens": 704, "maxBatchPrefillTokens": 320},
    ]


def test_one_request_alone_may_have_to_be_shorter() -> None:
    """Where not even one request of that length fits, the longest one alone is proposed."""
    assert found(spec_of(2048, 4096, 2048, 8)) == [
        {"maxBatchSize": 1, "maxInputTokens": 1024, "maxTotalTokens": 2048, "maxBatchPrefillTokens": 1024},
    ]


def test_a_smaller_prefill_is_the_least_change() -> None:
    """Where only the warm-up is too large, the prefill limit alone is lowered to one input."""
    assert found(spec_of(512, 768, 8192, 2))[0] == {"maxBatchPrefillTokens": 512}


def test_where_prompts_have_no_limit_a_pass_is_as_short_as_a_request() -> None:
    """A pass of vLLM is as long as its longest request: shorter requests shorten it, and that is stated."""
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "vllm", "engine_version": "0.8.5"}
    spec = spec_from_line(line | {"model": "mistralai/Mistral-7B-Instruct-v0.2", "args": ["--dtype", "half"]})
    proposals = found(spec)
    assert proposals
    for proposal in proposals:
        assert proposal["maxTotalTokens"] == proposal["maxBatchPrefillTokens"] >= LEAST_TOTAL


def test_tight_limits_leave_a_hundredth_free() -> None:
    """Where nothing has room, what is proposed does not fill the GPU to the last byte."""
    for spec in (spec_of(1024, 2048, 1024, 3), spec_of(2048, 4096, 2048, 8)):
        for proposal in found(spec):
            bill = answers.bill_of(changes.apply(spec, proposal))
            assert isinstance(bill, Bill)
            assert bill.worst.headroom >= SPARE * bill.worst.budget


def test_what_is_not_bounded_is_bounded() -> None:
    """Without a batch size one is proposed, never shorter requests for all 128."""
    (proposal,) = found(spec_of(1024, 2048, 1024, model="TinyLlama/TinyLlama-1.1B-Chat-v1.0"))
    assert proposal.keys() == {"maxBatchSize"}
    assert 1 < proposal["maxBatchSize"] < 128


@pytest.mark.parametrize(
    ("total", "stated", "expected"),
    [
        (2048, None, 1536),  # three quarters where nothing is stated
        (2048, (1024, 4096), 512),  # the stated share
        (2048, (3584, 4096), 1792),  # seven eighths still leave an answer
        (3264, (4095, 4096), 2432),  # a share that leaves none is not kept
        (640, (38, 4096), 38),  # never less than a step, unless less is stated
        (640, (100, 8192), 64),
    ],
)
def test_a_shorter_request_leaves_room_for_an_answer(total: int, stated: tuple[int, int] | None, expected: int) -> None:
    """The input limit keeps the share that is stated, or takes three quarters, in whole steps."""
    assert (input_of(total) if stated is None else input_of(total, prompt=stated[0], of=stated[1])) == expected


def test_an_input_limit_that_leaves_no_answer_is_not_shared_out() -> None:
    """A prompt of 4095 in 4096 tokens is what older defaults give: what is proposed has room for an answer."""
    for spec in (spec_of(4095, 4096, 4095, 1), spec_of()):
        (proposal,) = [limits for limits in found(spec) if "maxTotalTokens" in limits]
        assert proposal["maxInputTokens"] <= proposal["maxTotalTokens"] * 3 // 4
        assert proposal["maxInputTokens"] % STEP == proposal["maxTotalTokens"] % STEP == 0
        assert proposal.get("maxBatchPrefillTokens", 4096) >= proposal["maxInputTokens"]


def test_what_leaves_room_is_proposed_before_what_fits_to_the_last_byte() -> None:
    """The largest batch within the margin of the estimate is proposed, though larger ones still fit."""
    (first, *_) = found(spec_of(1024, 2048, 1024, 64, model="mistralai/Mistral-7B-Instruct-v0.2", gpus=2))
    size = first["maxBatchSize"]
    bills = [answers.bill_of(spec_of(1024, 2048, 1024, number, model="mistralai/Mistral-7B-Instruct-v0.2", gpus=2))
             for number in (size, size + 1)]  # fmt: skip
    assert [isinstance(bill, Bill) and (bill.fits, bill.tight) for bill in bills] == [(True, False), (True, True)]


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
