"""What runs where: releases on GPUs, models on releases, and how they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic.engines import engine, names
from voltaic.engines.tgi.ignored import ignored_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from voltaic.engines.base import Engine
    from voltaic.spec import ServingSpec

    SpecOf = Callable[..., ServingSpec]

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
WINDOWED = "mistralai/Mistral-7B-Instruct-v0.1"
LLAMA = "meta-llama/Llama-2-7b-chat-hf"
PHI = "microsoft/phi-2"
BLOOM = "bigscience/bloom-7b1"
OFF = {"USE_FLASH_ATTENTION": "false"}
V100, PAIR, T4, A100 = "v100-16gb", "v100-16gb x2", "t4-16gb", "a100-80gb"


def tgi() -> Engine:
    """The engine under test."""
    found = engine("tgi")
    assert found is not None
    return found


def test_engines_by_name() -> None:
    """TGI has facts; an engine that has none is no engine here."""
    assert "tgi" in names()
    assert tgi() is tgi()
    assert engine("unheard-of") is None


# Release on GPU: from the table that was made by importing every release with that capability reported.
GPUS = [
    ("1.1.0", V100, {}, "ok"),
    ("1.2.0", V100, {}, "ok"),
    ("1.4.5", V100, OFF, "ok"),
    ("2.0.0", V100, {}, "no"),
    ("2.0.3", V100, OFF, "no"),
    ("2.0.3", A100, OFF, "no"),
    ("2.0.3", A100, {}, "ok"),
    ("2.0.4", V100, {}, "ok"),
    ("2.1.0", V100, {}, "no"),
    ("2.3.0", V100, {}, "no"),
    ("2.3.0", V100, OFF, "ok"),
    ("2.3.0", V100, {"USE_FLASH_ATTENTION": "FALSE"}, "ok"),
    ("2.3.0", V100, {"USE_FLASH_ATTENTION": "0"}, "no"),
    ("2.3.0", V100, {"USE_FLASH_ATTENTION": None}, "unknown"),
    ("3.0.1", V100, {}, "no"),
    ("3.0.1", V100, OFF, "ok"),
    ("3.0.1", "v100-32gb", OFF, "ok"),
    ("3.3.0", V100, OFF, "ok"),
    ("3.3.1", V100, OFF, "no"),
    ("3.3.7", V100, OFF, "no"),
    ("2.0.4", T4, {}, "ok"),
    ("2.3.0", T4, {}, "no"),
    ("3.0.1", T4, {}, "unknown"),
    ("3.0.1", T4, OFF, "ok"),
    ("3.3.7", T4, OFF, "ok"),
    ("3.3.7", A100, {}, "ok"),
    ("3.3.7", "l4-24gb", {}, "ok"),
    ("3.3.7", "h200-141gb", {}, "ok"),
    ("2.0.3", "mi300x-192gb", {}, "no"),
    ("3.0.1-rocm", "mi300x-192gb", {}, "ok"),
    ("3.3.7-rocm", "mi300x-192gb", {}, "unknown"),
    ("3.0.1-rocm", A100, {}, "no"),
    ("3.4.0", A100, {}, "unknown"),
    ("0.9.4", A100, {}, "unknown"),
    ("latest", A100, {}, "unknown"),
    (None, A100, {}, "unknown"),
]


@pytest.mark.parametrize(("version", "profile", "env", "answer"), GPUS)
def test_release_on_gpu(
    spec_of: SpecOf, version: str | None, profile: str, env: dict[str, str | None], answer: str
) -> None:
    """Every release answers as it was seen to start, and what is not covered is unknown."""
    support = tgi().gpu_support(spec_of(version, profile, MISTRAL, ["--num-shard", "1"], env))
    assert support.answer == answer
    assert answer == "ok" or (support.message and support.why and support.fix)


# Model on release: (release, profile, model, arguments, answers with a part of each message).
MODELS: list[tuple[str, str, str, list[str], list[tuple[str, str]]]] = [
    ("3.0.1", V100, MISTRAL, [], []),
    ("3.0.1", PAIR, MISTRAL, ["--num-shard", "1"], []),
    (
        "3.0.1",
        PAIR,
        MISTRAL,
        ["--num-shard", "2"],
        [("no", "Sharded Mistral requires Flash Attention enabled models.")],
    ),
    ("3.0.1", V100, PHI, [], []),
    ("3.0.1", PAIR, PHI, ["--num-shard", "2"], [("no", "all 2 shards load the whole model")]),
    ("3.0.2", V100, PHI, [], [("no", "TransformersFlashCausalLM")]),
    ("2.0.4", V100, LLAMA, [], []),
    ("2.0.4", PAIR, LLAMA, ["--num-shard", "2"], [("no", "Sharded Llama requires Flash Attention enabled models.")]),
    ("1.2.0", V100, LLAMA, [], []),
    ("1.2.0", V100, PHI, [], [("no", "Unsupported model type phi")]),
    ("1.2.0", V100, "google/gemma-2b", [], [("no", "Unsupported model type gemma")]),
    # A second request.
    ("3.1.0", V100, MISTRAL, [], [("no", "'list' object has no attribute 'get_seq_length'")]),
    ("3.3.0", V100, MISTRAL, [], [("no", "past_key_values should be either a Cache object or None")]),
    ("3.3.0", V100, MISTRAL, ["--max-batch-size", "1"], []),
    ("3.3.0", V100, MISTRAL, ["--max-concurrent-requests", "1"], [("unknown", "keeps to one request at a time")]),
    ("3.3.0", V100, "tiiuae/falcon-7b", [], [("unknown", "two requests at a time")]),
    # Quantization.
    ("3.0.1", V100, MISTRAL, ["--quantize", "awq"], [("no", "--quantize awq does nothing")]),
    ("3.0.1", V100, MISTRAL, ["--quantize", "bitsandbytes-nf4"], [("no", "does nothing")]),
    ("3.0.1", V100, MISTRAL, ["--quantize", "eetq"], [("no", "does nothing")]),
    ("3.0.1", V100, MISTRAL, ["--quantize", "bitsandbytes"], []),
    ("3.0.1", V100, MISTRAL, ["--quantize", "bitsandbytes", "--dtype", "float16"], []),
    (
        "3.0.1",
        V100,
        MISTRAL,
        ["--quantize", "awq", "--dtype", "float16"],
        [("no", "exclude each other"), ("no", "does nothing")],
    ),
    ("1.1.0", A100, LLAMA, ["--quantize", "bitsandbytes", "--dtype", "float16"], [("no", "exclude each other")]),
    ("2.0.2", A100, "openai-community/gpt2", ["--quantize", "awq"], [("no", "awq quantization is not supported")]),
    ("3.0.1", A100, MISTRAL, ["--quantize", "awq"], [("no", "cannot use --quantize awq")]),
    ("3.0.1", A100, MISTRAL, ["--quantize", "eetq"], []),
    ("3.0.1", A100, MISTRAL, ["--quantize", "fp8"], []),
    ("2.2.0", A100, MISTRAL, ["--quantize", "fp8"], [("unknown", "quantized by fp8")]),
    # Sliding window.
    ("3.0.1", V100, WINDOWED, ["--max-input-tokens", "4096", "--max-total-tokens", "6000"], []),
    (
        "3.0.1",
        V100,
        WINDOWED,
        ["--max-input-tokens", "4097", "--max-total-tokens", "6000"],
        [("no", "does not support sliding window attention")],
    ),
    ("2.0.4", V100, WINDOWED, ["--max-input-tokens", "4097", "--max-total-tokens", "6000"], []),
    ("2.3.0", V100, WINDOWED, [], []),
    (
        "2.3.0",
        V100,
        WINDOWED,
        ["--max-total-tokens", "9000", "--max-input-tokens", "8000"],
        [("no", "up to 8000 tokens")],
    ),
    ("3.0.1", V100, WINDOWED, ["--max-batch-prefill-tokens", "6000"], []),
    ("2.0.4", "t4-16gb x2", WINDOWED, ["--num-shard", "2"], [("no", "Sharded Mistral requires Flash Attention")]),
    ("2.0.4", "t4-16gb x2", MISTRAL, ["--num-shard", "2"], []),
    ("1.2.0", T4, MISTRAL, [], [("no", "Mistral model requires flash attention v2")]),
    # Kernels of Bloom.
    ("3.0.1", V100, BLOOM, [], [("no", "custom kernels")]),
    ("3.0.1", V100, BLOOM, ["--disable-custom-kernels"], []),
    ("3.0.1", PAIR, BLOOM, ["--disable-custom-kernels", "--num-shard", "2"], []),
    ("3.0.1", A100, BLOOM, [], []),
    # Adapters.
    ("3.0.1", V100, MISTRAL, ["--lora-adapters", "a/b"], [("no", "cannot serve LoRA adapters")]),
    ("3.0.1", A100, MISTRAL, ["--lora-adapters", "a/b"], []),
    # Shards that do not divide the heads.
    ("3.0.1", "a100-80gb x3", MISTRAL, ["--num-shard", "3"], [("no", "cannot be divided among 3 shards")]),
    ("3.0.1", "a100-80gb x8", MISTRAL, ["--num-shard", "8"], []),
    # Learned positions.
    ("3.0.1", V100, "openai-community/gpt2", [], []),
    (
        "3.0.1",
        V100,
        "openai-community/gpt2",
        ["--max-input-tokens", "1024", "--max-total-tokens", "2048", "--max-batch-prefill-tokens", "1024"],
        [("no", "exceed the 1024 positions")],
    ),
    # A share of the memory.
    ("3.0.1", A100, MISTRAL, ["--cuda-memory-fraction", "1.5"], [("no", "Invalid fraction value: 1.5.")]),
    ("3.0.1", V100, MISTRAL, ["--cuda-memory-fraction", "1.5"], []),
    # Both the shards and the weights are wrong.
    (
        "3.0.1",
        PAIR,
        MISTRAL,
        ["--num-shard", "2", "--quantize", "awq"],
        [("no", "on 2 shards"), ("no", "--quantize awq does nothing")],
    ),
    (
        "1.2.0",
        V100,
        PHI,
        ["--quantize", "awq"],
        [("no", "Unsupported model type phi"), ("no", "refuses the quantization awq")],
    ),
    # What is not known.
    ("3.0.1", V100, "org/never-seen", [], [("unknown", "is not known")]),
]


@pytest.mark.parametrize(("version", "profile", "model", "args", "wanted"), MODELS)
def test_model_on_release(  # noqa: PLR0917  one row of the table
    spec_of: SpecOf, version: str, profile: str, model: str, args: list[str], wanted: list[tuple[str, str]]
) -> None:
    """Every model answers as the release's own code does; what is fine says nothing."""
    env = OFF if profile.startswith("v100") and version >= "2.1" else {}
    args = args if "--num-shard" in args else [*args, "--num-shard", "1"]
    found = tgi().model_support(spec_of(version, profile, model, args, env))
    assert [support.answer for support in found] == [answer for answer, _ in wanted]
    for support, (_, part) in zip(found, wanted, strict=True):
        assert part in support.message
        assert support.why
        assert support.fix


