"""Configurations of strangers: whatever comes, the answer is an architecture or one of two errors."""

from __future__ import annotations

import json
import runpy
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.models import Architecture, InvalidConfig, UnknownArchitecture, known_models, parameter_count, read_config
from voltaic.models.families import bounds, families
from voltaic.models.parameters import layer_groups

VARIANTS: dict[str, dict[str, Any]] = {
    name: config
    for file in sorted((Path(__file__).with_name("oracle") / "families").glob("*.py"))
    for name, config in runpy.run_path(str(file))["VARIANTS"].items()
} | runpy.run_path(str(Path(__file__).with_name("oracle") / "custom_code.py"))["CASES"]
"""Small sound configurations of every family."""
KEYS = sorted(
    {
        key.partition(".")[0]
        for family in families().values()
        for table in (family.fields, family.sizes, family.flags)
        for keys in table.values()
        for key in keys
    }
    | {key for config in VARIANTS.values() for key in config}
    | {"vocab_size", "torch_dtype", "dtype", "tie_word_embeddings", "rope_scaling", "quantization_config"}
    | {"use_sliding_window", "auto_map", "architectures"}
)
SMALL = st.integers(-2, 70)
HUGE = st.sampled_from([2**31, 2**63, 2**64, 10**30, -(10**30), 10**4000])
SCALARS = st.none() | st.booleans() | SMALL | HUGE | st.floats() | st.text(max_size=60)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
QUANTIZATION_KEYS = [
    "quant_method",
    "bits",
    "w_bit",
    "group_size",
    "q_group_size",
    "desc_act",
    "sym",
    "zero_point",
    "load_in_8bit",
    "load_in_4bit",
    "modules_to_not_convert",
]
QUANTIZATION = st.dictionaries(
    st.sampled_from(
        [
            "quant_method",
            "bits",
            "w_bit",
            "group_size",
            "q_group_size",
            "desc_act",
            "sym",
            "zero_point",
            "load_in_8bit",
            "load_in_4bit",
            "modules_to_not_convert",
        ]
    ),
    ANYTHING | st.sampled_from(["awq", "gptq", 4, 128, True]),
    max_size=6,
)
CATALOGUE = [dict(model.config) for model in known_models()]


def answer(config: Any) -> Architecture | InvalidConfig | UnknownArchitecture:
    """Return the architecture, or one of the two errors; whatever else is raised fails the test."""
    try:
        return read_config(config)
    except (InvalidConfig, UnknownArchitecture) as error:
        return error


def sound(arch: Architecture) -> None:
    """Check what holds for every architecture that is accepted."""
    assert parameter_count(arch) > 0
    assert 1 <= arch.kv_heads <= arch.heads
    assert 0 <= arch.rotary_dim <= arch.head_dim
    assert all(cache.layers > 0 for cache in arch.caches)
    assert len(arch.pattern) == (arch.layers if arch.kinds else 0)
    assert sum(group.count for group in layer_groups(arch)) == arch.layers


def check_message(error: InvalidConfig | UnknownArchitecture) -> None:
    """Check that an error is one that a person can read."""
    if isinstance(error, UnknownArchitecture):
        assert error.known == tuple(sorted(families()))
        assert repr(error.model_type) in str(error)
    else:
        assert error.faults
        assert all(fault and "\n" not in fault and len(fault) < 300 for fault in error.faults)
        assert len(set(error.faults)) == len(error.faults)
        assert str(error).startswith("config.json cannot be used, ")


@settings(deadline=None)
@given(ANYTHING)
def test_any_value_at_all(config: Any) -> None:
    """Any JSON value, nested as it may be, is answered without another error."""
    found = answer(config)
    assert not isinstance(found, Architecture)  # no drawn value has the fields of a model
    check_message(found)


@settings(deadline=None, max_examples=500)
@given(
    st.sampled_from(sorted(families())),
    st.dictionaries(st.sampled_from(KEYS), ANYTHING | QUANTIZATION | st.sampled_from([8, 64, 128])),
)
def test_any_value_in_any_field(model_type: str, config: dict[str, Any]) -> None:
    """Any value in the fields that are read is answered, and what is accepted has sizes within bounds."""
    arch = answer({**config, "model_type": model_type})
    if not isinstance(arch, Architecture):
        check_message(arch)
        return
    sizes = bounds()
    sound(arch)
    assert 1 <= arch.layers <= sizes["layers"]
    assert 1 <= arch.hidden <= sizes["hidden"]
    assert 1 <= arch.kv_heads <= arch.heads <= sizes["heads"]
    assert arch.heads % arch.kv_heads == 0
    assert 0 <= arch.rotary_dim <= arch.head_dim
    assert parameter_count(arch) > 0


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(CATALOGUE), st.data())
def test_one_broken_field_of_a_real_model(config: dict[str, Any], data: st.DataObject) -> None:
    """A published configuration with one field replaced is read, or refused with that field named."""
    key = data.draw(st.sampled_from(sorted(config)))
    value = data.draw(ANYTHING)
    found = answer({**config, key: value})
    if isinstance(found, InvalidConfig):
        assert any(key in fault for fault in found.faults)
    elif isinstance(found, UnknownArchitecture):
        assert key in {"model_type", "text_config", "vision_config"}


