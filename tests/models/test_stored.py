"""Bytes of a checkpoint on disk, quantized or not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.models import checkpoint_bytes, parameter_count, read_config

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
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}
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
        (LLAMA_7B, GPTQ, 3_896_690_496),  # gptq_model-4bit-128g.safetensors of seonglae/llama-2-7b-chat-hf-gptq
        (LLAMA_7B, GPTQ, 3_896_714_608),  # model.safetensors of twhoool02/Llama-2-7b-hf-AutoGPTQ
    ],
)
def test_published_quantized_files_are_met(
    config: dict[str, Any], quantization: dict[str, Any], file_bytes: int
) -> None:
    """A published quantized file is larger by its header and its zero biases alone: within a thousandth."""
    assert 0 <= file_bytes - stored(config, quantization) < file_bytes / 1000


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


@pytest.mark.parametrize("quantization", [{"load_in_8bit": True}, {"quant_method": "fp8"}, {"quant_method": "awq"}])
def test_other_layouts_are_not_guessed(quantization: dict[str, Any]) -> None:
    """A method whose layout is not known here, or whose bits are not stated, has no derived size."""
    assert checkpoint_bytes(read_config({**LLAMA_7B, "quantization_config": quantization})) is None


@settings(deadline=None)
@given(st.sampled_from([2, 3, 4, 8]), st.sampled_from([-1, 32, 64, 128]), st.sampled_from(["awq", "gptq"]))
def test_fewer_bits_are_fewer_bytes(bits: int, group: int, method: str) -> None:
    """A quantized checkpoint is smaller than the plain one, and grows with its bits."""
    quantization = {"quant_method": method, "bits": bits, "group_size": group}
    size = stored(LLAMA_7B, quantization)
    assert size < stored(LLAMA_7B, {**quantization, "bits": bits + 1}) < stored(LLAMA_7B)