def _config(spec_of: SpecOf, config: dict[str, Any], args: list[str], version: str = "3.0.1") -> list[str]:
    spec = spec_of(version, V100, "org/model", [*args, "--num-shard", "1"], OFF, config)
    return [f"{support.answer}: {support.message}" for support in tgi().model_support(spec)]


LLAMA_CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "num_hidden_layers": 22,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "vocab_size": 32000,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
}


def test_quantized_checkpoints_do_not_load_in_the_fallback(spec_of: SpecOf) -> None:
    """AWQ and GPTQ repositories end the shard, whether asked for or found; before 1.3.4 AWQ was noise."""
    awq = LLAMA_CONFIG | {
        "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"}
    }
    gptq = LLAMA_CONFIG | {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}
    for args in ([], ["--quantize", "awq"]):
        (found,) = _config(spec_of, awq, args)
        assert "Loading an AWQ quantized model requires auto-awq library" in found
    (found,) = _config(spec_of, gptq, [])
    assert "No package metadata was found for optimum" in found
    spec = spec_of("1.2.0", V100, "org/model", [], {}, awq)
    (support,) = tgi().model_support(spec)
    assert "initialises every quantized layer with random weights" in support.why
    assert support.fix == "Choose the repository of this model that is not quantized by awq."


def test_a_method_that_config_json_names_is_selected_by_itself(spec_of: SpecOf) -> None:
    """From 2.0.0 on AutoModel refuses a GPTQ repository without being asked; before, it fails to load it."""
    gpt2 = {
        "model_type": "gpt2",
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_positions": 1024,
        "vocab_size": 50257,
        "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128},
    }
    errors = {"1.4.5": "No package metadata was found for optimum", "2.0.2": "gptq quantization is not supported"}
    for version, error in errors.items():
        found = tgi().model_support(spec_of(version, A100, "org/model", ["--num-shard", "1"], {}, gpt2))
        assert any(error in support.message for support in found), [support.message for support in found]


