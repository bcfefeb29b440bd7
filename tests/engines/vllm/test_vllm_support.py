"""What vLLM serves where, with its own errors: releases and GPUs, models, weights, dtypes, ranks, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic.document import spec_from_line
from voltaic.engines.vllm.engine import Vllm

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

ENGINE = Vllm()
LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 32000,
    "max_position_embeddings": 8192,
    "torch_dtype": "float16",
}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128}
PACKED = {
    "quant_method": "compressed-tensors",
    "config_groups": {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "group_size": 128, "type": "int"}}},
}
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False}


def spec(
    version: str | None, gpu: str, *args: str, gpus: int = 1, env: dict[str, Any] | None = None, **config: Any
) -> ServingSpec:
    """Return a spec of a Llama of 8B, with these fields of its configuration changed."""
    line = {
        "gpu": gpu,
        "gpus": gpus,
        "engine": "vllm",
        "engine_version": version,
        "config": LLAMA | config,
        "model_id": "a/b",
        "args": list(args),
        "env": env or {},
    }
    return spec_from_line(line)


def said(found: Any) -> list[tuple[str, str]]:
    """Return answers and messages."""
    return [(support.answer, support.message) for support in found if support.answer != "ok"]


@pytest.mark.parametrize(
    ("version", "gpu", "answer", "word"),
    [
        ("0.4.0", "v100-16gb", "ok", ""),
        ("0.8.5", "v100-16gb", "ok", ""),
        ("0.9.2", "v100-16gb", "no", "no kernel image is available"),
        ("0.10.1", "v100-16gb", "unknown", "is not known"),
        ("0.12.0", "v100-16gb", "unknown", "Use vLLM 0.8.5 with --dtype half"),
        ("0.20.0", "v100-16gb", "no", "no kernel image is available"),
        ("0.20.0", "t4-16gb", "ok", ""),
        ("0.33.0", "h100-80gb", "ok", ""),
        ("0.19.1", "mi300x-192gb", "unknown", "is not known"),
        (None, "v100-16gb", "unknown", "v0.8.5"),
        ("9.9.9", "h100-80gb", "unknown", "v0.33.0"),
    ],
)
def test_releases_run_on_the_gpus_that_they_were_built_for(version: str, gpu: str, answer: str, word: str) -> None:
    """A V100 is served by V0 up to 0.8.5, by nothing of 0.9 and from 0.20, and in between nobody promises."""
    found = ENGINE.gpu_support(spec(version, gpu))
    assert found.answer == answer
    assert word in f"{found.message} {found.why} {found.fix}"


def test_a_gpu_that_is_not_known_leaves_it_open() -> None:
    """Without a GPU nothing is promised."""
    line = {"engine": "vllm", "engine_version": "0.8.5", "config": LLAMA, "gpus": 1}
    assert ENGINE.gpu_support(spec_from_line(line)).answer == "unknown"
    assert ENGINE.runs(spec_from_line(line)) is None


def test_v1_is_refused_where_the_variable_asks_for_it_below_ampere() -> None:
    """VLLM_USE_V1=1 ends 0.8.5 on a T4, and without it V0 serves."""
    found = ENGINE.gpu_support(spec("0.8.5", "t4-16gb", env={"VLLM_USE_V1": "1"}))
    assert (found.answer, found.fix) == ("no", "Remove VLLM_USE_V1, or set it to 0.")
    runs = ENGINE.runs(spec("0.8.5", "t4-16gb"))
    assert runs is not None
    assert (runs.implementation, runs.attention) == ("vllm-v0", "xformers")
    assert ENGINE.environment(spec("0.8.5", "v100-16gb")) == {"VLLM_USE_V1": "0"}


@pytest.mark.parametrize(
    ("version", "gpu", "args", "env", "engine"),
    [
        ("0.6.3", "a100-40gb", [], {}, "vllm-v0"),
        ("0.7.3", "a100-40gb", [], {"VLLM_USE_V1": "1"}, None),
        ("0.8.5", "a100-40gb", [], {}, "vllm-v1"),
        ("0.8.5", "a100-40gb", [], {"VLLM_USE_V1": "0"}, "vllm-v0"),
        ("0.8.5", "a100-40gb", [], {"VLLM_USE_V1": None}, None),
        ("0.8.5", "a100-40gb", ["--dtype", "float32"], {}, "vllm-v0"),
        ("0.8.5", "a100-40gb", ["--kv-cache-dtype", "fp8"], {}, None),
        ("0.8.5", "a100-40gb", [], {"VLLM_ATTENTION_BACKEND": "XFORMERS"}, None),
        ("0.10.2", "t4-16gb", [], {}, "vllm-v1"),
        ("0.11.2", "a100-40gb", [], {"VLLM_USE_V1": "0"}, "vllm-v1"),
    ],
)
def test_the_engine_is_chosen_as_the_release_chooses(
    version: str, gpu: str, args: list[str], env: dict[str, Any], engine: str | None
) -> None:
    """V1 where the release has it and nothing stands against it; what may fall back is not known."""
    runs = ENGINE.runs(spec(version, gpu, *args, env=env))
    assert (runs.implementation if runs else None) == engine


@pytest.mark.parametrize(
    ("version", "gpu", "args", "config", "answer", "word"),
    [
        ("0.8.5", "v100-16gb", [], {"torch_dtype": "bfloat16"}, "no", "at least 8.0"),
        ("0.10.2", "t4-16gb", [], {"torch_dtype": "bfloat16"}, None, ""),
        ("0.10.2", "t4-16gb", ["--dtype", "bfloat16"], {}, "no", "--dtype bfloat16"),
        (
            "0.8.5",
            "v100-16gb",
            [],
            {"quantization_config": AWQ},
            "no",
            "Minimum capability: 75. Current capability: 70.",
        ),
        ("0.8.5", "v100-16gb", [], {"quantization_config": GPTQ}, None, ""),
        ("0.8.5", "t4-16gb", [], {"quantization_config": AWQ}, None, ""),
        ("0.8.5", "t4-16gb", ["-q", "gptq_marlin"], {"quantization_config": GPTQ}, "no", "Minimum capability: 80"),
        ("0.14.0", "t4-16gb", ["-q", "gptq_marlin"], {"quantization_config": GPTQ}, None, ""),
        ("0.8.5", "a100-40gb", ["-q", "awq"], {"quantization_config": GPTQ}, "no", "does not match"),
        ("0.8.5", "a100-40gb", ["-q", "awq"], {}, "no", "checkpoint is not quantized"),
        ("0.8.5", "a100-40gb", ["-q", "quark"], {}, "unknown", "checkpoint is not quantized"),
        ("0.8.5", "a100-40gb", ["-q", "nonsense"], {}, "unknown", "No fact covers this quantization"),
        ("0.4.3", "a100-40gb", ["-q", "bitsandbytes"], {}, "no", "has no quantization method bitsandbytes"),
        ("0.7.3", "a100-40gb", ["-q", "bitsandbytes"], {}, "unknown", "--load-format bitsandbytes"),
        (
            "0.8.5",
            "a100-40gb",
            ["-q", "awq"],
            {"quantization_config": AWQ, "torch_dtype": "bfloat16"},
            "no",
            "Supported dtypes: [torch.float16]",
        ),
        (
            "0.8.5",
            "t4-16gb",
            [],
            {"quantization_config": PACKED},
            "no",
            "Min capability: 80",
        ),
        (
            "0.8.5",
            "t4-16gb",
            [],
            {"quantization_config": {"quant_method": "compressed-tensors"}},
            "unknown",
            "compressed-tensors weights",
        ),
        ("0.8.5", "a100-40gb", ["-q", "fp8"], {}, None, ""),
        ("0.8.5", "a100-40gb", ["-q", "bitsandbytes"], {}, None, ""),
        ("0.8.5", "a100-40gb", ["-q", "bitsandbytes"], {"model_type": "starcoder2"}, "no", "does not support BitsAnd"),
        (
            "0.19.1",
            "a100-40gb",
            ["-q", "bitsandbytes"],
            {"model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 2},
            "unknown",
            "the experts of mixtral",
        ),
        ("0.8.5", "a100-40gb", ["--enable-lora"], {}, "unknown", "--enable-lora"),
        ("0.19.1", "a100-40gb", ["--kv-cache-dtype", "fp8"], {}, "unknown", "--kv-cache-dtype fp8"),
        ("0.8.5", "v100-16gb", ["--enable-prefix-caching"], {}, "unknown", "--enable-prefix-caching"),
        ("0.8.5", "v100-16gb", [], {"max_position_embeddings": 65536}, "unknown", "above 32768 tokens"),
        ("0.6.3", "v100-16gb", ["--enable-prefix-caching"], {}, "no", "only supported on Ampere"),
        ("0.6.3", "v100-16gb", ["--enable-chunked-prefill"], {}, "no", "Leave chunked prefill away"),
        ("0.6.3", "v100-16gb", [], {"max_position_embeddings": 65536}, "no", "above 32768 tokens"),
        ("0.8.5", "v100-16gb", [], {"head_dim": 72}, "no", "Head size 72 is not supported by PagedAttention"),
        ("0.8.5", "v100-16gb", ["--model", "c/d"], {}, "unknown", "The server loads c/d"),
        ("0.5.0", "a100-40gb", [], {"architectures": ["Qwen3ForCausalLM"]}, "no", "are not supported for now"),
        ("0.8.0", "a100-40gb", [], {"architectures": ["Qwen3ForCausalLM"]}, "unknown", "no class Qwen3ForCausalLM"),
        ("0.8.0", "a100-40gb", [], {"architectures": ["NobodysForCausalLM"]}, "unknown", "Use another model"),
        ("0.8.5", "a100-40gb", [], {"model_type": "nobodys"}, "unknown", "is not known"),
        (
            "0.8.5",
            "a100-40gb",
            [],
            {"model_type": "nobodys", "architectures": ["LlamaForCausalLM"]},
            "unknown",
            "what the model needs is not known",
        ),
    ],
)
def test_models_and_weights_are_answered_with_the_release_s_own_error(  # noqa: PLR0917  a table
    version: str, gpu: str, args: list[str], config: dict[str, Any], answer: str | None, word: str
) -> None:
    """Weights formats and dtypes by compute capability, classes by release, and what no fact covers."""
    found = ENGINE.model_support(spec(version, gpu, *args, **config))
    if answer is None:
        assert said(found) == []
        return
    assert [
        support
        for support in found
        if support.answer == answer and word in f"{support.message} {support.why}{support.fix}"
    ], said(found)


def test_gemma_needs_a_gpu_with_bfloat16() -> None:
    """From 0.9.1 on gemma2 is not served in float16, and float32 is what a T4 then falls back to."""
    config = {"model_type": "gemma2", "head_dim": 128, "torch_dtype": "float16", "hidden_activation": "x"}
    half = ENGINE.model_support(spec("0.10.2", "a100-40gb", "--dtype", "half", **config))
    assert any("does not support float16" in support.why for support in half)
    assert ENGINE.required_options(spec("0.10.2", "t4-16gb", **config)) == {}
    old = ENGINE.model_support(spec("0.8.5", "t4-16gb", **config))
    assert any("sliding windows of gemma2" in support.message for support in old)


def test_code_of_the_repository_must_be_trusted_where_the_release_needs_it() -> None:
    """DeepSeek-V2 brings code of its own, which 0.6 needs and 0.9 does not."""
    config = {
        "model_type": "deepseek_v2",
        "auto_map": {"AutoConfig": "x"},
        "q_lora_rank": None,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "n_routed_experts": 8,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 1408,
        "first_k_dense_replace": 1,
        "moe_layer_freq": 1,
        "num_key_value_heads": 32,
    }
    old = spec("0.6.3", "a100-80gb", **config)
    assert any("--trust-remote-code is not set" in support.message for support in ENGINE.model_support(old))
    assert ENGINE.required_options(old)["trust_remote_code"] is True
    trusted = spec("0.6.3", "a100-80gb", "--trust-remote-code", **config)
    assert not any("trust" in support.message for support in ENGINE.model_support(trusted))
    assert not any("trust" in s.message for s in ENGINE.model_support(spec("0.9.0", "a100-80gb", **config)))


@pytest.mark.parametrize(
    ("args", "gpus", "config", "answer", "word"),
    [
        (["-tp", "2"], 2, {}, None, ""),
        (["-tp", "3"], 4, {}, "no", "attention heads (32) must be divisible by tensor parallel size (3)"),
        (["-tp", "4"], 4, {"num_key_value_heads": 32, "intermediate_size": 14338}, "no", "is not divisible by 4"),
        (
            ["-tp", "4"],
            4,
            {"num_attention_heads": 24, "num_key_value_heads": 6, "head_dim": 128},
            "no",
            "K and V heads",
        ),
        (["-tp", "4"], 4, {"intermediate_size": 5888, "quantization_config": GPTQ}, "no", "is not aligned"),
        (
            ["-tp", "4"],
            4,
            {"model_type": "qwen3_moe", "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 770},
            "no",
            "770 rows of an expert",
        ),
    ],
)
def test_heads_and_rows_are_divided_among_ranks(
    args: list[str], gpus: int, config: dict[str, Any], answer: str | None, word: str
) -> None:
    """What does not divide evenly ends the server, and the number of ranks that would serve is named."""
    found = ENGINE.model_support(spec("0.8.5", "a100-80gb", *args, gpus=gpus, **config))
    assert [support.answer for support in found] == ([] if answer is None else [answer] * len(found))
    assert word in " ".join(f"{support.message} {support.why}" for support in found)


@pytest.mark.parametrize(
    ("args", "gpus", "answer", "word"),
    [
        (["-tp", "2"], 1, "no", "2 ranks on 1 GPU"),
        (["-tp", "2", "-pp", "2"], 2, "no", "4 ranks on 2 GPUs"),
        (["-tp", "2", "--distributed-executor-backend", "ray"], 1, "unknown", "other machines"),
        (["-tp", "0"], 1, "no", "--tensor-parallel-size is 0"),
        (["-tp", "2"], None, "unknown", "how many GPUs the pod gets is not known"),
        ([], None, None, ""),
        (["-tp", "2"], 2, None, ""),
    ],
)
def test_every_rank_takes_a_gpu(args: list[str], gpus: int | None, answer: str | None, word: str) -> None:
    """More ranks than GPUs end the server, unless they may stand on other machines."""
    line = {"gpu": "a100-80gb", "engine": "vllm", "engine_version": "0.8.5", "config": LLAMA, "args": args}
    found = ENGINE.shard_support(spec_from_line(line if gpus is None else line | {"gpus": gpus}))
    assert [support.answer for support in found] == ([] if answer is None else [answer])
    assert word in " ".join(f"{support.message} {support.why}" for support in found)


@pytest.mark.parametrize(
    ("version", "args", "env", "config", "answer", "word"),
    [
        ("0.8.5", ["--max-model-len", "16384"], {}, {}, "no", "greater than the derived max_model_len"),
        ("0.8.5", ["--max-model-len", "16384"], {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}, {}, None, ""),
        ("0.8.5", ["--max-model-len", "16384"], {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": None}, {}, "unknown", "8192"),
        ("0.8.5", ["--max-model-len", "16384", "--hf-overrides", "{}"], {}, {}, "unknown", "8192"),
        (
            "0.8.5",
            ["--max-model-len", "16384"],
            {},
            {"rope_scaling": {"rope_type": "linear", "factor": 2.0}},
            None,
            "",
        ),
        (
            "0.8.5",
            ["--max-model-len", "65536"],
            {},
            {"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192}},
            "no",
            "32768",
        ),
        ("0.8.5", ["--max-model-len", "65536"], {}, {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, None, ""),
        ("0.8.5", ["--gpu-memory-utilization", "1.5"], {}, {}, "no", "must be less than 1.0"),
        ("0.8.5", ["--max-num-seqs", "0"], {}, {}, "no", "--max-num-seqs is 0"),
        ("0.6.3", ["--max-num-batched-tokens", "4096"], {}, {}, "no", "is smaller than max_model_len (8192)"),
        ("0.8.5", ["--max-num-batched-tokens", "128", "--max-num-seqs", "256"], {}, {}, "no", "fewer than the 256"),
        ("0.8.5", ["--max-num-batched-tokens", "4096"], {}, {}, None, ""),
    ],
)
def test_limits_go_together_as_the_server_asks(  # noqa: PLR0917  a table
    version: str, args: list[str], env: dict[str, Any], config: dict[str, Any], answer: str | None, word: str
) -> None:
    """Length against positions, tokens of a pass against length and requests, and the share of the memory."""
    found = ENGINE.argument_support(spec(version, "a100-80gb", *args, env=env, **config))
    assert [support.answer for support in found] == ([] if answer is None else [answer])
    assert word in " ".join(f"{support.message} {support.why}" for support in found)


@pytest.mark.parametrize(
    ("version", "gpu", "args", "limits"),
    [
        ("0.8.5", "v100-16gb", [], (8192, 256, 8192)),
        ("0.6.3", "a100-40gb", ["--enable-chunked-prefill"], (8192, 256, 512)),
        ("0.8.3", "a100-40gb", [], (8192, 1024, 2048)),
        ("0.8.3", "h100-80gb", [], (8192, 1024, 8192)),
        ("0.8.5", "a100-80gb", [], (8192, 1024, 8192)),
        ("0.19.1", "a100-80gb", [], (8192, 256, 2048)),
        ("0.19.1", "h200-141gb", [], (8192, 1024, 8192)),
        ("0.19.1", "l4-24gb", ["--max-num-batched-tokens", "1k", "--max-model-len", "auto"], (8192, 256, 1000)),
    ],
)
def test_defaults_are_those_of_release_and_gpu(
    version: str, gpu: str, args: list[str], limits: tuple[int, int, int]
) -> None:
    """Longest request, requests at once and tokens of a pass, where the command line leaves them out."""
    runs = ENGINE.runs(spec(version, gpu, *args))
    assert runs is not None
    assert tuple(runs.limits.values()) == limits


def test_command_r_states_its_length_apart() -> None:
    """Its model_max_length comes before its positions, and without it the length is not known."""
    config = {"model_type": "cohere", "layer_norm_eps": 1e-5, "logit_scale": 1.0, "torch_dtype": "float16"}
    long = ("--max-model-len", "16384")
    stated = spec("0.8.5", "a100-80gb", *long, **config, model_max_length=131072)
    assert said(ENGINE.argument_support(stated)) == []
    assert ENGINE.argument_support(spec("0.8.5", "a100-80gb", *long, **config)) == ()
    assert ENGINE.argument_support(spec("0.8.5", "a100-80gb", *long, **config, model_max_length=8192))


def test_ways_out_say_what_the_engine_has() -> None:
    """A quantization for an unquantized checkpoint, shares of the memory, half where bfloat16 ends the server."""
    narrow = spec("0.8.5", "v100-16gb", torch_dtype="bfloat16")
    assert ENGINE.required_options(narrow) == {"dtype": "half"}
    assert list(ENGINE.lighter(narrow)) == [{"quantization": "bitsandbytes"}]
    assert list(ENGINE.lighter(spec("0.8.5", "v100-16gb", quantization_config=GPTQ))) == []
    assert next(iter(ENGINE.memory_shares(narrow))) == {"gpu_memory_utilization": 0.92}
    assert ENGINE.batch_bound("0.8.5") == "max_num_seqs"
    assert ENGINE.variables_for({"dtype": "half"}) == frozenset()
    assert ENGINE.releases()[0] == "0.4.0"
    nothing = spec_from_line({"engine": "vllm", "config": LLAMA, "gpus": 1})
    assert (ENGINE.required_options(nothing), ENGINE.environment(nothing)) == ({}, {})
    assert list(ENGINE.memory_shares(nothing)) == []
