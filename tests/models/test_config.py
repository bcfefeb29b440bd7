"""`config.json` to architecture: what is read, what absence means, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic.models import InvalidConfig, Quantization, UnknownArchitecture, read_config

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 11008,
    "vocab_size": 32000,
}
MISTRAL: dict[str, Any] = {**LLAMA, "model_type": "mistral", "num_key_value_heads": 8, "intermediate_size": 14336}
GEMMA: dict[str, Any] = {
    **LLAMA,
    "model_type": "gemma",
    "hidden_size": 2048,
    "num_attention_heads": 8,
    "num_key_value_heads": 1,
}
FALCON: dict[str, Any] = {
    "model_type": "falcon",
    "hidden_size": 4544,
    "num_hidden_layers": 32,
    "num_attention_heads": 71,
    "vocab_size": 65024,
}
PHI: dict[str, Any] = {
    **LLAMA,
    "model_type": "phi",
    "hidden_size": 2560,
    "intermediate_size": 10240,
    "partial_rotary_factor": 0.4,
}
BLOOM: dict[str, Any] = {"model_type": "bloom", "hidden_size": 64, "n_layer": 2, "n_head": 4, "vocab_size": 100}


def without(config: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the configuration without some keys."""
    return {key: value for key, value in config.items() if key not in keys}


def faults(config: Any) -> tuple[str, ...]:
    """Return the faults of a configuration."""
    with pytest.raises(InvalidConfig) as error:
        read_config(config)
    return error.value.faults


def test_heads_of_their_own_only_where_the_family_has_them() -> None:
    """Without a number of K and V heads, llama and phi have as many as query heads; for others it is never guessed."""
    assert read_config(LLAMA).kv_heads == 32
    assert read_config(PHI).kv_heads == 32
    for config in (MISTRAL, GEMMA):
        assert faults(without(config, "num_key_value_heads")) == (
            "num_key_value_heads: missing, the number of K and V heads is never guessed",
        )


def test_head_size_is_taken_as_stated_else_derived() -> None:
    """A stated head_dim wins over hidden size by heads, and gemma's class has its own default."""
    assert read_config(LLAMA).head_dim == 128
    assert read_config({**LLAMA, "head_dim": 64}).head_dim == 64
    assert read_config({**LLAMA, "head_dim": None}).head_dim == 128
    assert read_config(GEMMA).head_dim == 256


def test_a_stated_head_size_frees_the_hidden_size() -> None:
    """With head_dim stated the hidden size need not be a multiple of the heads."""
    assert read_config({**LLAMA, "hidden_size": 4100, "head_dim": 128}).hidden == 4100


def test_falcon_multi_query_has_one_head_whatever_else_is_stated() -> None:
    """Falcon's multi_query means one K and V head, and the number it states beside it is ignored, as the class does."""
    assert read_config(FALCON).kv_heads == 1
    assert read_config({**FALCON, "num_kv_heads": 71}).kv_heads == 1
    assert read_config({**FALCON, "multi_query": False}).kv_heads == 71


def test_falcon_new_decoder_has_the_stated_heads() -> None:
    """With the new decoder the stated number of K and V heads is in force, and multi_query is not."""
    config = {**FALCON, "hidden_size": 8192, "num_attention_heads": 128, "new_decoder_architecture": True}
    arch = read_config({**config, "num_kv_heads": 8})
    assert (arch.kv_heads, arch.norms_per_layer, arch.parallel_block) == (8, 2, True)
    assert read_config(config).kv_heads == 128


def test_alibi_has_no_bound_on_positions() -> None:
    """Bloom, and falcon with alibi, have no largest position and no rotary elements."""
    for config in (BLOOM, {**FALCON, "alibi": True, "max_position_embeddings": 2048}):
        arch = read_config(config)
        assert (arch.positions, arch.max_positions, arch.rotary_dim) == ("alibi", None, 0)