def test_dtype_beside_a_method_that_config_json_names(spec_of: SpecOf) -> None:
    """From 2.3.0 on the launcher passes on what config.json names, so --dtype excludes it without --quantize."""
    gptq = LLAMA_CONFIG | {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}
    assert any(
        "gptq (found in config.json) exclude each other" in text
        for text in _config(spec_of, gptq, ["--dtype", "float16"])
    )
    assert not any("exclude" in text for text in _config(spec_of, gptq, ["--dtype", "float16"], "2.2.0"))


def test_models_with_images_need_flash_attention(spec_of: SpecOf) -> None:
    """A family whose towers nobody has measured is still refused where the dispatcher refuses it."""
    text = {key: value for key, value in LLAMA_CONFIG.items() if key != "architectures"} | {"model_type": "mistral"}
    vision = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
    (found,) = _config(spec_of, {"model_type": "idefics2", "text_config": text, "vision_config": vision}, [])
    assert found.startswith("no: ")
    assert "Idefics requires Flash Attention enabled models." in found


def test_a_short_window_counts_where_the_shard_is_told_of_the_limit(spec_of: SpecOf) -> None:
    """Up to 2.4.0 the shard is told of a computed input limit too; from 2.4.1 on only of one that is set."""
    windowed = LLAMA_CONFIG | {
        "model_type": "mistral",
        "architectures": ["MistralForCausalLM"],
        "max_position_embeddings": 32768,
        "sliding_window": 2047,
    }
    (found,) = _config(spec_of, windowed, [], "2.4.0")
    assert found.startswith("no: TGI 2.4.0 refuses inputs of up to 4095 tokens")
    assert _config(spec_of, windowed, [], "3.0.1") == []


