"""What llama.cpp's server serves where: images and GPUs, models, files, caches, splits, arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic.document import spec_from_line
from voltaic.engines.llama_cpp.engine import LlamaCpp
from voltaic.engines.llama_cpp.names import base_model

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

ENGINE = LlamaCpp()
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
FULL = ("-m", "/m/mistral-7b-instruct-v0.2.Q4_K_M.gguf", "-c", "4096", "-ngl", "99")


def spec(version: str | None, *args: str, gpu: str = "v100-16gb", gpus: int = 1, model: str = MISTRAL) -> ServingSpec:
    """Return a spec of a known model."""
    line = {"gpu": gpu, "gpus": gpus, "engine": "llama.cpp", "engine_version": version, "model": model}
    return spec_from_line({**line, "args": list(args)})


def said(found: Any) -> list[tuple[str, str]]:
    """Return answers and messages."""
    return [(support.answer, support.message) for support in found if support.answer != "ok"]


@pytest.mark.parametrize(
    ("version", "gpu", "answer"),
    [
        ("b9000", "v100-16gb", "ok"),
        ("9000", "v100-16gb", "ok"),
        ("server-cuda-b9000", "v100-16gb", "ok"),
        ("cuda12-b9000", "v100-16gb", "ok"),
        ("cuda13-b9000", "v100-16gb", "no"),
        ("server-cuda13", "v100-16gb", "no"),
        ("server-cuda", "v100-16gb", "unknown"),
        ("cuda13-b9000", "t4-16gb", "ok"),
        ("b9000", "h100-80gb", "ok"),
        ("cuda-b9000", "mi300x-192gb", "no"),
        ("b9000", "mi300x-192gb", "unknown"),
        ("b100", "v100-16gb", "unknown"),
        ("b3999", "v100-16gb", "unknown"),
        ("latest", "v100-16gb", "unknown"),
        (None, "v100-16gb", "unknown"),
    ],
)
def test_images_on_gpus(version: str | None, gpu: str, answer: str) -> None:
    """CUDA 12 runs on Volta, CUDA 13 does not, and a tag without a build names none."""
    found = ENGINE.gpu_support(spec(version, *FULL, gpu=gpu))
    assert found.answer == answer
    assert answer == "ok" or (found.message and found.why and found.fix)


def test_an_unknown_gpu_is_unknown() -> None:
    """Without a GPU model nothing is said about it."""
    found = spec("b9000", *FULL, gpu="b200-180gb")
    assert ENGINE.gpu_support(found).answer == "unknown"
    assert ENGINE.model_support(found) == ENGINE.shard_support(found) == ENGINE.argument_support(found) == ()
    assert ENGINE.runs(found) is None
    assert ENGINE.required_options(found) == {}
    assert ENGINE.options_for(found, {"maxTotalTokens": 1}) is None


@pytest.mark.parametrize(
    ("version", "args", "model", "found"),
    [
        ("b9000", FULL, MISTRAL, []),
        ("b9000", (), MISTRAL, [("unknown", "Which GGUF file")]),
        ("b9000", ("-hf", "bartowski/Mistral-7B-Instruct-v0.2-GGUF:Q4_K_M"), MISTRAL, []),
        ("b9000", ("-hf", "bartowski/Mistral-7B-Instruct-v0.2-GGUF"), MISTRAL, [("unknown", "type of the weights")]),
        (
            "b9000",
            ("-hf", "a/Mistral-7B-Instruct-v0.2-GGUF", "-hff", "mistral-7b-instruct-v0.2.Q8_0.gguf"),
            MISTRAL,
            [],
        ),
        ("b9000", ("-hf", "Qwen/Qwen2.5-7B-Instruct-GGUF:Q8_0"), MISTRAL, [("unknown", "The server loads")]),
        ("b9000", ("-m", "x-UD-Q4_K_XL.gguf"), MISTRAL, [("unknown", "type of the weights")]),
        ("b5000", FULL, "Qwen/Qwen3-8B", [("unknown", "qwen3")]),
        ("b5200", FULL, "Qwen/Qwen3-8B", []),
        ("b9000", (*FULL, "-ctk", "q8_0", "-ctv", "q8_0"), MISTRAL, []),
        ("b9000", (*FULL, "-ctv", "q8_0"), MISTRAL, [("unknown", "keeps K in f16 and V in q8_0")]),
        ("b9000", (*FULL, "-ctv", "q8_0", "-fa", "off"), MISTRAL, [("no", "needs flash attention")]),
        ("b6000", (*FULL, "-ctv", "q8_0"), MISTRAL, [("no", "needs flash attention")]),
        ("b6000", (*FULL, "-ctk", "q8_0", "-ctv", "q8_0", "-fa"), MISTRAL, []),
        ("b9000", (*FULL, "-ctk", "bf16"), MISTRAL, [("unknown", "keeps K in bf16"), ("unknown", "bfloat16")]),
        ("b9000", FULL, "microsoft/Phi-3-mini-4k-instruct", [("unknown", "heads of 96")]),
        ("b9000", (*FULL, "-fa", "off"), "microsoft/Phi-3-mini-4k-instruct", []),
    ],
)
def test_models_and_files(version: str, args: tuple[str, ...], model: str, found: list[tuple[str, str]]) -> None:
    """Architecture by build, the type of the file, and what flash attention is needed for."""
    answers = said(ENGINE.model_support(spec(version, *args, model=model)))
    assert [answer for answer, _ in answers] == [answer for answer, _ in found]
    assert all(word in message for (_, message), (_, word) in zip(answers, found, strict=True))


def test_an_unknown_model_is_unknown() -> None:
    """A repository that no known model has the name of is not judged."""
    asked = spec("b9000", "-hf", "somebody/Unheard-Of-GGUF:Q4_K_M", model="somebody/Unheard-Of")
    assert [answer for answer, _ in said(ENGINE.model_support(asked))] == ["unknown"]
    assert ENGINE.bill(asked).__class__.__name__ == "NoBill"


@pytest.mark.parametrize(
    ("version", "gpus", "args", "answers"),
    [
        ("b9000", 2, (), []),
        ("b10524", 2, ("-sm", "row"), ["no"]),
        ("b10524", 1, ("-sm", "row"), []),
        ("b9500", 2, ("-sm", "row"), ["unknown"]),
        ("b8000", 2, ("-sm", "row"), ["unknown"]),
        ("b9000", 2, ("-sm", "tensor"), ["unknown"]),
        ("b9000", 2, ("-ts", "3,1"), []),
        ("b9000", 2, ("-ts", "3,x"), ["no"]),
        ("b9000", 2, ("-ts", "1,1,1"), ["unknown"]),
    ],
)
def test_splits(version: str, gpus: int, args: tuple[str, ...], answers: list[str]) -> None:
    """Whole layers are split; rows no longer load on CUDA; the rest is not known."""
    assert [answer for answer, _ in said(ENGINE.shard_support(spec(version, *FULL, *args, gpus=gpus)))] == answers


@pytest.mark.parametrize(
    ("version", "args", "answers"),
    [
        ("b9000", FULL, []),
        ("b9000", FULL[:2], []),
        ("b6000", FULL[:4], ["unknown"]),
        ("b7200", (*FULL[:2], "-ngl", "99"), ["unknown"]),
        ("b6000", (*FULL[:2], "-ngl", "99"), []),
        ("b9000", (*FULL, "-ub", "0"), ["no"]),
        ("b9000", (*FULL, "--lora", "x.gguf"), ["unknown"]),
    ],
)
def test_arguments(version: str, args: tuple[str, ...], answers: list[str]) -> None:
    """What a build does without -ngl and -c, and what nobody knows the memory of."""
    assert [answer for answer, _ in said(ENGINE.argument_support(spec(version, *args)))] == answers


@pytest.mark.parametrize(
    ("version", "args", "limits"),
    [
        ("b9000", ("-c", "8192", "-np", "4"), (8192, 4, 2048, 4)),
        ("b9000", ("-c", "8192"), (8192, 4, 8192, 1)),
        ("b9000", ("-c", "8192", "-np", "2", "-kvu"), (8192, 2, 8192, 1)),
        ("b9000", (), (4096, 4, 4096, 1)),
        ("b9000", ("--fit", "off"), (32768, 4, 32768, 1)),
        ("b9000", ("--fit", "off", "-c", "0", "-np", "1"), (32768, 1, 32768, 1)),
        ("b6000", (), (4096, 1, 4096, 1)),
        ("b6000", ("-c", "4096", "-np", "8"), (4096, 8, 512, 8)),
    ],
)
def test_slots_share_the_context(version: str, args: tuple[str, ...], limits: tuple[int, ...]) -> None:
    """-c is what all slots have together; by itself each slot has its part, in one shared cache any of them all."""
    runs = ENGINE.runs(spec(version, *FULL[:2], "-ngl", "99", *args))
    assert runs is not None
    names = ("ctx_size", "parallel", "max_total_tokens", "max_batch_size")
    assert tuple(runs.limits[name] for name in names) == limits


def test_limits_are_said_as_they_are_meant() -> None:
    """A change of requests or their length is a change of -c and -np, which reads back as that load."""
    asked = spec("b9000", *FULL, "-np", "2")
    runs = ENGINE.runs(asked)
    assert runs is not None
    load = ENGINE.load_of(asked, runs)
    assert load is not None
    assert (load.requests, load.total) == (2, 2048)
    assert ENGINE.options_for(asked, {"maxTotalTokens": 1024}) == {"ctx_size": 2048, "parallel": 2}
    assert ENGINE.options_for(asked, {"maxBatchSize": 8}) == {"ctx_size": 16384, "parallel": 8}
    assert ENGINE.options_for(asked, {"maxBatchPrefillTokens": 256}) == {"ubatch_size": 256}
    assert ENGINE.options_for(asked, {"quantization": "awq"}) is None
    assert ENGINE.with_load(runs, load).limits["ctx_size"] == 4096
    assert ENGINE.variables_for({"parallel": 1, "ctx_size": 1}) == {"LLAMA_ARG_N_PARALLEL", "LLAMA_ARG_CTX_SIZE"}


def test_what_must_be_set() -> None:
    """All layers are asked for where nobody says how many."""
    assert ENGINE.required_options(spec("b6000", *FULL[:2])) == {"n_gpu_layers": "999"}
    assert ENGINE.required_options(spec("b6000", *FULL)) == {}
    assert ENGINE.environment(spec("b6000", *FULL)) == {}
    assert ENGINE.batch_bound(None) == "parallel"


@pytest.mark.parametrize(
    ("weights", "model"),
    [
        ("bartowski/Mistral-7B-Instruct-v0.2-GGUF:Q4_K_M", MISTRAL),
        ("/models/mistral-7b-instruct-v0.2.Q4_K_M.gguf", MISTRAL),
        ("mistralai_Mistral-7B-Instruct-v0.2-Q8_0-00001-of-00002.gguf", MISTRAL),
        ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q5_K_M", "meta-llama/Llama-3.1-8B-Instruct"),
        ("Qwen/Qwen2.5-7B-Instruct-GGUF:q8_0", "Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen/Qwen2.5-7B-Instruct-1M-GGUF:q8_0", None),
        ("model.gguf", None),
    ],
)
def test_weights_are_those_of_the_model_they_are_named_after(weights: str, model: str | None) -> None:
    """A repository or file has the name of the original model, with the type and perhaps the owner."""
    assert base_model(weights) == model


@pytest.mark.parametrize("arch", ENGINE.archs())
def test_the_matrix_says_where_each_answer_is_from(arch: str) -> None:
    """Every build has one answer on starting first, and every cell has a source."""
    for version in ENGINE.releases():
        cells = list(ENGINE.matrix(version, arch))
        assert [cell.topic for cell in cells].count("starts") == 1
        assert cells[0].topic == "starts"
        assert all(cell.source.text for cell in cells)
    assert list(ENGINE.matrix("b1", arch)) == []
