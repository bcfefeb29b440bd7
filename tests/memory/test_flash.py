"""The bill of TGI's flash path: what the warm-up must hold, and the pool that each release takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import engines, hardware, models
from voltaic.memory.bill import Bill, NoBill
from voltaic.rules import vram_budget
from voltaic.spec import Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

GIB = 2**30
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA3 = "meta-llama/Meta-Llama-3-8B"
LIMITS = {"--max-input-tokens": 4095, "--max-total-tokens": 4096, "--max-batch-prefill-tokens": 4096}
LAYER = 4096 * (4 * 14336 + 8 * 4096) * 2
"""Bytes of a layer of Mistral-7B over a prefill of 4,096 tokens, as measured with stand-ins for TGI's kernels."""


def spec(
    model: str = MISTRAL,
    version: str = "3.0.1",
    gpu: str = "a10g-24gb",
    gpus: int = 1,
    *,
    more: Mapping[str, object] | None = None,
    env: Mapping[str, str | None] | None = None,
) -> ServingSpec:
    """Return a spec that runs on the flash path."""
    options = {"--num-shard": gpus, **LIMITS, **(more or {})}
    args = tuple(str(word) for name, value in options.items() if value is not None for word in (name, value))
    engine = engines.engine("tgi")
    assert engine is not None
    command = engine.parse(version, args, env or {})
    return ServingSpec(Release("tgi", version), hardware.gpu_model(gpu), gpus, models.resolve(model), command)


def billed(wanted: ServingSpec) -> Bill:
    """Return its bill, which there is."""
    engine = engines.engine("tgi")
    assert engine is not None
    bill = engine.bill(wanted)
    assert isinstance(bill, Bill), bill
    return bill


def pool(bill: Bill) -> int:
    """Return the bytes of the pool of one GPU."""
    return dict(bill.per_gpu[0].terms)["kv_pool"]


def test_mistral_on_an_a10g() -> None:
    """By hand: 0.95 x 21.99 GiB less 0.45 context, 13.50 weights, 0.14 slack, 0.69 a layer, 0.31 logits leave 5.80."""
    wanted = spec()
    assert wanted.gpu is not None
    gpu = replace(wanted.gpu, usable_bytes=int(21.99 * GIB), context_bytes=int(0.45 * GIB))
    bill = billed(replace(wanted, gpu=gpu))
    assert bill.per_gpu[0].weights / GIB == pytest.approx(13.50, abs=0.015)
    assert bill.per_gpu[0].activations / GIB == pytest.approx(LAYER / GIB, abs=0.001)
    assert pool(bill) / GIB == pytest.approx(5.80, abs=0.02)
    assert bill.kv_cache_tokens == pytest.approx(47_500, rel=0.003)
    assert bill.kv_cache_bytes_per_token == 131_072


@pytest.mark.parametrize(
    ("version", "share", "of"),
    [
        ("1.4.5", 1.0, "free"),
        ("2.0.4", 0.95, "free"),
        ("2.3.1", 0.95, "free"),
        ("2.4.1", 0.90, "free"),
        ("3.0.1", 0.95, "total"),
        ("3.1.0", 0.93, "total"),
        ("3.3.7", 0.90, "total"),
    ],
)
def test_what_each_release_leaves_alone(version: str, share: float, of: str) -> None:
    """1.x takes all that is free, 2.x a share of it, 3.x all but a share of the GPU's memory."""
    more: dict[str, object] = {"--max-input-tokens": None, "--max-input-length": 4095} if version < "2" else {}
    gpu = (bill := billed(spec(version=version, more=more))).per_gpu[0]
    logits = 4096 * ((1 if version >= "3" else 2) * 32_000 + 2 * 4096) * 2
    free = gpu.budget - gpu.context - gpu.weights - gpu.kv_cache - gpu.activations - gpu.other - logits
    taken = share * free if of == "free" else free - (1 - share) * gpu.budget
    assert pool(bill) == pytest.approx(taken + gpu.kv_cache, abs=16 * 131_072 * 2)


def test_the_environment_sets_the_share_where_the_release_reads_it() -> None:
    """TGI_WIGGLE_ROOM counts from 2.3.0 on and is nothing before; one that cannot be read leaves the bill open."""
    less = {"TGI_WIGGLE_ROOM": "0.8"}
    assert pool(billed(spec(env=less))) < pool(billed(spec()))
    assert billed(spec(version="2.2.0", env=less)) == billed(spec(version="2.2.0"))
    engine = engines.engine("tgi")
    assert engine is not None
    for value in (None, "much"):
        bill = engine.bill(spec(env={"TGI_WIGGLE_ROOM": value}))
        assert isinstance(bill, NoBill)
        assert "TGI_WIGGLE_ROOM" in bill.because


def test_a_small_fraction_fails_in_the_warm_up() -> None:
    """With half of the GPU the weights of a 7B model do not fit, whatever the whole GPU has."""
    (short,) = [s for s in billed(spec(more={"--cuda-memory-fraction": 0.5})).shortfalls if s.name == "memory-fraction"]
    assert short.found == pytest.approx(0.5 * 21.98 * GIB, rel=1e-6)
    assert short.needed > 13.5 * GIB


def test_more_than_the_gpu_has_is_over_budget() -> None:
    """13B in 16 bits is more than an A10G holds, and a warm-up of many long requests more than is left of it."""
    assert billed(spec("meta-llama/Llama-2-13b-chat-hf")).worst.headroom < 0
    assert billed(spec(more={"--max-total-tokens": 60_000})).worst.headroom < 0
    assert billed(spec(more={"--max-batch-prefill-tokens": 120_000})).worst.headroom < 0