def test_caches_of_fixed_length_are_not_promised(spec_of: SpecOf) -> None:
    """The dispatcher takes Gemma 2 without flash attention; whether it then serves nobody has shown."""
    spec = spec_of("3.0.1", V100, "google/gemma-2-2b-it", ["--num-shard", "1"], OFF)
    assert any("fixed length" in support.why for support in tgi().model_support(spec))
    assert all(support.answer == "unknown" for support in tgi().model_support(spec))


def test_trained_speculators_end_the_fallback(spec_of: SpecOf) -> None:
    """Medusa heads and MLP speculators are refused, with the message of the release."""
    (found,) = _config(spec_of, LLAMA_CONFIG | {"medusa_num_heads": 3}, [])
    assert "Speculator decoding is not enabled for AutoModel" in found
    spec = spec_of("1.4.5", V100, "org/model", [], {}, LLAMA_CONFIG | {"medusa_num_heads": 3})
    assert "Medusa decoding is not enabled for AutoModel" in tgi().model_support(spec)[0].message


def test_custom_code_needs_trust(spec_of: SpecOf) -> None:
    """A model type that the release does not know loads only through the repository's own code."""
    phi = {
        "model_type": "phi",
        "auto_map": {"AutoModelForCausalLM": "modeling_phi.PhiForCausalLM"},
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 51200,
        "max_position_embeddings": 2048,
        "partial_rotary_factor": 0.4,
        "tie_word_embeddings": False,
    }
    spec = spec_of("1.3.0", V100, "org/model", [], {}, phi)
    (support,) = tgi().model_support(spec)
    assert (support.answer, support.fix) == ("no", "Add --trust-remote-code, after reading the code of that revision.")
    spec = spec_of("1.3.0", V100, "org/model", ["--trust-remote-code"], {}, phi)
    assert [support.answer for support in tgi().model_support(spec)] == ["unknown"]