def test_partial_rotary_positions() -> None:
    """phi-2 rotates 32 of 80 elements of a head, a llama all of them."""
    assert (read_config(PHI).head_dim, read_config(PHI).rotary_dim) == (80, 32)
    assert read_config(LLAMA).rotary_dim == 128


def test_positions_that_are_not_stated_are_those_of_the_class() -> None:
    """Without a stated bound the class's own default is in force."""
    assert read_config(LLAMA).max_positions == 2048
    assert read_config({**LLAMA, "max_position_embeddings": 4096}).max_positions == 4096
    assert read_config(FALCON).max_positions == 2048


@pytest.mark.parametrize(
    ("fields", "window"),
    [
        ({"sliding_window": 4096}, 4096),
        ({"sliding_window": None}, None),
        ({}, 4096),
        ({"sliding_window": 4096, "use_sliding_window": False}, None),
        ({"sliding_window": 4096, "use_sliding_window": True}, 4096),
    ],
)
def test_the_sliding_window_counts_only_where_it_is_in_force(fields: dict[str, Any], window: int | None) -> None:
    """Null and use_sliding_window false switch Mistral's window off; absence leaves the class its 4096."""
    assert read_config({**MISTRAL, **fields}).sliding_window == window


def test_a_sliding_window_of_a_family_without_one_is_ignored() -> None:
    """The class of llama reads no window, so a stated one changes nothing."""
    assert read_config({**LLAMA, "sliding_window": 4096}).sliding_window is None


def test_tied_embeddings_follow_the_class() -> None:
    """Gemma, falcon, gpt2 and bloom tie their head unless told otherwise; llama and mistral do not."""
    assert read_config(GEMMA).tied_embeddings
    assert read_config(FALCON).tied_embeddings
    assert read_config(BLOOM).tied_embeddings
    assert not read_config(LLAMA).tied_embeddings
    assert read_config({**LLAMA, "tie_word_embeddings": True}).tied_embeddings
    assert not read_config({**GEMMA, "tie_word_embeddings": False}).tied_embeddings


@pytest.mark.parametrize(
    ("fields", "dtype"),
    [
        ({}, "float32"),
        ({"torch_dtype": None}, "float32"),
        ({"torch_dtype": "bfloat16"}, "bfloat16"),
        ({"torch_dtype": "torch.float16"}, "float16"),
        ({"dtype": "bfloat16"}, "bfloat16"),
        ({"dtype": "bfloat16", "torch_dtype": "bfloat16"}, "bfloat16"),
    ],
)
def test_the_data_type_is_read_in_old_and_new_spelling(fields: dict[str, Any], dtype: str) -> None:
    """torch_dtype and its newer name mean the same; a checkpoint that states none is in PyTorch's float32."""
    assert read_config({**LLAMA, **fields}).dtype == dtype


