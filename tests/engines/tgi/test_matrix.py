"""The printed matrix: it says what a verdict says, for every release and architecture."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from voltaic.engines import engine
from voltaic.engines.base import HasMatrix
from voltaic.engines.tgi import capability, matrix, model_support, releases
from voltaic.engines.tgi.deployment import deployment
from voltaic.engines.tgi.options import options
from voltaic.engines.tgi.routes import routes
from voltaic.hardware import gpu_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from voltaic.engines.base import Engine, MatrixCell
    from voltaic.spec import ServingSpec

    SpecOf = Callable[..., ServingSpec]


def tgi() -> Engine:
    """The engine under test."""
    found = engine("tgi")
    assert found is not None
    return found


def cell(version: str, arch: str, subject: str, setting: str) -> MatrixCell:
    """Return one cell."""
    return next(c for c in matrix.cells(version, arch) if (c.subject, c.setting) == (subject, setting))


def test_tgi_has_a_matrix() -> None:
    """The engine answers for every architecture of its facts, gfx90a included."""
    found = tgi()
    assert isinstance(found, HasMatrix)
    assert found.archs() == capability.ARCHS
    assert next(iter(found.matrix("3.0.1", "gfx90a"))).topic == "starts"
    assert list(matrix.cells("9.9.9", "sm_70")) == []


def test_no_cell_contradicts_another() -> None:
    """A subject has one answer a setting, every answer a source, and every refusal says what the log shows."""
    for version, arch in product(
        ("1.1.0", "1.4.2", "2.0.2", "2.0.4", "2.3.0", "3.0.1", "3.1.1", "3.3.7"), capability.ARCHS
    ):
        cells = list(matrix.cells(version, arch))
        keys = [(c.topic, c.subject, c.setting) for c in cells]
        assert len(set(keys)) == len(keys), (version, arch)
        assert cells[0].topic == "starts"
        assert all(c.source.text for c in cells)
        assert all(c.message for c in cells if c.answer in {"no", "differs"}), (version, arch)


def test_starting_is_what_a_verdict_says_of_every_gpu(spec_of: SpecOf) -> None:
    """What is printed as starting is what the rule about release and GPU accepts, with what must be set."""
    for gpu, version in product(gpu_models(), releases.versions()):
        first = next(iter(matrix.cells(version, gpu.arch)))
        env = dict([first.needs.split("=")]) if first.needs else {}
        spec = spec_of(version, gpu.name, "microsoft/phi-2", [], env)
        assert tgi().gpu_support(spec).answer == first.answer, (version, gpu.name)


MODELS = {
    "llama": "meta-llama/Llama-2-7b-chat-hf",
    "mistral": "mistralai/Mistral-7B-Instruct-v0.2",
    "phi": "microsoft/phi-2",
    "qwen3": "Qwen/Qwen3-0.6B",
    "bloom": "bigscience/bloom-7b1",
}


@pytest.mark.parametrize("model_type", MODELS)
def test_families_are_what_a_verdict_says(spec_of: SpecOf, model_type: str) -> None:
    """A family that is printed as served, refused or not known is so to the rule about models, sharded or not."""
    for version, gpu in product(("1.2.0", "1.4.5", "2.0.4", "3.0.1", "3.1.1", "3.3.0"), ("v100-16gb x2", "l4-24gb x2")):
        arch = "sm_70" if gpu.startswith("v100") else "sm_89"
        for shards, setting in (("1", "1 shard"), ("2", "several shards")):
            printed = cell(version, arch, model_type, setting)
            needs = [need for need in printed.needs.split(", ") if need]
            args = ["--num-shard", shards, *(word for need in needs if need.startswith("--") for word in need.split())]
            env = dict(need.split("=") for need in needs if not need.startswith("--"))
            if not env and next(iter(matrix.cells(version, arch))).needs:
                env = {"USE_FLASH_ATTENTION": "false"}
            if printed.answer == "differs":  # what must be set makes it right, or nothing does
                args = args[:2]
            limits = ["--max-input-length", "512", "--max-total-tokens", "1024", "--max-batch-prefill-tokens", "1024"]
            spec = spec_of(version, gpu, MODELS[model_type], [*args, *limits], env)
            answers = {support.answer for support in model_support.model_support(spec)}
            expected = {"ok": set(), "no": {"no"}, "differs": {"no"}, "unknown": {"unknown"}}[printed.answer]
            assert expected <= answers, (version, gpu, setting, printed)
            assert "no" not in answers or printed.answer in {"no", "differs"}, (version, gpu, setting, printed)


def test_adapted_classes_are_not_promised(spec_of: SpecOf) -> None:
    """Qwen 3 runs on TGI's flash attention through the class of Transformers; nobody has measured that."""
    spec = spec_of("3.3.7", "l4-24gb", "Qwen/Qwen3-0.6B", ["--num-shard", "1"])
    (found,) = model_support.model_support(spec)
    assert found.answer == "unknown"
    assert "the Transformers class of Qwen 3 on its own flash attention" in found.message