def test_how_it_runs_on_a_v100(spec_of: SpecOf) -> None:
    """The default of two V100: one process, layers over both GPUs, float16, fused attention, stated limits."""
    limits = ["--max-input-tokens", "4096", "--max-total-tokens", "6144", "--max-batch-prefill-tokens", "4096"]
    args = ["--num-shard", "1", *limits, "--max-batch-total-tokens", "24576", "--max-batch-size", "4"]
    runs = tgi().runs(spec_of("3.0.1", PAIR, MISTRAL, args, OFF))
    assert runs is not None
    assert (runs.implementation, runs.shards, runs.layer_split) == ("transformers-fallback", 1, True)
    assert (runs.dtype, runs.weights, runs.attention) == ("float16", "float16", "sdpa")
    assert runs.transformers == (4, 46, 3)
    assert runs.limits == {
        "max_batch_size": 4,
        "max_batch_total_tokens": 24576,
        "max_concurrent_requests": 128,
        "max_input_tokens": 4096,
        "max_total_tokens": 6144,
        "max_batch_prefill_tokens": 4096,
        "warm_up_requests": 1,
        "warm_up_tokens": 4096,
    }


RUNS = [
    ("1.2.0", V100, LLAMA, [], ("transformers-fallback", False, "float16", "float16", "eager")),
    ("1.3.4", V100, MISTRAL, [], ("transformers-fallback", False, "float16", "float16", "eager")),
    ("1.3.4", V100, LLAMA, [], ("transformers-fallback", False, "float16", "float16", "sdpa")),
    ("3.0.1", V100, MISTRAL, ["--quantize", "awq"], ("transformers-fallback", False, "float16", "float16", "sdpa")),
    (
        "3.0.1",
        V100,
        MISTRAL,
        ["--quantize", "bitsandbytes"],
        ("transformers-fallback", False, "float16", "bitsandbytes", "sdpa"),
    ),
    (
        "3.0.1",
        V100,
        MISTRAL,
        ["--dtype", "bfloat16"],
        ("transformers-fallback", False, "bfloat16", "bfloat16", "eager"),
    ),
    ("1.3.4", A100, PHI, [], ("transformers-fallback", False, "float16", "float16", "eager")),
    ("3.0.1", PAIR, BLOOM, ["--num-shard", "2"], ("native-tensor-parallel", False, "float16", "float16", "eager")),
    ("3.0.1", A100, MISTRAL, [], ("flash", False, "float16", "float16", "flashinfer")),
    ("2.2.0", A100, MISTRAL, [], ("flash", False, "float16", "float16", "paged")),
    ("3.0.1", A100, "google/gemma-7b", [], ("flash", False, "bfloat16", "bfloat16", "flashinfer")),
    ("3.0.1", A100, "tiiuae/falcon-7b", [], ("flash", False, "float16", "float16", "flashdecoding")),
    ("2.0.4", T4, WINDOWED, [], ("transformers-fallback", False, "float16", "float16", "sdpa")),
    ("2.0.4", T4, MISTRAL, [], ("flash", False, "float16", "float16", "paged")),
]


@pytest.mark.parametrize(("version", "profile", "model", "args", "wanted"), RUNS)
def test_how_it_runs(  # noqa: PLR0917  one row of the table
    spec_of: SpecOf, version: str, profile: str, model: str, args: list[str], wanted: tuple[Any, ...]
) -> None:
    """Implementation, layer split, dtype, weights really loaded and attention follow release, GPU and family."""
    env = OFF if profile.startswith("v100") and version >= "2.1" else {}
    args = args if "--num-shard" in args else [*args, "--num-shard", "1"]
    runs = tgi().runs(spec_of(version, profile, model, args, env))
    assert runs is not None
    assert (runs.implementation, runs.layer_split, runs.dtype, runs.weights, runs.attention) == wanted


