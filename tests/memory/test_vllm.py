"""The bill of a vLLM server: worked examples, its three conditions, and what it does not say."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.document import spec_from_line
from voltaic.engines.versions import parse_version
from voltaic.engines.vllm.case import case_of
from voltaic.engines.vllm.engine import Vllm
from voltaic.memory import vllm_facts, vllm_sizes
from voltaic.memory.bill import Bill, NoBill
from voltaic.models import Architecture, known_model, read_config
from voltaic.units import GIB, MIB
from voltaic.verdict import judge

ENGINE = Vllm()
NEW = (0, 19, 1)
QWEN = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "intermediate_size": 18944,
    "vocab_size": 152064,
    "max_position_embeddings": 32768,
    "torch_dtype": "float16",
}
LLAMA_31 = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}


def line(version: str | None, gpu: str, *args: str, gpus: int = 1, **more: Any) -> dict[str, Any]:
    """Return a line of a batch."""
    return {"gpu": gpu, "gpus": gpus, "engine": "vllm", "engine_version": version, "args": list(args)} | more


def bill(*args: Any, **more: Any) -> Bill:
    """Return the bill of a line."""
    found = ENGINE.bill(spec_from_line(line(*args, **more)))
    assert isinstance(found, Bill), found
    return found


def no_bill(*args: Any, **more: Any) -> NoBill:
    """Return why a line has no bill."""
    found = ENGINE.bill(spec_from_line(line(*args, **more)))
    assert isinstance(found, NoBill)
    return found


def weights(arch: Architecture, ranks: int = 1, version: Any = NEW) -> int:
    """Return the weights of a rank in 16 bits."""
    fmt = vllm_sizes.format_of(arch, "float16", "float16")
    assert fmt is not None
    return vllm_sizes.weights(arch, fmt, ranks, version).allocated


def test_weights_of_qwen_by_hand() -> None:
    """Example A: every tensor as the allocator rounds it, vocabulary padded, one rotary table: 14.249 GiB."""
    layer = (32 + 24.5 + 260 + 130) * MIB
    small = 28 * (math.ceil((3584 + 1024) * 2 / 512) * 512) + 57 * 3584 * 2
    by_hand = 28 * layer + small + 2 * 1040 * MIB + 8 * MIB
    assert weights(read_config(QWEN)) == pytest.approx(by_hand, abs=1 * MIB)
    assert weights(read_config(QWEN)) / GIB == pytest.approx(14.249, abs=0.001)


@pytest.mark.parametrize(
    ("tokens", "sequences", "coefficient", "expected"),
    [(4096, 256, 38.5, 1.423), (4096, 64, 38.5, 0.543), (4096, 256, 15, 0.57), (2048, 256, 38.5, 1.409)],
)
def test_activations_of_qwen_by_hand(tokens: int, sequences: int, coefficient: float, expected: float) -> None:
    """Example B: the sampler's rows against the layer's tokens, whichever is larger."""
    run = vllm_sizes.Pass(tokens, sequences, sampled=True)
    assert vllm_sizes.activations(read_config(QWEN), run, 1, 2, coefficient) / GIB == pytest.approx(expected, abs=0.003)


def test_first_passes_in_parts_sample_nothing_in_early_releases() -> None:
    """Up to 0.7.1 V0 with chunked prefill has the layer's tokens alone."""
    run = vllm_sizes.Pass(2048, 256, sampled=vllm_facts.samples((0, 7, 0), v1=False, parts=True))
    assert vllm_sizes.activations(read_config(LLAMA_31), run, 1, 2, 38.5) / GIB == pytest.approx(0.227, abs=0.001)
    assert vllm_facts.samples((0, 8, 5), v1=False, parts=True)


@pytest.mark.parametrize(
    ("model", "ranks", "left", "tokens", "accepted"),
    [
        ("meta-llama/Llama-2-7b-hf", 1, 1.20, 2465, False),
        ("mistralai/Mistral-7B-Instruct-v0.2", 1, 0.18, 1501, False),
        ("mistralai/Mistral-7B-Instruct-v0.2", 2, 6.89, 112900, True),
        ("meta-llama/Llama-2-13b-hf", 2, 1.38, 3617, False),
        ("meta-llama/Llama-2-13b-hf", 4, 7.53, 39500, True),
    ],
)
def test_pools_on_a_v100(model: str, ranks: int, left: float, tokens: int, accepted: bool) -> None:  # noqa: FBT001  a table
    """Example H: what is left of 14.19 GiB, in tokens, and whether a request of 4,096 fits."""
    args = ("--dtype", "half", "--max-model-len", "4096", "-tp", str(ranks))
    found = bill("0.8.5", "v100-16gb", *args, gpus=ranks, model=model)
    assert dict(found.per_gpu[0].terms)["kv_pool"] / GIB == pytest.approx(left, abs=0.01)
    assert found.kv_cache_tokens == pytest.approx(tokens, rel=0.01)
    assert found.fits is accepted
    assert [shortfall.name for shortfall in found.shortfalls] == ([] if accepted else ["kv-pool"])
    assert len(found.per_gpu) == ranks