@settings(deadline=None)
@given(st.sampled_from(CATALOGUE), st.data())
def test_a_missing_field_of_a_real_model(config: dict[str, Any], data: st.DataObject) -> None:
    """A published configuration without one of its fields is read by the class's default, or refused with it named."""
    key = data.draw(st.sampled_from(sorted(config)))
    left = {name: value for name, value in config.items() if name != key}
    found = answer(left)
    assert not isinstance(found, UnknownArchitecture)
    if isinstance(found, InvalidConfig):
        assert len(found.faults) == 1
        assert key in found.faults[0]
        assert "missing" in found.faults[0]


@pytest.mark.parametrize("model", known_models(), ids=lambda model: model.id)
def test_unknown_fields_change_nothing(model: Any) -> None:
    """Fields that nobody reads, however many, leave the architecture as it is."""
    noise = {f"field_{number}": {"nested": [number]} for number in range(1000)}
    assert read_config({**noise, **model.config}) == model.architecture


LAYERS = ["full_attention", "sliding_attention", "linear_attention", "conv", "mamba", "attention"]
ODD = (
    ANYTHING | st.lists(st.sampled_from(LAYERS), max_size=5) | st.lists(SMALL, max_size=5) | st.text("M*-E", max_size=5)
)


@settings(deadline=None, max_examples=1500)
@given(st.sampled_from(sorted(VARIANTS)), st.data())
def test_a_sound_model_of_any_family_with_broken_fields(name: str, data: st.DataObject) -> None:
    """Of whatever family, fields that are broken, missing or of other families are read or refused, never a crash."""
    config = dict(VARIANTS[name])
    for _ in range(data.draw(st.integers(1, 3))):
        inner = [key for key, value in config.items() if isinstance(value, dict)]
        target = config
        if inner and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(inner))
            target = config[key] = dict(config[key])
        key = data.draw(st.sampled_from(sorted(target) or KEYS) | st.sampled_from(KEYS))
        if data.draw(st.integers(0, 9)):
            target[key] = data.draw(ODD)
        else:
            target.pop(key, None)
    found = answer(config)
    if isinstance(found, Architecture):
        sound(found)
    else:
        check_message(found)


def test_every_family_has_a_sound_model() -> None:
    """No family escapes the tests of broken fields: each has a configuration that is read."""
    assert {config["model_type"] for config in VARIANTS.values()} == set(families())
    for config in VARIANTS.values():
        sound(read_config(config))


@pytest.mark.parametrize(
    ("name", "broken", "fault"),
    [
        ("llava", {"text_config": None}, "text_config: missing, it says what decoder the model has"),
        ("llava", {"vision_config": None}, "vision_config: missing, it says what tower the model has"),
        ("gemma3", {"text_config": 3}, "text_config: found 3, allowed is an object or null"),
        (
            "llava",
            {"text_config": {"model_type": "llama", "hidden_size": "64"}},
            "text_config.hidden_size: found the text '64', allowed is a whole number from 1 to 1048576",
        ),
        (
            "gemma2",
            {"layer_types": ["full_attention"]},
            "layer_types: found a list of 1 items, allowed is a list of 3 items, one for each layer",
        ),
        (
            "qwen3",
            {"layer_types": ["full", "full_attention", "full_attention"]},
            "layer_types: found the text 'full', allowed is a list of full_attention, sliding_attention",
        ),
        (
            "mixtral",
            {"num_experts_per_tok": 6},
            "num_experts_per_tok: 6 is more than num_local_experts, which is 5",
        ),
        (
            "dbrx",
            {"ffn_config": [1]},
            "ffn_config: found a list of 1 items, allowed is an object or null",
        ),
        (
            "nemotron_h",
            {"hybrid_override_pattern": "M*X-"},
            "hybrid_override_pattern: allowed is one of M, *, - and E for each of 4 layers",
        ),
        (
            "gemma3n_text",
            {"num_kv_shared_layers": 10},
            "num_kv_shared_layers: 10 of 10 layers leave none whose keys and values each could use",
        ),
        (
            "mamba2",
            {"num_heads": 15},
            "num_heads: 15 heads of 8 elements are not the 128 of the mixer",
        ),
        (
            "deepseek_v3",
            {"moe_layer_freq": 2},
            "moe_layer_freq: the class knows 1 alone",
        ),
        (
            "llama4",
            {"text_config": {"model_type": "llama4_text", "num_hidden_layers": 2, "no_rope_layers": [1]}},
            "text_config.no_rope_layers: 1 items, allowed is one for each of 2 layers",
        ),
    ],
)
def test_each_fault_of_a_family_has_its_sentence(name: str, broken: dict[str, Any], fault: str) -> None:
    """What contradicts itself within a family's own fields is named with the field, the value and what is allowed."""
    with pytest.raises(InvalidConfig) as error:
        read_config({**VARIANTS[name], **broken})
    assert fault in error.value.faults