def test_stretched_positions_and_own_code_are_noted() -> None:
    """The kind of rope_scaling and the presence of own code are kept, since engines differ in them."""
    arch = read_config(
        {**LLAMA, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}, "auto_map": {"AutoModel": "x.Y"}}
    )
    assert (arch.rope_scaling, arch.custom_code) == ("llama3", True)
    assert read_config({**LLAMA, "rope_scaling": {"type": "linear", "factor": 2.0}}).rope_scaling == "linear"
    plain = read_config({**LLAMA, "rope_scaling": None})
    assert (plain.rope_scaling, plain.custom_code) == (None, False)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"},
            Quantization("awq", 4, 128, None, symmetric=False),
        ),
        (
            {"quant_method": "gptq", "bits": 4, "group_size": -1, "desc_act": True, "sym": True},
            Quantization("gptq", 4, -1, act_order=True, symmetric=True),
        ),
        ({"quant_method": "AWQ", "w_bit": 4, "q_group_size": 64}, Quantization("awq", 4, 64)),
        ({"load_in_8bit": True}, Quantization("bitsandbytes", 8, number="int")),
        (
            {"load_in_4bit": True, "quant_method": "bitsandbytes"},
            Quantization("bitsandbytes", 4, number="fp4"),
        ),
        (
            {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True},
            Quantization("bitsandbytes", 4, number="nf4", double=True),
        ),
        (
            {"quant_method": "awq", "bits": 4, "modules_to_not_convert": ["lm_head"]},
            Quantization("awq", 4, excluded=("lm_head",)),
        ),
        ({"quant_method": "fp8"}, Quantization("fp8", 8, number="float", activations=8)),
        (
            {"quant_method": "fp8", "weight_block_size": [128, 64], "activation_scheme": None},
            Quantization("fp8", 8, number="float", block=(128, 64)),
        ),
        (
            {"quant_method": "gptq", "bits": 4, "is_marlin_format": True, "lm_head": True},
            Quantization("gptq", 4, layout="marlin", head=True),
        ),
        (
            {"quant_method": "quanto", "bits": 4.5, "group_size": "all", "ignore": 3, "weights": "int4"},
            Quantization("quanto"),
        ),
        ({"quant_method": "hqq", "bits": 4, "group_size": 64}, Quantization("hqq", 4, 64)),
        ({"quant_method": "exl2", "bits": 4.65}, Quantization("exl2", average_bits=4.65, head=True)),
        (
            {
                "quant_method": "compressed-tensors",
                "format": "float-quantized",
                "ignore": ["lm_head"],
                "config_groups": {
                    "group_0": {
                        "weights": {"num_bits": 8, "type": "float", "strategy": "tensor"},
                        "input_activations": {"num_bits": 8},
                    }
                },
            },
            Quantization(
                "compressed-tensors",
                8,
                symmetric=True,
                excluded=("lm_head",),
                layout="float-quantized tensor",
                number="float",
                activations=8,
            ),
        ),
    ],
)
def test_quantization_is_read_as_each_method_writes_it(content: dict[str, Any], found: Quantization) -> None:
    """AWQ, GPTQ, bitsandbytes and others are read in their own spellings."""
    assert read_config({**LLAMA, "quantization_config": content}).quantization == found


def test_no_quantization_is_none() -> None:
    """An absent or null quantization_config means that weights are stored plainly."""
    assert read_config(LLAMA).quantization is None
    assert read_config({**LLAMA, "quantization_config": None}).quantization is None


def test_alternative_names_are_read_and_must_agree() -> None:
    """Both names of one size are read, and two that differ contradict each other."""
    aliased = {**without(BLOOM, "hidden_size", "n_head"), "n_embed": 64, "num_attention_heads": 4}
    assert read_config(aliased) == read_config(BLOOM)
    assert faults({**BLOOM, "num_attention_heads": 8}) == ("num_attention_heads: 8 contradicts n_head, which is 4",)


def test_unknown_family_names_the_near_ones() -> None:
    """A family that is not known is refused by name, with the near ones, and never approximated."""
    with pytest.raises(UnknownArchitecture) as error:
        read_config({**LLAMA, "model_type": "lama"})
    known = len(error.value.known)
    assert error.value.suggestion == "llama"
    assert str(error.value).startswith(
        f"model_type 'lama' is not one whose shapes voltaic knows; the nearest of {known} known families are llama, "
    )


def test_a_family_like_no_other_is_told_all_known_ones() -> None:
    """Where nothing is near, the message lists every family that is known."""
    with pytest.raises(UnknownArchitecture) as error:
        read_config({**LLAMA, "model_type": "zzzz"})
    assert str(error.value).endswith(f"known: {', '.join(error.value.known)}.")