def test_qwen_leaves_nothing_on_a_v100() -> None:
    """Example H: weights and activations exceed the share, so that there is no pool at all."""
    config = QWEN | {"max_position_embeddings": 4096}
    found = bill("0.8.5", "v100-16gb", "--max-model-len", "4096", config=config)
    assert found.kv_cache_tokens == 0
    assert '"No available memory for the cache blocks."' in found.shortfalls[0].why


def test_a_share_that_leaves_no_room_for_graphs_is_not_accepted() -> None:
    """Example H: 0.95 of a T4 and 0.8 of graphs exceed the card; the least of graphs would not, so it stays open."""
    model = {"model": "TheBloke/Mistral-7B-Instruct-v0.2-AWQ"}
    args = ("--max-model-len", "4096", "--gpu-memory-utilization")
    open_ = no_bill("0.8.5", "t4-16gb", *args, "0.95", **model)
    assert "takes 13.83 GiB of 14.56 GiB" in open_.because
    assert "--gpu-memory-utilization 0.9 or less, or --enforce-eager" in open_.settled_by
    assert bill("0.8.5", "t4-16gb", *args, "0.88", **model).fits
    assert bill("0.8.5", "t4-16gb", *args, "0.95", "--enforce-eager", **model).fits
    refused = bill("0.8.5", "t4-16gb", *args, "0.98", **model)
    assert [shortfall.name for shortfall in refused.shortfalls] == ["share-not-free"]
    assert refused.shortfalls[0].fix.startswith("Write --gpu-memory-utilization 0.9 or less")


def test_llama_on_an_h200_by_hand() -> None:
    """Example K: 125.8 GiB less weights, activations of 1,024 rows and 0.25 leave about 890,000 tokens."""
    found = bill("0.19.1", "h200-141gb", "m", config=LLAMA_31)
    rank = found.per_gpu[0]
    assert rank.weights / GIB == pytest.approx(14.99, abs=0.01)
    assert rank.activations / GIB == pytest.approx(1.90, abs=0.01)
    assert found.kv_cache_tokens == pytest.approx(890000, rel=0.005)
    assert found.kv_cache_bytes_per_token == 131072
    assert found.fits


def test_the_share_covers_an_estimate_of_graphs_in_newer_releases() -> None:
    """From 0.20 on the default share is 0.92 and graphs come out of the pool, unless the variable says no."""
    args = ("0.20.0", "h100-80gb", "m", "--gpu-memory-utilization", "0.9")
    inside = bill(*args, config=LLAMA_31)
    outside = bill(*args, config=LLAMA_31, env={"VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS": "0"})
    assert (outside.kv_cache_tokens - inside.kv_cache_tokens) * 131072 / GIB == pytest.approx(0.9, abs=0.01)
    old = bill("0.19.1", *args[1:], config=LLAMA_31)
    assert inside.margin > old.margin
    assert inside.per_gpu[0].activations > old.per_gpu[0].activations


def test_activations_that_few_have_seen_leave_it_open() -> None:
    """From 0.20 on a pool that holds a request with the least activations alone is not known to suffice."""
    args = ("m", "--max-model-len", "131072", "--enforce-eager")
    assert (
        "how much activations"
        in no_bill(
            "0.20.0",
            "l40s-48gb",
            *args,
            "--max-num-seqs",
            "2048",
            "--max-num-batched-tokens",
            "2048",
            "--gpu-memory-utilization",
            "0.9",
            config=LLAMA_31,
        ).because
    )


def test_the_context_is_inside_the_share_of_the_first_v1() -> None:
    """Up to 0.9.0 V1 counts everything in use on the GPU, so that its pool is smaller by the context."""
    old = bill("0.9.0", "a100-80gb", "--model", "m", config=LLAMA_31)
    new = bill("0.9.1", "a100-80gb", "--model", "m", config=LLAMA_31)
    case = case_of(spec_from_line(line("0.9.0", "a100-80gb", config=LLAMA_31)))
    assert case is not None
    assert (new.kv_cache_tokens - old.kv_cache_tokens) * 131072 == pytest.approx(case.gpu.context_bytes, abs=4 * MIB)


