"""Bytes of a checkpoint on disk, quantized or not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.models import InvalidConfig, checkpoint_bytes, known_model, parameter_count, read_config
from voltaic.models.stored import known_methods, layout_source

LLAMA_7B: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 11008,
    "vocab_size": 32000,
    "torch_dtype": "float16",
}
MISTRAL_7B: dict[str, Any] = {
    **LLAMA_7B,
    "model_type": "mistral",
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "sliding_window": None,
}
LLAMA_8B: dict[str, Any] = {**LLAMA_7B, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256}
LLAMA_70B: dict[str, Any] = {
    **LLAMA_8B,
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "intermediate_size": 28672,
}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}
W4A16 = {"weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128, "symmetric": True}}
W8A8 = {
    "weights": {"num_bits": 8, "type": "int", "strategy": "channel", "symmetric": True},
    "input_activations": {"num_bits": 8, "type": "int", "strategy": "token", "dynamic": True},
    "targets": ["Linear"],
}
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False}


def stored(config: dict[str, Any], quantization: dict[str, Any] | None = None) -> int:
    """Return the bytes of a checkpoint whose layout is known."""
    found = checkpoint_bytes(read_config({**config, "quantization_config": quantization}))
    assert found is not None
    return found


@pytest.mark.parametrize(("dtype", "size"), [("float16", 2), ("bfloat16", 2), ("float32", 4), ("float64", 8)])
def test_plain_weights_are_as_wide_as_their_type(dtype: str, size: int) -> None:
    """A plain checkpoint has so many bytes a parameter as its data type says."""
    arch = read_config({**LLAMA_7B, "torch_dtype": dtype})
    assert checkpoint_bytes(arch) == size * parameter_count(arch)


@pytest.mark.parametrize(
    ("config", "quantization", "file_bytes"),
    [
        (LLAMA_8B, GPTQ, 5_735_587_840),  # weights of RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16
        (LLAMA_7B, GPTQ, 3_896_690_496),  # gptq_model-4bit-128g.safetensors of seonglae/llama-2-7b-chat-hf-gptq
        (LLAMA_7B, GPTQ, 3_896_714_608),  # model.safetensors of twhoool02/Llama-2-7b-hf-AutoGPTQ
    ],
)
def test_published_quantized_files_are_met(
    config: dict[str, Any], quantization: dict[str, Any], file_bytes: int
) -> None:
    """A published quantized file is larger by its header and its zero biases alone: within a thousandth."""
    assert 0 <= file_bytes - stored(config, quantization) < file_bytes / 1000


def test_a_published_total_is_met_to_the_byte() -> None:
    """hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4: total_size of its index, to the byte."""
    assert stored(LLAMA_70B, AWQ) == 39_767_785_472


def test_experts_in_four_bits_are_met() -> None:
    """gpt-oss-20b: its three files are 13,761,316,904 bytes, headers included; only experts are in MXFP4."""
    model = known_model("openai/gpt-oss-20b")
    assert model is not None
    assert model.weights_bytes == checkpoint_bytes(model.architecture)
    assert 0 < 13_761_316_904 - model.weights_bytes < 100_000


def test_a_large_awq_checkpoint_of_another_family_is_met() -> None:
    """Qwen3-32B-AWQ: the sum of the tensors in its headers, to the byte."""
    model = known_model("Qwen/Qwen3-32B-AWQ")
    assert model is not None
    assert checkpoint_bytes(model.architecture) == model.weights_bytes == 19_325_298_688


def test_four_bits_are_worked_out_by_hand() -> None:
    """Mistral-7B in AWQ: 4.15625 bits for each of 6,979,321,856 weights of linear layers, the rest in two bytes."""
    linear = 32 * (4096 * 6144 + 4096 * 4096 + 3 * 4096 * 14336)
    rest = 2 * 32000 * 4096 + (2 * 32 + 1) * 4096
    assert linear == 6_979_321_856
    assert stored(MISTRAL_7B, AWQ) == linear * 4.15625 / 8 + 2 * rest == 4_150_796_288


def test_gptq_adds_its_group_index() -> None:
    """GPTQ stores 32 bits for every input of every linear layer beside what AWQ stores."""
    inputs = 32 * (4 * 4096 + 2 * 4096 + 11008)
    assert stored(LLAMA_7B, GPTQ) - stored(LLAMA_7B, AWQ) == 4 * inputs


def test_one_group_costs_least() -> None:
    """The smaller the groups, the more scales: one group of all inputs is the least."""
    sizes = [stored(LLAMA_7B, {**GPTQ, "group_size": group}) for group in (-1, 1024, 128, 32)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 4


def test_excluded_modules_stay_wide() -> None:
    """A module that is not converted is stored in two bytes an element."""
    excluded = stored(MISTRAL_7B, {**AWQ, "modules_to_not_convert": ["self_attn.o_proj"]})
    assert excluded - stored(MISTRAL_7B, AWQ) == 32 * 4096 * 4096 * (16 - 4.15625) / 8


@pytest.mark.parametrize(
    "quantization",
    [
        {"quant_method": "awq"},
        {"quant_method": "awq", "bits": 4, "version": "gemv"},
        {"quant_method": "hqq", "bits": 4},
        {"quant_method": "exl2", "bits": 4.65},
        {"quant_method": "something-new"},
        {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized", "config_groups": {"group_0": W4A16}},
        {"quant_method": "compressed-tensors", "format": "mixed-precision", "config_groups": {"a": W4A16, "b": W8A8}},
    ],
)
def test_other_layouts_are_not_guessed(quantization: dict[str, Any]) -> None:
    """A method whose layout is not known here, or whose bits are not stated, has no derived size."""
    assert checkpoint_bytes(read_config({**LLAMA_7B, "quantization_config": quantization})) is None


LINEAR = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008)
"""Weights of the linear layers of Llama-2-7B."""
OUTPUTS = 32 * (5 * 4096 + 2 * 11008)
HEAD = 32000 * 4096
REST = 2 * (2 * HEAD + 65 * 4096)
"""Bytes of its embedding, head and norms."""


@pytest.mark.parametrize(
    ("quantization", "size"),
    [
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, LINEAR + 4 * OUTPUTS + REST),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, LINEAR // 2 + LINEAR // 16 + 224 * 160 + REST),
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True},
            LINEAR // 2 + LINEAR // 64 + LINEAR // 4096 + 224 * 1200 + REST,
        ),
        ({"quant_method": "eetq"}, LINEAR + 2 * OUTPUTS + REST),
        ({"quant_method": "fp8", "activation_scheme": "dynamic"}, LINEAR + 8 * 224 + REST),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, LINEAR + LINEAR // 4096 + REST),
        ({"quant_method": "fbgemm_fp8"}, LINEAR + 4 * OUTPUTS + REST),
        ({"quant_method": "marlin", "group_size": 128}, LINEAR // 2 + LINEAR // 64 + REST),
        ({**GPTQ, "checkpoint_format": "marlin"}, LINEAR // 2 + LINEAR // 64 + REST),
        (
            {"quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"]}
            | {"config_groups": {"group_0": W4A16}},
            LINEAR // 2 + LINEAR // 64 + 224 * 16 + REST,
        ),
        (
            {"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": {"group_0": W8A8}},
            LINEAR + 2 * OUTPUTS + REST - HEAD + 2 * 32000,
        ),
    ],
)
def test_other_layouts_are_worked_out_by_hand(quantization: dict[str, Any], size: int) -> None:
    """Bytes a weight, scales as wide and as many as the method has them, and what it leaves alone in two bytes."""
    assert stored(LLAMA_7B, quantization) == size


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["lm_head"], 0),
        (["o_proj"], 32),
        (["model.layers.*.self_attn.o_proj"], 32),
        (["re:.*o_proj$"], 32),
        (["model.layers.3.self_attn.o_proj", "re:model\\.layers\\.7\\..*o_proj"], 2),
    ],
)
def test_patterns_of_excluded_modules_are_understood(names: list[str], kept: int) -> None:
    """Whole names, parts of names, stars and the regular expressions that compressed-tensors writes exclude modules."""
    layer = 4096 * 4096 * (16 - 4.15625) / 8
    assert stored(LLAMA_7B, {**AWQ, "modules_to_not_convert": names}) - stored(LLAMA_7B, AWQ) == kept * layer


def test_a_pattern_that_is_not_understood_is_not_guessed() -> None:
    """An expression that only its own engine can read leaves the size open."""
    quantization = {**AWQ, "modules_to_not_convert": ["re:(?!.*proj).*"]}
    assert checkpoint_bytes(read_config({**LLAMA_7B, "quantization_config": quantization})) is None


def test_known_methods_are_named_and_sourced() -> None:
    """Methods of known and of unknown layout are known by name, and every layout says where it comes from."""
    assert {"awq", "gptq", "fp8", "bitsandbytes", "compressed-tensors", "mxfp4", "exl2", "torchao"} <= set(
        known_methods()
    )
    assert "AutoAWQ" in layout_source("awq").text


@settings(deadline=None)
@given(st.sampled_from([2, 3, 4, 8]), st.sampled_from([-1, 32, 64, 128]), st.sampled_from(["awq", "gptq"]))
def test_fewer_bits_are_fewer_bytes(bits: int, group: int, method: str) -> None:
    """A quantized checkpoint is smaller than the plain one, and grows with its bits."""
    quantization = {"quant_method": method, "bits": bits, "group_size": group}
    size = stored(LLAMA_7B, quantization)
    assert size < stored(LLAMA_7B, {**quantization, "bits": bits + 1}) < stored(LLAMA_7B)


@pytest.mark.parametrize(
    ("quantization", "why"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128]}, "weight_block_size: found a list of 1 items, allowed is"),
        ({"quant_method": "fp8", "weight_block_size": "128"}, "weight_block_size: found the text '128', allowed is"),
        ({"quant_method": "exl2", "bits": 0}, "bits: found 0, allowed is a number above 0, at most 16"),
        ({"quant_method": "compressed-tensors", "config_groups": {"a": 1}}, "config_groups.a: found 1, allowed is an"),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": {"num_bits": 99}}}},
            "config_groups.a.weights.num_bits: found 99, allowed is a whole number from 1 to 16",
        ),
        ({"bits": 4}, "quant_method: missing, it names how the weights are stored"),
        ({"quant_method": "awq", "ignore": [1]}, "ignore: found a list of 1 items, allowed is a list of names or null"),
    ],
)
def test_contradictory_descriptions_are_named(quantization: dict[str, Any], why: str) -> None:
    """What a checkpoint says wrongly of its quantization is one fault with the key, the value and what is allowed."""
    with pytest.raises(InvalidConfig) as fault:
        read_config({**LLAMA_7B, "quantization_config": quantization})
    assert f"quantization_config.{why}" in str(fault.value)
