"""Shapes and parameter counts, against published totals and against the classes of transformers."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.models import (
    Architecture,
    known_model,
    layer_tensors,
    parameter_count,
    read_config,
    tensors,
)

ORACLE = Path(__file__).with_name("oracle")
SHAPES: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((ORACLE / "shapes").glob("*.json"))
}
"""What the classes hold, by file of cases, name of case and release of transformers."""
RELEASES = ("4.57.6", "5.23.0")
_SPEC = importlib.util.spec_from_file_location("oracle_cases", ORACLE / "cases.py")
assert _SPEC is not None
assert _SPEC.loader is not None
CASES = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(CASES)
# Where releases of transformers hold or cache different things, what is found here is what this table says.
DIFFERENT: dict[tuple[str, str], dict[str, int]] = {}
# Elements of two bytes each in the published safetensors index (total_size), or the published count of parameters.
PUBLISHED = {
    "mistralai/Mistral-7B-Instruct-v0.2": 7_241_732_096,
    "mistralai/Mistral-7B-Instruct-v0.3": 7_248_023_552,
    "meta-llama/Llama-2-7b-hf": 6_738_415_616,
    "meta-llama/Llama-2-13b-chat-hf": 13_015_864_320,
    "meta-llama/Meta-Llama-3-8B": 8_030_261_248,
    "microsoft/phi-2": 2_779_683_840,
    "google/gemma-2b": 2_506_172_416,
    "google/gemma-7b-it": 8_537_680_896,
    "tiiuae/falcon-7b": 6_921_720_704,
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 1_100_048_384,
    "openai-community/gpt2": 124_439_808,
    "bigscience/bloom-7b1": 7_069_016_064,
    "bigscience/bloom-560m": 559_214_592,
}
# Bytes that one token adds to the cache at two bytes an element.
KV_BYTES = {
    "microsoft/phi-2": 327_680,
    "mistralai/Mistral-7B-Instruct-v0.2": 131_072,
    "meta-llama/Llama-2-7b-hf": 524_288,
    "meta-llama/Llama-2-13b-hf": 819_200,
    "meta-llama/Meta-Llama-3-8B": 131_072,
    "tiiuae/falcon-7b": 8_192,
    "google/gemma-2b": 18_432,
    "google/gemma-7b": 458_752,
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": 22_528,
    "openai-community/gpt2": 36_864,
    "bigscience/bloom-7b1": 491_520,
}


def architecture(model_id: str) -> Architecture:
    """Return the architecture of a catalogue model."""
    model = known_model(model_id)
    assert model is not None
    return model.architecture


@pytest.mark.parametrize(("model_id", "count"), PUBLISHED.items())
def test_published_counts_are_met_to_the_parameter(model_id: str, count: int) -> None:
    """The parameter count from the configuration is the published one, exactly."""
    assert parameter_count(architecture(model_id)) == count


@pytest.mark.parametrize(("model_id", "size"), KV_BYTES.items())
def test_published_cache_sizes_are_met_to_the_byte(model_id: str, size: int) -> None:
    """One token takes the published bytes of KV cache, exactly, multi-query and stated head sizes included."""
    assert 2 * architecture(model_id).kv_elements_per_token == size


VARIANTS = [(kin, name) for kin, rows in SHAPES.items() if kin != "catalogue" for name in sorted(rows)]


@pytest.mark.parametrize(("kin", "name"), VARIANTS, ids=[name for _, name in VARIANTS])
def test_every_tensor_of_every_variant_is_that_of_transformers(kin: str, name: str) -> None:
    """Names and shapes of all tensors equal those that the class of transformers builds from the same configuration."""
    found = {
        tensor.name.replace("{}", str(number)): list(tensor.shape)
        for tensor in tensors(read_config(CASES.KINS[kin][name]))
        for number in range(tensor.count)
    }
    assert found == SHAPES[kin][name]["tensors"]


def test_every_case_was_built_by_transformers() -> None:
    """No case is compared with nothing: each was built by a release of transformers, and each built one is a case."""
    cases = {"catalogue": CASES.catalogue(), **CASES.KINS}
    assert {kin: set(rows) for kin, rows in SHAPES.items()} == {kin: set(rows) for kin, rows in cases.items()}
    assert all(set(RELEASES) & set(row) for rows in SHAPES.values() for row in rows.values())


@pytest.mark.parametrize("kin", sorted(SHAPES))
def test_counts_and_caches_are_those_of_transformers(kin: str) -> None:
    """Parameters, cache elements per token and states equal what the classes of transformers hold and cache."""
    configs = CASES.catalogue() if kin == "catalogue" else CASES.KINS[kin]
    for name, row in SHAPES[kin].items():
        arch = read_config(configs[name])
        states = sum(cache.layers * (cache.conv_state + cache.recurrent_state) for cache in arch.caches)
        found = {
            "parameters": parameter_count(arch),
            "kv_elements_per_token": arch.transformers_kv_elements_per_token,
            "state_elements": states,
        }
        for release in (release for release in RELEASES if release in row):
            expected = {**row[release], **DIFFERENT.get((name, release), {})}
            assert {**row[release], **found} == expected, (name, release)


def test_falcon_with_the_new_decoder_is_cached_with_all_its_heads_by_transformers_alone() -> None:
    """Its weights produce few K and V heads, and only transformers repeats them before caching."""
    arch = read_config(CASES.VARIANTS["falcon new"])
    assert (arch.heads, arch.kv_heads) == (8, 2)
    assert arch.transformers_kv_elements_per_token == 4 * arch.kv_elements_per_token


def test_tensors_know_their_place() -> None:
    """A layer split can tell what lies before, in and after the layers."""
    places = [tensor.place for tensor in tensors(read_config(CASES.VARIANTS["phi"]))]
    assert places[0] == "embedding"
    assert set(places[1:-4]) == {0, 1}
    assert places[-4:] == ["head"] * 4  # final norm and its bias, head and its bias


def test_only_linear_layers_have_inputs() -> None:
    """Quantizers treat linear layers alone, and are told their inputs, whichever way round the weight is stored."""
    inputs = {tensor.name: tensor.inputs for tensor in tensors(read_config(CASES.VARIANTS["gpt2 narrow, untied"]))}
    assert inputs["transformer.h.0.mlp.c_fc.weight"] == 64
    assert inputs["transformer.h.0.mlp.c_proj.weight"] == 96
    assert inputs["transformer.h.0.mlp.c_proj.bias"] is None
    assert inputs["transformer.wte.weight"] is None
    assert inputs["transformer.h.0.ln_1.weight"] is None
    assert inputs["lm_head.weight"] is None


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a sound llama configuration."""
    kv_heads = draw(st.integers(1, 4))
    heads = kv_heads * draw(st.integers(1, 4))
    return {
        "model_type": "llama",
        "hidden_size": heads * draw(st.integers(1, 32)),
        "num_hidden_layers": draw(st.integers(1, 6)),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": draw(st.integers(1, 300)),
        "vocab_size": draw(st.integers(1, 2000)),
        "tie_word_embeddings": draw(st.booleans()),
        "attention_bias": draw(st.booleans()),
        "mlp_bias": draw(st.booleans()),
    }