@pytest.mark.parametrize(
    ("config", "ranks", "expected"),
    [
        (LLAMA_31, 1, 131072),
        (LLAMA_31, 16, 2 * 32 * 128 * 2),
        (QWEN, 2, 57344 // 2),
    ],
)
def test_tokens_weigh_what_heads_and_ranks_make(config: dict[str, Any], ranks: int, expected: int) -> None:
    """Example C: K and V heads are divided, and a rank keeps at least one."""
    found = vllm_sizes.cache_sizes(read_config(config), ranks, 2, NEW)
    assert found is not None
    assert found.per_token == expected


def test_latent_attention_keeps_its_latent() -> None:
    """Example C: 31,104 bytes a token on every rank from 0.7.1 on, unknown before, and projections are held twice."""
    model = known_model("deepseek-ai/DeepSeek-V2-Lite-Chat")
    assert model is not None
    arch = model.architecture
    found = vllm_sizes.cache_sizes(arch, 1, 2, NEW)
    assert found is not None
    assert found.per_token == 31104
    assert vllm_sizes.cache_sizes(arch, 1, 2, (0, 6, 3)) is None
    whole, parts = weights(arch, version=(0, 7, 1)), weights(arch, version=NEW)
    assert whole > parts


def test_a_request_takes_whole_blocks() -> None:
    """Seventeen tokens take two blocks of sixteen, with a window and without."""
    sizes = vllm_sizes.CacheSizes(100, ((40, 8),))
    assert (sizes.request(17, 16), sizes.request(16, 16)) == (3200, 1600)
    assert sizes.request_windowed(160, 16, 16) == 160 * 100 - (160 - 48) * 40


def test_windows_are_charged_in_full_where_nobody_promises_less() -> None:
    """Example D: all tokens of all layers, against what a hybrid manager may keep."""
    sizes = vllm_sizes.CacheSizes(48 * 8192, ((40 * 8192, 1024),))
    assert sizes.request(32768, 16) == 12 * GIB
    assert sizes.request_windowed(32768, 16, 2048) / GIB == pytest.approx(2.94, abs=0.01)


def test_a_window_that_may_be_kept_leaves_it_open() -> None:
    """A pool between a window and all tokens is not known to suffice, and is not refused."""
    config = LLAMA_31 | {"model_type": "mistral", "sliding_window": 4096, "vocab_size": 32000}
    found = no_bill("0.19.1", "l4-24gb", "m", "--max-model-len", "65536", config=config)
    assert "keeps only the window" in found.because
    off = ("--disable-hybrid-kv-cache-manager",)
    assert bill("0.19.1", "l4-24gb", "m", "--max-model-len", "65536", *off, config=config).shortfalls


def test_communication_that_nobody_measured_leaves_it_open() -> None:
    """On a T4 two ranks of 0.19 may take less than on an H100, so that a share that is free there is not refused."""
    model = {"model": "TheBloke/Mistral-7B-Instruct-v0.2-AWQ", "gpus": 2}
    args = ("m", "--dtype", "half", "-tp", "2", "--max-model-len", "4096")
    assert "communication and CUDA graphs" in no_bill("0.19.1", "t4-16gb", *args, **model).because
    assert bill("0.19.1", "t4-16gb", *args, "--gpu-memory-utilization", "0.8", **model).fits
    assert bill("0.19.1", "t4-16gb", *args, "--gpu-memory-utilization", "0.99", **model).shortfalls


def test_the_longest_that_fits_is_taken_where_asked() -> None:
    """--max-model-len auto fits what it finds, if there is any room."""
    assert bill("0.19.1", "l4-24gb", "m", "--max-model-len", "auto", config=LLAMA_31).fits
    assert not bill("0.19.1", "t4-16gb", "m", "--max-model-len", "auto", config=LLAMA_31).fits


@pytest.mark.parametrize(
    ("args", "more", "because"),
    [
        (("-pp", "2"), {"gpus": 2, "engine_version": "0.19.1"}, "pipeline parallelism"),
        (("--cpu-offload-gb", "4"), {}, "--cpu-offload-gb"),
        (("-q", "fp8"), {}, "converts fp8 weights"),
        ((), {"gpus": 99}, "99 GPUs"),
        ((), {"gpus": None}, "number of GPUs"),
        ((), {"gpu": None}, "GPU model"),
        ((), {"config": {"model_type": "nobodys"}}, "nobodys"),
        ((), {"engine_version": "9.9.9"}, "would run this"),
        ((), {"config": LLAMA_31 | {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}}, "max_model_len"),
    ],
)
def test_what_has_no_form_has_no_bill(args: tuple[str, ...], more: dict[str, Any], because: str) -> None:
    """Stages, off-loading, conversion and unknown models are said to be missing, not guessed."""
    row = line("0.8.5", "a100-80gb", "--model", "m", *args, config=LLAMA_31) | more
    found = ENGINE.bill(spec_from_line({key: value for key, value in row.items() if value is not None}))
    assert isinstance(found, NoBill)
    assert because in found.because


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["0.6.6", "0.8.5", "0.10.2", "0.19.1", "0.33.0"]),
    st.sampled_from([1, 2, 4]),
    st.integers(1, 131072),
    st.integers(1, 512),
)
def test_longer_requests_and_more_of_them_never_need_less(version: str, ranks: int, length: int, requests: int) -> None:
    """The bill grows with the longest request and with the requests at once, and its pool is whole blocks."""

    def made(tokens: int, sequences: int) -> Bill:
        limits = (
            "--max-model-len",
            str(tokens),
            "--max-num-seqs",
            str(sequences),
            "--max-num-batched-tokens",
            "131072",
        )
        return bill(version, "h100-80gb", "--model", "m", "-tp", str(ranks), *limits, gpus=ranks, config=LLAMA_31)

    one, longer, more = made(length, requests), made(length + 16, requests), made(length, requests + 8)
    assert one.per_gpu[0].kv_cache < longer.per_gpu[0].kv_cache
    assert one.per_gpu[0].activations <= more.per_gpu[0].activations
    assert one.kv_cache_tokens >= more.kv_cache_tokens
    assert one.kv_cache_tokens % 16 == 0
    assert one.per_gpu[0].total <= one.per_gpu[0].budget or not one.fits


