"""Configurations of strangers: whatever comes, the answer is an architecture or one of two errors."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.models import Architecture, InvalidConfig, UnknownArchitecture, known_models, parameter_count, read_config
from voltaic.models.families import bounds, families

KEYS = sorted(
    {key for family in families().values() for keys in family.fields.values() for key in keys}
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


def check_message(error: InvalidConfig | UnknownArchitecture) -> None:
    """Check that an error is one that a person can read."""
    if isinstance(error, UnknownArchitecture):
        assert error.known == tuple(sorted(families()))
        assert repr(error.model_type) in str(error)
    else:
        assert error.faults
        assert all(fault and "\n" not in fault and len(fault) < 300 for fault in error.faults)
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
        assert key == "model_type"


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