@pytest.mark.parametrize(
    ("version", "profile", "args", "env"),
    [
        ("3.0.1", V100, [], {}),
        ("3.3.7", V100, [], OFF),
        ("3.0.1", PAIR, [], OFF),
        ("3.0.1", PAIR, ["--num-shard", "2"], OFF),
        ("3.0.1", V100, ["--num-shard", "2"], OFF),
        ("3.4.0", A100, [], {}),
        ("3.0.1", T4, [], {}),
        ("2.0.3", A100, [], OFF),
    ],
)
def test_what_does_not_run_has_no_way_of_running(
    spec_of: SpecOf, version: str, profile: str, args: list[str], env: dict[str, str]
) -> None:
    """Without a start, or without a certain number of shards, nothing is said about how it runs."""
    assert tgi().runs(spec_of(version, profile, MISTRAL, args, env)) is None


def test_environment_and_options_that_make_it_run(spec_of: SpecOf) -> None:
    """The variables and options to add are those, and only those, that the release needs on that GPU."""
    allocator = {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
    found = tgi().environment(spec_of("3.0.1", V100, MISTRAL))
    assert found == {"USE_FLASH_ATTENTION": "false", "HF_HOME": "/data", **allocator}
    assert tgi().environment(spec_of("2.0.4", V100, MISTRAL)) == {"HUGGINGFACE_HUB_CACHE": "/data", **allocator}
    assert tgi().environment(spec_of("1.1.1", V100, MISTRAL)) == {"HUGGINGFACE_HUB_CACHE": "/data"}  # PyTorch 2.0
    assert tgi().environment(spec_of("3.3.7", A100, MISTRAL)) == {"HF_HOME": "/data"}
    assert tgi().environment(spec_of("3.0.1", T4, MISTRAL))["USE_FLASH_ATTENTION"] == "false"
    assert tgi().environment(spec_of("3.4.0", V100, MISTRAL)) == {}
    assert tgi().required_options(spec_of("3.0.1", PAIR, MISTRAL, [], OFF)) == {"num_shard": 1}
    assert tgi().required_options(spec_of("3.0.1", PAIR, MISTRAL, ["--num-shard", "1"], OFF)) == {}
    assert tgi().required_options(spec_of("3.0.1", V100, BLOOM, [], OFF)) == {
        "num_shard": 1,
        "disable_custom_kernels": True,
    }
    assert tgi().required_options(spec_of("3.0.1", A100, BLOOM)) == {"num_shard": 1}
    assert tgi().required_options(spec_of("3.4.0", A100, BLOOM)) == {}


def test_what_is_set_and_does_nothing_is_named(spec_of: SpecOf) -> None:
    """Options of the flash path, names of other engines and options of newer releases do nothing on a V100."""
    args = ["--num-shard", "1", "--cuda-memory-fraction", "0.85", "--cuda-graphs", "0", "--speculate", "2"]
    env = OFF | {"MAX_MODEL_LEN": "4096", "ATTENTION": "paged"}
    found = ignored_options(spec_of("3.0.1", V100, MISTRAL, args, env))
    assert [(item.where, item.instead) for item in found] == [
        ("MAX_MODEL_LEN", "MAX_TOTAL_TOKENS"),
        ("--speculate", ""),
        ("--cuda-graphs", ""),
        ("--cuda-memory-fraction", ""),
        ("ATTENTION", ""),
    ]
    assert found[1].because == "the transformers-fallback implementation does not read it"
    (newer,) = ignored_options(spec_of("1.2.0", V100, MISTRAL, [], {"MAX_BATCH_SIZE": "2"}))
    assert (newer.where, newer.because) == (
        "MAX_BATCH_SIZE",
        "TGI 1.2.0 has no --max-batch-size: it exists in 1.4.1 and newer",
    )
    assert (
        ignored_options(spec_of("3.0.1", A100, MISTRAL, ["--cuda-memory-fraction", "0.85", "--num-shard", "1"])) == ()
    )
    assert ignored_options(spec_of("3.4.0", A100, MISTRAL, [], {"MAX_MODEL_LEN": "1"})) == ()