def test_a_refusal_names_numbers_and_a_proven_way_out() -> None:
    """The pool in tokens, the request in tokens, the share in GiB, and a length that the same judge accepts."""
    args = ("--model", "meta-llama/Llama-2-7b-hf", "--dtype", "half")
    found = judge(spec_from_line(line("0.8.5", "v100-16gb", *args, model="meta-llama/Llama-2-7b-hf")))
    assert found.verdict == "refuse"
    (finding,) = found.findings
    assert "holds 2368 tokens, and one request of --max-model-len may have 4096" in finding.message
    assert "14.19 GiB" in finding.message
    assert any("maxTotalTokens" in fix.settings and fix.verdict == "accept" for fix in found.fixes)


def test_facts_have_sources() -> None:
    """Every section of the facts says where it comes from."""
    assert len(vllm_facts.sources()) == len(vllm_facts.table()) - 1
    assert parse_version("0.19.1") == NEW


@pytest.mark.parametrize(
    "args", [("--max-num-batched-tokens", "-1"), ("--max-num-seqs", "0"), ("--max-model-len", "0")]
)
def test_limits_below_one_make_no_size_negative(args: tuple[str, ...]) -> None:
    """What ends the server is refused elsewhere; the bill stays a bill."""
    found = bill("0.8.5", "a100-80gb", "--model", "m", *args, config=LLAMA_31)
    assert all(size >= 0 for size in found.per_gpu[0].document().values() if isinstance(size, int))


def test_experts_add_their_tokens() -> None:
    """Every token is computed by several experts, whose rows the first pass holds beside the sampler's."""
    config = {
        "model_type": "mixtral",
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "num_local_experts": 8,
        "num_experts_per_tok": 2,
        "vocab_size": 32000,
        "max_position_embeddings": 32768,
        "torch_dtype": "bfloat16",
    }
    arch = read_config(config)
    run = vllm_sizes.Pass(8192, 256, sampled=True)
    sparse = 8192 * 2 * (3 * 14336 + 4096) * 2 + 4 * 8192 * 4096 * 2
    assert vllm_sizes.activations(arch, run, 1, 2, 15) == sparse
    few = vllm_sizes.Pass(8, 4096, sampled=True)
    assert vllm_sizes.activations(arch, few, 1, 2, 15) > 15 * 4096 * 32000


@pytest.mark.parametrize(("stated", "more"), [(16_060_522_496, 0.0), (20 * GIB, 5.0), (None, 0.0)])
def test_a_checkpoint_that_weighs_more_is_believed(stated: int | None, more: float) -> None:
    """Bytes of the headers beyond the architecture's count as weights, spread over the ranks."""
    args = ("0.19.1", "a100-80gb", "m", "-tp", "2")
    plain = bill(*args, gpus=2, config=LLAMA_31)
    found = bill(*args, gpus=2, config=LLAMA_31, weights_bytes=stated)
    assert (found.per_gpu[0].weights - plain.per_gpu[0].weights) * 2 / GIB == pytest.approx(more, abs=0.05)