def test_bfloat16_ends_flash_attention_v1(spec_of: SpecOf) -> None:
    """On a T4 the flash attention of 2.0.4 takes float16 alone; Gemma is served in bfloat16 unless told otherwise."""
    asked = spec_of("2.0.4", "t4-16gb", MODELS["llama"], ["--num-shard", "1", "--dtype", "bfloat16"])
    (found,) = model_support.model_support(asked)
    assert found.message.startswith("TGI 2.0.4 cannot use bfloat16 on NVIDIA T4")
    own = spec_of("2.0.4", "t4-16gb", "google/gemma-2b-it", ["--num-shard", "1"])
    assert any("which Gemma is served in unless told otherwise" in s.message for s in model_support.model_support(own))
    half = spec_of("2.0.4", "t4-16gb", "google/gemma-2b-it", ["--num-shard", "1", "--dtype", "float16"])
    assert not [s for s in model_support.model_support(half) if "bfloat16" in s.message]


def test_amd_knows_no_sliding_window(spec_of: SpecOf) -> None:
    """The attention for AMD GPUs refuses inputs beyond the window, flash attention or not."""
    args = ["--num-shard", "1", "--max-input-tokens", "6000", "--max-total-tokens", "8000"]
    model = "mistralai/Mistral-7B-Instruct-v0.1"
    (found,) = model_support.model_support(spec_of("3.0.1", "mi300x-192gb", model, args))
    assert "The backend rocm does not support sliding window attention" in found.message
    assert model_support.model_support(spec_of("3.0.1", "l4-24gb", model, args)) == ()


def test_routes_are_those_that_a_pod_is_told(spec_of: SpecOf) -> None:
    """Routes by release, and what a deployment knows of them, are the same facts."""
    by_path = {route.path: route for route in routes()}
    for version in releases.versions():
        known = releases.release(version)
        assert known is not None
        told = deployment(version)
        assert told.chat_completions == by_path["/v1/chat/completions"].answers(known.version)
        assert told.lists_models == by_path["/v1/models"].answers(known.version)
    assert not by_path["/vertex"].answers((3, 3, 7))


def test_options_that_do_nothing_are_named_by_implementation() -> None:
    """The share of memory means nothing to Transformers' AutoModel, and something to TGI's own models."""
    unread = {(c.subject, c.setting) for c in matrix.cells("3.0.1", "sm_70") if c.message.endswith("does nothing")}
    assert ("--cuda-memory-fraction", "transformers-fallback") in unread
    assert ("--cuda-memory-fraction", "native-tensor-parallel") not in unread
    assert ("ATTENTION", "native-tensor-parallel") in unread
    assert not any(setting == "flash" for _, setting in unread)
    assert not any(subject in {"HF_TOKEN", "FLASH_DECODING"} for subject, _ in unread)


def test_quantizations_without_checkpoints_are_asked_of_plain_weights_alone() -> None:
    """No repository holds weights in eetq, so there is no answer about them; of AWQ there are both."""
    weights = {(c.subject, c.setting) for c in matrix.cells("3.0.1", "sm_80") if c.topic == "weights"}
    assert ("eetq", "flash, plain weights") in weights
    assert ("eetq", "flash, weights quantized by it") not in weights
    assert ("awq", "flash, weights quantized by it") in weights
    assert capability.on_the_fly() <= set(options().by_name["quantize"].values(None))


def test_a_start_that_needs_a_setting_says_what_becomes_of_it_without() -> None:
    """On a T4 flash attention v1 is selected from 2.3.1 on, and nobody has shown that it serves."""
    for release, said in (("2.2.0", "only supports Ampere"), ("3.3.7", "not known; flash attention v1 is selected")):
        cell = next(iter(matrix.cells(release, "sm_75")))
        assert (cell.answer, cell.needs) == ("ok", "USE_FLASH_ATTENTION=false")
        assert said in cell.message