def test_prompt_log_probabilities_cost_a_second_copy_of_the_logits_before_3() -> None:
    """The warm-up holds the logits of all its tokens; their softmax beside them until 2.4.1."""
    old, new = (billed(spec(LLAMA3, version, "a100-80gb")).worst.activations for version in ("2.4.1", "3.0.1"))
    assert old - new == 4096 * 128_256 * 2


def test_a_tied_head_is_loaded_a_second_time() -> None:
    """gemma-2b holds its table of 256,000 rows twice."""
    arch = models.resolve("google/gemma-2b").architecture
    assert arch is not None
    apart = billed(spec("google/gemma-2b", gpu="a100-40gb")).worst.weights
    assert apart / GIB == pytest.approx((2_506_172_416 + 256_000 * 2048) * 2 / GIB, rel=0.02)


def test_kv_heads_are_divided_over_shards() -> None:
    """Four shards of Llama-3-8B hold two of eight K and V heads each; a falcon's only head is on every shard."""
    assert billed(spec(LLAMA3, gpus=4)).kv_cache_bytes_per_token == 131_072
    assert dict(billed(spec(LLAMA3, gpus=4)).worst.terms)["nccl"] == int(0.40 * GIB)
    assert "nccl" not in dict(billed(spec(LLAMA3, gpus=1, gpu="a100-80gb")).worst.terms)


def test_awq_weighs_a_third() -> None:
    """AWQ with groups of 128 takes 4.156 bits a weight, embedding and head stay in 16 bits."""
    bill = billed(spec("TheBloke/Llama-2-7B-Chat-AWQ", "2.0.4", more={"--quantize": "awq"}))
    assert bill.worst.weights / GIB == pytest.approx(3.62, rel=0.04)


def test_8_bit_values_of_the_cache_hold_twice_as_many_tokens() -> None:
    """A cache of fp8 needs half of the bytes for a token."""
    narrow = billed(spec(LLAMA3, gpu="h100-80gb", more={"--kv-cache-dtype": "fp8_e5m2"}))
    assert narrow.kv_cache_bytes_per_token * 2 == billed(spec(LLAMA3, gpu="h100-80gb")).kv_cache_bytes_per_token


def test_moments_end_with_the_pool() -> None:
    """Beyond the warm-up the pool is taken, and what a prefill needs stays free."""
    bill = billed(spec())
    moments = {name: held[0] for name, held in bill.moments}
    assert list(moments) == ["load", "warm-up", "graph-capture", "prefill", "decode"]
    assert moments["load"] < moments["warm-up"] < moments["prefill"] < bill.worst.budget
    assert bill.peak_moment == "warm-up"


def test_models_that_see_have_no_bill_here() -> None:
    """What an encoder takes in the warm-up is not known, so there is no bill."""
    engine = engines.engine("tgi")
    assert engine is not None
    bill = engine.bill(spec("Qwen/Qwen2.5-VL-7B-Instruct", "3.3.0", "a100-80gb"))
    assert isinstance(bill, NoBill)


@given(
    prefill=st.integers(4096, 20_000),
    total=st.integers(4096, 20_000),
    more=st.sampled_from(("--max-batch-prefill-tokens", "--max-total-tokens")),
    version=st.sampled_from(("2.0.4", "2.4.1", "3.0.1", "3.3.7")),
    gpus=st.sampled_from((1, 2, 4)),
)
def test_larger_limits_never_cost_less(prefill: int, total: int, more: str, version: str, gpus: int) -> None:
    """More tokens never need less memory, and never make the pool larger than its share."""
    limits = {"--max-batch-prefill-tokens": prefill, "--max-total-tokens": total}
    one = billed(spec(LLAMA3, version, "a100-80gb", gpus, more=limits))
    two = billed(spec(LLAMA3, version, "a100-80gb", gpus, more={**limits, more: limits[more] + 1000}))
    assert two.worst.total >= one.worst.total
    assert one.worst.total <= {name: held[0] for name, held in one.moments}["prefill"]


@given(gpus=st.sampled_from((2, 4, 8)), model=st.sampled_from((MISTRAL, LLAMA3)))
def test_more_shards_hold_less_each(gpus: int, model: str) -> None:
    """Each of more shards holds less of the weights, and all together hold all of them."""
    whole, part = (billed(spec(model, gpu="a100-80gb", gpus=count)).worst.weights for count in (1, gpus))
    assert part < whole < gpus * part


def test_the_last_hundredth_of_a_gpu_is_too_close_to_tell() -> None:
    """A bill that fits by less than 1 % of the GPU is neither accepted nor refused: no log of TGI backs it."""
    wanted = spec()
    assert wanted.gpu is not None
    needed = billed(wanted).worst.total
    verdicts = []
    for room in (-0.001, 0.001, 0.02):
        gpu = replace(wanted.gpu, usable_bytes=int(needed / (1 - room)))
        wanted_there = replace(wanted, gpu=gpu)
        bill = billed(wanted_there)
        verdicts.append((bill.fits, bill.too_close, [f.outcome for f in vram_budget.check(wanted_there)]))
    assert [found[:2] for found in verdicts[1:]] == [(True, True), (True, False)]
    assert [found[2] for found in verdicts] == [["violation"], ["unknown"], []]