@pytest.mark.parametrize(
    ("name", "broken", "part"),
    [
        ("llava", {"vision_config": {"model_type": "vit"}}, "a tower of the family the text 'vit'"),
        ("llava", {"text_config": {"model_type": "opus"}}, "a decoder of the family the text 'opus'"),
        ("llava", {"text_config": {"model_type": "llava"}}, "a decoder of the family the text 'llava'"),
        ("mpt", {"attn_config": {"kv_n_heads": 2}}, "a model with fewer K and V heads than query heads"),
        ("mpt", {"attn_config": {"attn_type": "multiquery_attention"}}, "a model with fewer K and V heads"),
        ("mpt", {"no_bias": False}, "a model with biases"),
        ("mpt", {"attn_config": {"alibi": False}}, "a model without ALiBi"),
        ("nemotron_h", {"moe_latent_size": 8}, "a model with moe_latent_size"),
    ],
)
def test_parts_without_known_shapes_make_a_model_unknown(name: str, broken: dict[str, Any], part: str) -> None:
    """A known family with a part whose shapes are not known is unknown, and the part is named."""
    with pytest.raises(UnknownArchitecture, match="whose shapes voltaic does not know") as error:
        read_config({**VARIANTS[name], **broken})
    assert part in str(error.value)


@pytest.mark.parametrize("name", ["gemma3_text", "nemotron_h", "qwen3_next", "qwen2_moe", "llava"])
def test_ten_thousand_layers_stay_cheap(name: str) -> None:
    """A model of as many layers as are accepted, of several kinds, costs milliseconds, and so does its count."""
    deep: dict[str, Any] = {**VARIANTS[name], "num_hidden_layers": 10_000}
    if name == "nemotron_h":
        deep["hybrid_override_pattern"] = "M-M*" * 2500
    if name == "llava":
        deep["text_config"] = {**deep["text_config"], "num_hidden_layers": 10_000}
        deep["vision_config"] = {**deep["vision_config"], "num_hidden_layers": 10_000}
    start = time.perf_counter()
    arch = read_config(deep)
    sound(arch)
    assert len(layer_groups(arch)) <= 4
    assert time.perf_counter() - start < 0.2


@pytest.mark.parametrize("share", [10**4000, -(10**4000), float("nan"), float("inf"), 0, 1.5, True])
def test_a_share_that_is_none_is_a_fault(share: Any) -> None:
    """A share of rotated elements is above 0 and at most 1, be it a number too large for a float or none at all."""
    with pytest.raises(InvalidConfig, match="partial_rotary_factor: found "):
        read_config({**VARIANTS["phi"], "partial_rotary_factor": share})


def test_widths_of_layers_may_not_all_differ() -> None:
    """A model whose layers all have widths of their own would cost as many kinds; it is refused."""
    config = {**VARIANTS["gemma3n_text"], "num_hidden_layers": 100, "intermediate_size": list(range(1, 101))}
    with pytest.raises(InvalidConfig, match="100 different widths, allowed are 64"):
        read_config(config)


def test_values_too_deep_to_compare_contradict_each_other() -> None:
    """Two names of one size, each nested a hundred thousand times, are faults without recursion."""
    one: Any = []
    other: Any = []
    for _ in range(100_000):
        one, other = [one], [other]
    with pytest.raises(InvalidConfig, match="n_embd"):
        read_config({**VARIANTS["gpt2"], "n_embd": one, "hidden_size": other})


def test_ten_megabytes_are_answered_at_once() -> None:
    """A configuration of ten megabytes costs no more than its own parsing."""
    text = json.dumps({**CATALOGUE[0], "padding": ["x" * 100] * 100_000})
    assert len(text) > 10_000_000
    config = json.loads(text)
    start = time.perf_counter()
    read_config(config)
    assert time.perf_counter() - start < 0.1


def test_the_deepest_nesting_is_answered() -> None:
    """A value nested a hundred thousand times is a fault like any other, without recursion."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidConfig, match="hidden_size: found a list of 1 items"):
        read_config({**CATALOGUE[-1], "hidden_size": deep})