@settings(deadline=None)
@given(configs())
def test_the_count_is_the_sum_of_the_tensors(config: dict[str, Any]) -> None:
    """The parameter count equals the sum over all tensors, each of which has a name of its own."""
    arch = read_config(config)
    found = list(tensors(arch))
    assert parameter_count(arch) == sum(tensor.elements for tensor in found)
    assert len({tensor.name for tensor in found}) == len(found)


@settings(deadline=None)
@given(configs())
def test_a_layer_more_adds_exactly_one_layer(config: dict[str, Any]) -> None:
    """Parameters and cache grow with the layers, each by the same amount."""
    arch = read_config(config)
    deeper = read_config({**config, "num_hidden_layers": config["num_hidden_layers"] + 1})
    layer = sum(tensor.elements for tensor in layer_tensors(arch, 0))
    assert parameter_count(deeper) - parameter_count(arch) == layer
    assert deeper.kv_elements_per_token * arch.layers == arch.kv_elements_per_token * deeper.layers


@settings(deadline=None)
@given(configs())
def test_tying_saves_exactly_the_head(config: dict[str, Any]) -> None:
    """A tied output head is held once: the difference is one vocabulary table."""
    tied = read_config({**config, "tie_word_embeddings": True})
    untied = read_config({**config, "tie_word_embeddings": False})
    assert parameter_count(untied) - parameter_count(tied) == tied.vocab * tied.hidden
