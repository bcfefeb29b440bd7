"""What LMDeploy's TurboMind serves where: images and GPUs, models, weights, dtypes, GPUs, arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic.document import spec_from_line
from voltaic.engines.lmdeploy import facts as known
from voltaic.engines.lmdeploy.engine import Lmdeploy
from voltaic.engines.versions import parse_version
from voltaic.engines.ways import ways_of

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

ENGINE = Lmdeploy()
LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 32000,
    "max_position_embeddings": 8192,
    "torch_dtype": "float16",
}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128}
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False}


def spec(version: str | None, gpu: str, *args: str, gpus: int = 1, **config: Any) -> ServingSpec:
    """Return a spec of a Llama of 8B, with these fields of its configuration changed."""
    line = {"gpu": gpu, "gpus": gpus, "engine": "lmdeploy", "engine_version": version, "model_id": "a/b"}
    return spec_from_line({**line, "config": LLAMA | config, "args": list(args)})


def said(found: Any) -> list[tuple[str, str]]:
    """Return answers and messages."""
    return [(support.answer, support.message) for support in found if support.answer != "ok"]


@pytest.mark.parametrize(
    ("version", "gpu", "answer"),
    [
        ("0.5.3", "v100-16gb", "unknown"),
        ("0.6.0", "v100-16gb", "ok"),
        ("0.13.0-cu12", "v100-16gb", "ok"),
        ("v0.10.0-cu12.8", "v100-16gb", "ok"),
        ("0.15.0-cu13", "v100-16gb", "no"),
        ("0.16.0-cu12.8", "v100-16gb", "ok"),
        ("0.16.0-cu13.0", "v100-16gb", "no"),
        ("0.16.0-cu13.0", "t4-16gb", "ok"),
        ("0.16.0", "v100-16gb", "unknown"),
        ("0.16.0", "a100-80gb", "ok"),
        ("0.9.2.post1", "v100-16gb", "ok"),
        ("0.13.0", "mi300x-192gb", "no"),
        ("0.1.0", "v100-16gb", "unknown"),
        ("0.13.0-rocm", "v100-16gb", "unknown"),
        (None, "v100-16gb", "unknown"),
    ],
)
def test_images_on_gpus(version: str | None, gpu: str, answer: str) -> None:
    """CUDA 13 has no code for Volta; what the tag does not say is not known where it matters."""
    found = ENGINE.gpu_support(spec(version, gpu))
    assert found.answer == answer
    assert answer == "ok" or (found.message and found.why and found.fix)


def test_an_unknown_gpu_is_unknown() -> None:
    """Without a GPU model nothing is said about it."""
    found = spec_from_line(
        {"gpu": None, "gpus": 1, "engine": "lmdeploy", "engine_version": "0.13.0", "config": LLAMA, "args": []}
        | {"gpu": "b200-180gb"}
    )
    assert ENGINE.gpu_support(found).answer == "unknown"
    assert ENGINE.model_support(found) == ()
    assert ENGINE.runs(found) is None


@pytest.mark.parametrize(
    ("version", "args", "config", "found"),
    [
        ("0.13.0", (), {}, []),
        ("0.13.0", (), {"quantization_config": AWQ}, []),
        ("0.13.0", (), {"quantization_config": GPTQ}, []),
        ("0.13.0", ("--model-format", "awq"), {"quantization_config": AWQ}, []),
        ("0.13.0", ("--model-format", "awq"), {}, [("no", "the checkpoint is not quantized")]),
        ("0.13.0", ("--model-format", "awq"), {"quantization_config": GPTQ}, [("no", "quantized by gptq")]),
        ("0.13.0", (), {"quantization_config": {**GPTQ, "bits": 8}}, [("no", "8-bit")]),
        ("0.13.0", (), {"quantization_config": {**GPTQ, "desc_act": True}}, [("unknown", "act order")]),
        ("0.6.0", (), {"quantization_config": {**AWQ, "group_size": 64}}, [("unknown", "groups of 64")]),
        ("0.13.0", (), {"quantization_config": {"quant_method": "eetq", "bits": 8}}, [("unknown", "eetq")]),
        ("0.13.0", (), {"model_type": "mistral", "sliding_window": None}, []),
        (
            "0.13.0",
            (),
            {"model_type": "mistral", "sliding_window": None, "quantization_config": AWQ},
            [("no", "4-bit")],
        ),
        ("0.13.0", (), {"model_type": "mistral", "sliding_window": 4096}, [("no", "sliding window")]),
        ("0.13.0", ("--session-len", "4096"), {"model_type": "mistral", "sliding_window": 4096}, []),
        ("0.16.0-cu12.8", (), {"model_type": "mistral"}, [("unknown", "falls back")]),
        ("0.13.0", (), {"model_type": "gemma"}, [("unknown", "falls back")]),
        ("0.7.2", (), {"model_type": "qwen3", "head_dim": 128}, [("unknown", "falls back")]),
        ("0.7.3", (), {"model_type": "qwen3", "head_dim": 128}, []),
        ("0.6.0", (), {"model_type": "qwen2", "num_attention_heads": 64}, [("unknown", "heads of 64 elements")]),
        ("0.13.0", (), {"model_type": "qwen2", "num_attention_heads": 64}, []),
        ("0.13.0", ("--quant-policy", "8"), {"num_attention_heads": 64}, [("no", "heads of 128")]),
        ("0.13.0", ("--quant-policy", "8"), {}, []),
        ("0.13.0", ("--backend", "pytorch"), {}, [("unknown", "PyTorch engine")]),
        ("0.13.0", (), {"torch_dtype": "bfloat16"}, []),
        ("0.13.0", ("--dtype", "bfloat16"), {}, []),
        ("0.6.1", (), {"torch_dtype": "bfloat16"}, [("unknown", "data type")]),
        ("0.6.1", ("--dtype", "float16"), {"torch_dtype": "bfloat16"}, []),
        ("0.6.0", (), {"torch_dtype": "bfloat16"}, [("unknown", "data type")]),
        ("0.13.0", ("c/d",), {}, [("unknown", "loads c/d")]),
    ],
)
def test_models_on_a_v100(
    version: str, args: tuple[str, ...], config: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    """The gate of the release, the table of 4-bit models, windows, heads and data types."""
    asked = spec(version, "v100-16gb", *args, **config)
    answers = said(ENGINE.model_support(asked))
    assert [answer for answer, _ in answers if answer] == [answer for answer, _ in found]
    assert all(word in message for (_, message), (_, word) in zip(answers, found, strict=True))
    assert (ENGINE.runs(asked) is not None) == (not found)


def test_4_bit_weights_on_volta_come_with_0_6_0() -> None:
    """Before 0.6.0 its int4 kernels need compute capability 7.5, and there is no GPTQ."""
    assert said(ENGINE.model_support(spec("0.5.3", "v100-16gb", quantization_config=AWQ)))[0][0] == "no"
    assert said(ENGINE.model_support(spec("0.5.3", "t4-16gb", quantization_config=AWQ))) == []
    assert "no gptq" in said(ENGINE.model_support(spec("0.5.3", "t4-16gb", quantization_config=GPTQ)))[0][1]


def test_an_unknown_model_is_unknown() -> None:
    """A family that nobody knows here is not judged by another."""
    asked = spec("0.13.0", "v100-16gb", model_type="something-new")
    assert [answer for answer, _ in said(ENGINE.model_support(asked))] == ["unknown"]
    assert ENGINE.bill(asked).__class__.__name__ == "NoBill"


@pytest.mark.parametrize(
    ("gpus", "args", "config", "answers"),
    [
        (2, ("--tp", "2"), {}, []),
        (1, ("--tp", "2"), {}, ["no"]),
        (4, ("--tp", "3"), {}, ["no", "no"]),
        (8, ("--tp", "8"), {"num_key_value_heads": 4}, []),
        (2, ("--tp", "2"), {"num_attention_heads": 33, "hidden_size": 33 * 128, "num_key_value_heads": 33}, ["no"]),
    ],
)
def test_ranks_on_gpus(gpus: int, args: tuple[str, ...], config: dict[str, Any], answers: list[str]) -> None:
    """A power of two, as many GPUs as ranks, and heads that can be divided."""
    asked = spec("0.13.0", "v100-16gb", *args, gpus=gpus, **config)
    found = said(ENGINE.shard_support(asked)) + said(ENGINE.model_support(asked))
    assert [answer for answer, _ in found] == answers


@pytest.mark.parametrize(
    ("version", "gpu", "args", "answers"),
    [
        ("0.13.0", "v100-16gb", (), []),
        ("0.13.0", "v100-16gb", ("--cache-block-seq-len", "32"), ["no"]),
        ("0.13.0", "v100-16gb", ("--cache-block-seq-len", "128"), []),
        ("0.13.0", "a100-80gb", ("--cache-block-seq-len", "32"), []),
        ("0.13.0", "v100-16gb", ("--cache-max-entry-count", "0"), ["no"]),
        ("0.13.0", "v100-16gb", ("--cache-max-entry-count", "500"), ["unknown"]),
        ("0.16.0-cu12.8", "v100-16gb", ("--cache-max-entry-count", "500"), ["no"]),
        ("0.13.0", "v100-16gb", ("--session-len", "0"), ["no"]),
        ("0.13.0", "v100-16gb", ("--dp", "2"), ["unknown"]),
    ],
)
def test_arguments(version: str, gpu: str, args: tuple[str, ...], answers: list[str]) -> None:
    """Blocks of 64 tokens below 8.0, a share between 0 and 1, and what nobody knows."""
    assert [answer for answer, _ in said(ENGINE.argument_support(spec(version, gpu, *args)))] == answers


def test_what_must_be_set() -> None:
    """On a V100 float16 is said aloud where the release has the option; batches are bounded by --max-batch-size."""
    assert ENGINE.required_options(spec("0.13.0", "v100-16gb")) == {"dtype": "float16"}
    assert ENGINE.required_options(spec("0.13.0", "v100-16gb", "--dtype", "float16")) == {}
    assert ENGINE.required_options(spec("0.6.0", "v100-16gb")) == {}
    assert ENGINE.required_options(spec("0.13.0", "a100-80gb")) == {}
    assert ENGINE.environment(spec("0.13.0", "v100-16gb")) == {}
    assert ENGINE.batch_bound("0.13.0") == "max_batch_size"


def test_other_shares_are_tried_nearest_first() -> None:
    """The search for ways out tries shares beside the one that is set, and no variable says any option."""
    assert ways_of(ENGINE) is ENGINE
    first = next(iter(ENGINE.memory_shares(spec("0.13.0", "v100-16gb"))))
    assert first in ({"cache_max_entry_count": 0.9}, {"cache_max_entry_count": 0.7})
    assert ENGINE.variables_for({"tp": 2}) == frozenset()


@pytest.mark.parametrize("arch", ENGINE.archs())
def test_the_matrix_says_where_each_answer_is_from(arch: str) -> None:
    """Every release has one answer on starting first, and every cell has a source."""
    for version in ENGINE.releases():
        cells = list(ENGINE.matrix(version, arch))
        assert [cell.topic for cell in cells].count("starts") == 1
        assert cells[0].topic == "starts"
        assert all(cell.source.text for cell in cells)


def test_facts_are_in_order() -> None:
    """Releases ascend, the recommended one is among them, and every type stands for a class that is known."""
    numbers = [parse_version(version) for version in ENGINE.releases()]
    assert numbers == sorted(numbers, key=lambda number: number or (0, 0, 0))
    assert known.facts()["recommended"] in ENGINE.releases()
    for name in known.facts()["classes"]["types"].values():
        assert known.class_releases(name)
