"""The catalogue of known models, and what is served for an id."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import voltaic.models
from voltaic.models import (
    CatalogueModel,
    InvalidConfig,
    catalogue_files,
    checkpoint_bytes,
    known_ids,
    known_model,
    known_models,
    near_ids,
    resolve,
)
from voltaic.models import known as knowledge
from voltaic.units import gib

FILES = sorted((Path(voltaic.models.__file__).parent / "catalogue").glob("*.json"))
CONFIDENCES = {"read", "executed", "reported", "derived", "unverified"}
PROMISED = (
    "microsoft/phi-2",
    "mistralai/Mistral-7B-v0.1",
    "mistralai/Mistral-7B-Instruct-v0.1",
    "mistralai/Mistral-7B-Instruct-v0.2",
    "mistralai/Mistral-7B-Instruct-v0.3",
    "meta-llama/Llama-2-7b-hf",
    "meta-llama/Llama-2-7b-chat-hf",
    "meta-llama/Llama-2-13b-hf",
    "meta-llama/Llama-2-13b-chat-hf",
    "meta-llama/Meta-Llama-3-8B",
    "meta-llama/Meta-Llama-3-8B-Instruct",
    "google/gemma-2b",
    "google/gemma-2b-it",
    "google/gemma-7b",
    "google/gemma-7b-it",
    "tiiuae/falcon-7b",
    "tiiuae/falcon-7b-instruct",
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    "openai-community/gpt2",
    "bigscience/bloom-560m",
    "bigscience/bloom-7b1",
    "TheBloke/Mistral-7B-Instruct-v0.2-AWQ",
    "TheBloke/Llama-2-7B-Chat-AWQ",
    "TheBloke/Llama-2-7B-Chat-GPTQ",
)


def known(model_id: str) -> CatalogueModel:
    """Return a model that must be known."""
    model = known_model(model_id)
    assert model is not None
    return model


@pytest.mark.parametrize("model_id", PROMISED)
def test_the_promised_models_are_known(model_id: str) -> None:
    """Every model of the first slice is in the catalogue and has an architecture."""
    assert known(model_id).id == model_id
    assert known(model_id).architecture.layers > 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_files_are_named_after_their_model_and_sourced(file: Path) -> None:
    """Each file is named after its id, is complete, and says where its facts come from."""
    row = json.loads(file.read_text(encoding="utf-8"))
    assert file.stem == row["id"].replace("/", "--")
    assert set(row) == {
        "id",
        "config",
        "license",
        "gated",
        "chat_template",
        "weights_bytes",
        "largest_file_bytes",
        "sources",
    }
    assert {"config", "access"} <= set(row["sources"])
    for fact in ("weights_bytes", "largest_file_bytes"):
        assert (row[fact] is None) == (fact not in row["sources"])
    for source in row["sources"].values():
        assert source["text"]
        assert source["confidence"] in CONFIDENCES


def test_stated_elements_are_the_bytes() -> None:
    """Where a source tells elements or parameters and their bytes, their product is the size of the checkpoint."""
    told = 0
    for model in known_models():
        source = model.sources.get("weights_bytes")
        match = re.search(
            r"([0-9,]{9,}) (?:stored )?(?:elements|parameters) of (two|four|2|4) bytes", source.text if source else ""
        )
        if match is None:
            continue
        told += 1
        width = {"two": 2, "four": 4, "2": 2, "4": 4}[match[2]]
        assert model.weights_bytes == int(match[1].replace(",", "")) * width, model.id
    assert told >= 90


def test_a_published_size_in_gib_is_met() -> None:
    """Sizes that kaito-project/kaito@056b828 model_catalog.yaml tells to two decimals are the sizes here."""
    for model_id, size in (
        ("Qwen/Qwen3-8B-AWQ", "5.68 GiB"),
        ("microsoft/phi-4", "27.31 GiB"),
        ("microsoft/Phi-3-mini-4k-instruct", "7.12 GiB"),
        ("microsoft/Phi-3-medium-4k-instruct", "26.00 GiB"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "14.96 GiB"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", "27.51 GiB"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "14.19 GiB"),
        ("Qwen/Qwen2.5-Coder-32B-Instruct", "61.03 GiB"),
        ("meta-llama/Llama-3.3-70B-Instruct", "131.42 GiB"),
        ("google/gemma-3-4b-it", "8.01 GiB"),
        ("google/gemma-3-27b-it", "51.10 GiB"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "13.50 GiB"),
    ):
        size_here = known(model_id).weights_bytes
        assert size_here is not None
        assert gib(size_here) == size, model_id


def test_what_many_people_serve_is_known() -> None:
    """There are more than a hundred models of more than a dozen families, and each has an architecture."""
    models = known_models()
    assert len(models) >= 110
    assert len({model.architecture.model_type for model in models}) >= 15
    assert [model.id for model in models] == list(known_ids())


def test_no_id_means_two_models() -> None:
    """Ids and aliases are unique whatever their capitals."""
    names = [name.lower() for model in known_models() for name in (model.id, *model.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("model", known_models(), ids=lambda model: model.id)
def test_sizes_agree_with_the_shapes(model: CatalogueModel) -> None:
    """A checkpoint is as large as its parameters; what is stored beside them is named in its source."""
    if model.weights_bytes is None:
        return
    stored = checkpoint_bytes(model.architecture)
    assert stored is not None
    extra = model.weights_bytes - stored
    beside = {
        "openai-community/gpt2": 12 * 1024 * 1024 * 4,  # causal masks
        "meta-llama/Llama-2-7b-hf": 32 * 64 * 2,  # rotary frequencies
        "meta-llama/Llama-2-7b-chat-hf": 32 * 64 * 2,
        "tiiuae/falcon-7b": 65024 * 4544 * 2,  # the tied head, stored again
        "tiiuae/falcon-7b-instruct": 65024 * 4544 * 2,
        "meta-llama/Llama-2-70b-hf": 80 * 64 * 2,
        "meta-llama/Llama-2-70b-chat-hf": 80 * 64 * 2,
        # biases of zero for every linear layer
        "neuralmagic/Meta-Llama-3.1-8B-Instruct-quantized.w4a16": 2 * 32 * (3 * 4096 + 2 * 1024 + 2 * 14336),
        "tiiuae/falcon-40b": 65024 * 8192 * 2,
        "tiiuae/falcon-40b-instruct": 65024 * 8192 * 2,
        "Qwen/Qwen3-0.6B": 151936 * 1024 * 2,
        "Qwen/Qwen3-1.7B": 151936 * 2048 * 2,
    }
    assert extra == beside.get(model.id, 0)
    if model.largest_file_bytes is not None:
        assert model.largest_file_bytes <= model.weights_bytes * 1.0001


@pytest.mark.parametrize("model_id", ["MISTRALAI/mistral-7b-instruct-V0.2", " mistralai/Mistral-7B-Instruct-v0.2 "])
def test_capitals_do_not_matter(model_id: str) -> None:
    """An id is found whatever its capitals, as the hub leads every spelling to the same repository."""
    assert known(model_id).id == "mistralai/Mistral-7B-Instruct-v0.2"


@pytest.mark.parametrize("model_id", ["microsoft/phi-2", "MICROSOFT/Phi-2", "gpt2", "not/known"])
def test_no_more_than_one_file_is_read_for_an_id(model_id: str) -> None:
    """A plan of one model does not pay for the others: at most its own file is opened, of an unknown id none."""
    knowledge.forget()
    resolve(model_id)
    assert catalogue_files.load.cache_info().misses == (0 if model_id == "not/known" else 1)


def test_an_alias_leads_to_the_model() -> None:
    """The old id of a repository that moved means the same model."""
    assert known("gpt2") is known("openai-community/gpt2")


@pytest.mark.parametrize("model_id", ["mistralai/Mistral-7B-Instruct", "mistralai", "", "Mistral-7B-v0.1"])
def test_part_of_an_id_is_not_an_id(model_id: str) -> None:
    """Only the whole id is found: a part of one is another repository, or none."""
    assert known_model(model_id) is None


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_an_id_or_unknown(model_id: str) -> None:
    """Whatever text comes as an id, the answer is that model or an explained unknown."""
    model = resolve(model_id)
    if known_model(model_id) is None:
        assert model.architecture is None
        assert model.unknown_because
    else:
        assert model.unknown_because is None


def test_near_misses_are_suggested() -> None:
    """A forgotten owner, a slip of the hand and a forgotten ending lead to the right ids."""
    assert near_ids("phi-2") == ("microsoft/phi-2",)
    assert near_ids("mistralai/Mistral-7B-Instruct-v0.02")[0] == "mistralai/Mistral-7B-Instruct-v0.2"
    assert "meta-llama/Llama-2-7b-chat-hf" in near_ids("meta-llama/Llama-2-7b-chat")
    assert near_ids("qq/zz") == ()


def test_a_known_id_is_resolved_with_its_size() -> None:
    """A catalogue id gives architecture and checkpoint size, and hands the revision through."""
    model = resolve("microsoft/phi-2", revision="main")
    assert model.architecture is known("microsoft/phi-2").architecture
    assert (model.id, model.weights_bytes, model.revision) == ("microsoft/phi-2", 5_559_367_680, "main")
    assert (model.unknown_because, model.config) == (None, None)


def test_a_stated_size_wins() -> None:
    """Bytes that the caller measured are not overruled by the catalogue."""
    assert resolve("microsoft/phi-2", weights_bytes=123).weights_bytes == 123


def test_a_given_configuration_wins_over_the_catalogue() -> None:
    """Where a configuration is given it alone decides, whatever the id says."""
    config = {**known("microsoft/phi-2").config, "num_hidden_layers": 3}
    model = resolve("microsoft/phi-2", config=config)
    assert model.architecture is not None
    assert (model.architecture.layers, model.weights_bytes, model.config) == (3, None, config)


def test_an_unknown_id_says_what_would_settle_it() -> None:
    """An id that is not in the catalogue is unknown, with near ids and with what would settle it."""
    assert resolve("mistral/phi-2").unknown_because == (
        "'mistral/phi-2' is not in the catalogue of known models; did you mean microsoft/phi-2? Its config.json "
        "would settle it."
    )
    assert resolve("qq/zz").unknown_because == (
        "'qq/zz' is not in the catalogue of known models. Its config.json would settle it."
    )
    assert resolve("/data/model").unknown_because == (
        "'/data/model' is a path whose config.json is not read here; give the configuration with it"
    )
    assert resolve(None).unknown_because == "neither a model nor its config.json is given"


def test_an_unknown_family_is_unknown_and_keeps_its_configuration() -> None:
    """A configuration of an unknown family is no error but an unknown with its reason."""
    config: dict[str, Any] = {"model_type": "qwen9"}
    model = resolve("some/model", config=config, weights_bytes=7)
    assert model.architecture is None
    assert model.unknown_because is not None
    assert model.unknown_because.startswith("model_type 'qwen9' is not one whose shapes voltaic knows")
    assert (model.config, model.weights_bytes) == (config, 7)


def test_a_malformed_configuration_is_an_error() -> None:
    """A configuration that cannot be is not taken for an unknown family."""
    with pytest.raises(InvalidConfig):
        resolve("some/model", config={"model_type": "llama"})


def test_quantized_repositories_say_so() -> None:
    """The quantized repositories that public recipes name carry their method."""
    for model_id, method in (
        ("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", "awq"),
        ("TheBloke/Llama-2-7B-Chat-AWQ", "awq"),
        ("TheBloke/Llama-2-7B-Chat-GPTQ", "gptq"),
    ):
        quantization = known(model_id).architecture.quantization
        assert quantization is not None
        assert (quantization.method, quantization.bits, quantization.group_size) == (method, 4, 128)
    assert known("mistralai/Mistral-7B-Instruct-v0.2").architecture.quantization is None


def test_base_models_have_no_chat_template() -> None:
    """phi-2 and gpt2 bring no chat template, the instruct models do."""
    assert known("microsoft/phi-2").chat_template is False
    assert known("gpt2").chat_template is False
    assert known("mistralai/Mistral-7B-Instruct-v0.2").chat_template is True