def test_all_faults_come_in_one_error() -> None:
    """Every fault of a configuration is in one message, each with the value found and the values allowed."""
    config = {
        **without(MISTRAL, "vocab_size"),
        "hidden_size": "4096",
        "num_attention_heads": True,
        "num_hidden_layers": 0,
        "num_key_value_heads": 8.0,
        "max_position_embeddings": -1,
        "tie_word_embeddings": "no",
        "torch_dtype": "int3",
        "rope_scaling": [],
        "quantization_config": {"bits": "4"},
    }
    with pytest.raises(InvalidConfig) as error:
        read_config(config)
    assert error.value.faults == (
        "hidden_size: found the text '4096', allowed is a whole number from 1 to 1048576",
        "num_attention_heads: found true, allowed is a whole number from 1 to 16384",
        "num_hidden_layers: found 0, allowed is a whole number from 1 to 10000",
        "vocab_size: missing, mistral models have no shape without it",
        "num_key_value_heads: found 8.0, allowed is a whole number from 1 to 16384",
        "max_position_embeddings: found -1, allowed is a whole number from 1 to 1073741824",
        "tie_word_embeddings: found the text 'no', allowed is true or false",
        "torch_dtype: found the text 'int3', allowed is one of float16, bfloat16, float32, float64",
        "quantization_config.quant_method: missing, it names how the weights are stored (awq, gptq, bitsandbytes, …)",
        "quantization_config.bits: found the text '4', allowed is a whole number from 1 to 16",
        "rope_scaling: found a list of 0 items, allowed is an object or null",
    )
    assert str(error.value) == f"config.json cannot be used, 11 faults: {'; '.join(error.value.faults)}."


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        (
            {**LLAMA, "hidden_size": 4097},
            "hidden_size: 4097 is not a multiple of num_attention_heads, which is 32, and head_dim is not stated",
        ),
        ({**PHI, "hidden_size": 2561}, "hidden_size: 2561 is not a multiple of num_attention_heads, which is 32"),
        (
            {**LLAMA, "num_key_value_heads": 5},
            "num_attention_heads: 32 is not a multiple of num_key_value_heads, which is 5",
        ),
        (
            {**PHI, "partial_rotary_factor": 1.5},
            "partial_rotary_factor: found 1.5, allowed is a number above 0, at most 1",
        ),
        (
            {**PHI, "partial_rotary_factor": float("nan")},
            "partial_rotary_factor: found nan, allowed is a number above 0, at most 1",
        ),
        (
            {**LLAMA, "vocab_size": 10**5000},
            "vocab_size: found an integer of 16610 bits, allowed is a whole number from 1 to 16777216",
        ),
        (
            {**LLAMA, "hidden_size": {"a": {}}},
            "hidden_size: found an object of 1 entries, allowed is a whole number from 1 to 1048576",
        ),
        (
            {**LLAMA, "rope_scaling": {"factor": 2.0}},
            "rope_scaling.rope_type: missing, it names how positions are stretched",
        ),
        (
            {**LLAMA, "rope_scaling": {"type": 7}},
            "rope_scaling.type: found 7, allowed is a text",
        ),
        (
            {**LLAMA, "quantization_config": {"quant_method": "gptq", "group_size": 0}},
            "quantization_config.group_size: found 0, allowed is -1 (one group) or a whole number from 1 to 1048576",
        ),
        (
            {**LLAMA, "quantization_config": {"quant_method": "awq", "modules_to_not_convert": "lm_head"}},
            "quantization_config.modules_to_not_convert: found the text 'lm_head', allowed is a list of names or null",
        ),
        (
            {**LLAMA, "quantization_config": {"quant_method": 3}},
            "quantization_config.quant_method: found 3, allowed is a text",
        ),
        (
            {**FALCON, "num_ln_in_parallel_attn": 3},
            "num_ln_in_parallel_attn: found 3, allowed is a whole number from 1 to 2",
        ),
        (without(LLAMA, "model_type"), "model_type: missing, it names the model family"),
        ({"model_type": ["llama"]}, "model_type: found a list of 1 items, allowed is the name of a model family"),
        (
            {"model_type": "x" * 100},
            f"model_type: found the text '{'x' * 40}…', allowed is the name of a model family",
        ),
        ([], "found a list of 0 items, allowed is an object"),
        (None, "found null, allowed is an object"),
    ],
)
def test_each_fault_has_its_sentence(config: Any, fault: str) -> None:
    """Contradictory, absurd and ill-typed values are one fault each: the field, the value and what is allowed."""
    assert faults(config) == (fault,)
