"""Shapes and parameter counts, against published totals and against the classes of transformers."""

from __future__ import annotations

import importlib.util
import json
from math import prod
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
# Where releases of transformers hold or cache different things: what `release` has beside what is found here.
DIFFERENT: dict[tuple[str, str], dict[str, int]] = {
    # Transformers 5 ties the head as the composite model, not its decoder, states.
    ("mistral3", "5.23.0"): {"parameters": -1000 * 64},
    ("smolvlm", "5.23.0"): {"parameters": -1000 * 64},
    # It has no biases in experts, and no projections to keys and values that nothing uses.
    ("ernie4_5_moe interval, biases", "5.23.0"): {"parameters": -2 * 5 * (32 + 32 + 64)},
    ("gemma3n_text", "5.23.0"): {"parameters": -4 * (2 * 24 * 64 + 12)},
    # Transformers 4 keeps the keys and values that others share a second time.
    ("gemma3n_text", "4.57.6"): {"kv_elements_per_token": 2 * 2 * 2 * 12},
    ("gemma3n_text widths, types", "4.57.6"): {"kv_elements_per_token": 2 * 2 * 2 * 256},
    # Transformers 5 keeps the window only in a cache that it is given.
    ("recurrent_gemma", "5.23.0"): {"kv_elements_per_token": -2 * 8},
    ("recurrent_gemma plain", "5.23.0"): {"kv_elements_per_token": -2 * 2 * 64},
    # Transformers 4 writes convolution states for attention layers too.
    ("lfm2", "4.57.6"): {"state_elements": 2 * 64 * 3},
    ("lfm2 adjusted", "4.57.6"): {"state_elements": 64 * 3},
}
UNMEASURED: set[str] = set()
"""Cases whose class cannot run without weights."""
GIVEN_A_CACHE = ("jamba", "bamba", "falcon_h1", "granitemoehybrid")
"""Families whose class of transformers 4 keeps nothing unless it is given a cache."""
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


def unfolded(kept: dict[str, list[str]]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor by its full name."""
    found = {}
    for name, entries in kept.items():
        for entry in entries:
            shape, *numbered = entry.split(" ")
            for numbers in numbered or [""]:
                full = name
                for number in numbers.split(".") if numbers else ():
                    full = full.replace("{}", number, 1)
                found[full] = tuple(map(int, shape.split("x")))
    return found


def fused(found: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return the tensors with those of a layer's experts as one sum: transformers 5 keeps them in one tensor."""
    names: dict[str, Any] = {}
    for name, shape in found.items():
        before, experts, _ = name.partition(".experts.")
        if experts:
            names[before + experts] = names.get(before + experts, 0) + prod(shape)
        else:
            names[name] = shape
    return names


@pytest.mark.parametrize(("kin", "name"), VARIANTS, ids=[name for _, name in VARIANTS])
def test_every_tensor_of_every_variant_is_that_of_transformers(kin: str, name: str) -> None:
    """Names and shapes of all tensors equal those that the class of transformers builds from the same configuration."""
    found = {
        tensor.name.replace("{}", str(number)): tensor.shape
        for tensor in tensors(read_config(CASES.KINS[kin][name]))
        for number in range(tensor.count)
    }
    row = SHAPES[kin][name]
    kept = unfolded(row["tensors"])
    if row["names of"].startswith("5."):
        assert fused(found) == fused(kept)
    else:
        assert found == kept


def test_every_case_was_built_by_transformers() -> None:
    """No case is compared with nothing: each was built by a release of transformers, and each built one is a case."""
    cases = {"catalogue": CASES.catalogue(), **CASES.KINS}
    assert {kin: set(rows) for kin, rows in SHAPES.items()} == {kin: set(rows) for kin, rows in cases.items()}
    assert all(set(RELEASES) & set(row) for rows in SHAPES.values() for row in rows.values())


def measured(arch: Architecture, release: str) -> dict[str, int]:
    """Return what this release of transformers holds and keeps: 5 caches latents, both cache what an encoder said."""
    latent = sum(cache.layers * cache.latent for cache in arch.caches)
    grown = sum(cache.elements_per_token for cache in arch.caches if not cache.latent) + latent
    kept = arch.encoder_layers and sum(cache.elements_per_token for cache in arch.caches if cache.kind == "cross")
    # Transformers 5 ties the head of an encoder-decoder whatever is stated.
    tied = arch.vocab * arch.hidden if arch.encoder_layers and not arch.tied_embeddings else 0
    return {
        "parameters": parameter_count(arch) - (tied if release.startswith("5.") else 0),
        "kv_elements_per_token": (
            grown if latent and release.startswith("5.") else arch.transformers_kv_elements_per_token + kept
        ),
        "state_elements": sum(cache.layers * (cache.conv_state + cache.recurrent_state) for cache in arch.caches),
    }


@pytest.mark.parametrize(("kin", "release"), [(kin, release) for kin in sorted(SHAPES) for release in RELEASES])
def test_counts_and_caches_are_those_of_transformers(kin: str, release: str) -> None:
    """Parameters, cache elements per token and states equal what the classes of transformers hold and cache."""
    configs = CASES.catalogue() if kin == "catalogue" else CASES.KINS[kin]
    expected, found = {}, {}
    for name, row in SHAPES[kin].items():
        if release not in row or name not in configs:
            continue
        arch = read_config(configs[name])
        found[name] = measured(arch, release)
        for key, more in DIFFERENT.get((name, release), {}).items():
            found[name][key] += more
        if release.startswith("4.") and arch.model_type in GIVEN_A_CACHE:
            found[name] |= {"kv_elements_per_token": 0, "state_elements": 0}
        expected[name] = {**found[name], **row[release]}
        # Of a class that cannot run without weights no cache was measured: the next test says which.
    assert found == expected


def test_nearly_every_cache_was_measured() -> None:
    """What a class caches was measured on the cache that it fills itself, but for cases that are known by name."""
    missing = {
        name
        for rows in SHAPES.values()
        for name, row in rows.items()
        if not any("kv_elements_per_token" in row[release] for release in RELEASES if release in row)
    }
    assert missing == UNMEASURED


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
