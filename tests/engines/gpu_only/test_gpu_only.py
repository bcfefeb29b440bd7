"""Engines known by GPU alone: refused where they do not start, and unknown everywhere else."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic import engines
from voltaic.document import spec_from_line
from voltaic.engines.gpu_only.engine import GpuOnly
from voltaic.engines.gpu_only.facts import facts, fit, fits, version_of
from voltaic.manifests import workloads
from voltaic.manifests.documents import Document
from voltaic.manifests.servers import NoServer, Server, recognise
from voltaic.memory.bill import NoBill
from voltaic.verdict import judge

NAMES = ("sglang", "tensorrt-llm", "exllamav3", "ollama")
MODEL = "Qwen/Qwen2.5-7B-Instruct"


def spec(engine: str, version: str | None, gpu: str | None = "v100-16gb", *args: str) -> Any:
    """Return a spec of a known model."""
    line = {"gpu": gpu, "gpus": 1, "engine": engine, "engine_version": version, "model": MODEL, "args": list(args)}
    return spec_from_line(line)


@pytest.mark.parametrize(
    ("engine", "version", "gpu", "answer"),
    [
        ("sglang", "0.5.19", "v100-16gb", "no"),
        ("sglang", "v0.4.6.post5", "v100-16gb", "no"),
        ("sglang", "latest", "v100-32gb", "no"),
        ("sglang", "0.2.6", "v100-16gb", "unknown"),
        ("sglang", None, "v100-16gb", "unknown"),
        ("sglang", "nightly", "v100-16gb", "unknown"),
        ("sglang", "0.5.19", "t4-16gb", "unknown"),
        ("sglang", "0.5.19", "h100-80gb", "ok"),
        ("sglang", "0.5.19", "mi300x-192gb", "unknown"),
        ("tensorrt-llm", "0.14.0", "v100-16gb", "unknown"),
        ("tensorrt-llm", "0.15.0", "v100-16gb", "no"),
        ("tensorrt-llm", "1.3.0rc22", "v100-16gb", "no"),
        ("tensorrt-llm", "1.0.0", "t4-16gb", "unknown"),
        ("tensorrt-llm", "1.0.0", "a100-80gb", "ok"),
        ("tensorrt-llm", "1.0.0", "mi300x-192gb", "no"),
        ("exllamav3", "latest", "v100-16gb", "no"),
        ("exllamav3", "latest", "t4-16gb", "unknown"),
        ("ollama", "0.33.1", "v100-16gb", "ok"),
        ("ollama", "0.99.0", "v100-16gb", "unknown"),
        ("sglang", "0.5.19", "b200-180gb", "unknown"),
        ("sglang", "0.5.19", None, "unknown"),
    ],
)
def test_releases_on_gpus(engine: str, version: str | None, gpu: str | None, answer: str) -> None:
    """What is known of a release on a GPU is said with its source, and what is not is unknown."""
    found = GpuOnly(engine).gpu_support(spec(engine, version, gpu))
    assert found.answer == answer
    assert found.message.endswith((".", '"'))
    assert answer == "ok" or (found.why and found.fix)
    assert answer == "unknown" or found.sources


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_the_gpu_is_known(name: str) -> None:
    """No model, option, run or bill is promised: an engine that starts is unknown, never accepted."""
    engine, asked = engines.engine(name), spec(name, facts(name)["named"][-1], "a100-80gb")
    assert isinstance(engine, GpuOnly)
    assert engine.shard_support(asked) == engine.argument_support(asked) == ()
    assert (engine.runs(asked), engine.environment(asked), engine.required_options(asked)) == (None, {}, {})
    assert isinstance(engine.bill(asked), NoBill)
    assert engine.batch_bound("latest") == ""
    assert judge(asked).verdict == "unknown"
    assert judge(asked).fixes == ()


@pytest.mark.parametrize(
    ("name", "version"), [("sglang", "0.5.19"), ("tensorrt-llm", "1.0.0"), ("exllamav3", "latest")]
)
def test_a_v100_is_refused_with_another_engine(name: str, version: str) -> None:
    """Where an engine does not start the refusal names the reason, and an engine that serves the model there."""
    verdict = judge(spec(name, version))
    assert verdict.verdict == "refuse"
    finding = next(found for found in verdict.findings if found.outcome == "violation")
    assert finding.rule == "engine-gpu-support"
    assert "lmdeploy" in finding.fix
    assert {fix.settings["engine"] for fix in verdict.ways.elsewhere} & {"tgi", "vllm", "lmdeploy"}


@pytest.mark.parametrize("name", NAMES)
def test_facts_do_not_contradict_each_other(name: str) -> None:
    """Rows are about architectures that a table shows, every `no` says why, and the releases shown are releases."""
    engine = GpuOnly(name)
    for row in fits(name):
        assert row.on <= set(engine.archs())
        assert row.note
        assert row.source.text
    assert all(version_of(version) is not None for version in engine.releases())
    for version in engine.releases():
        for arch in engine.archs():
            (cell,) = engine.matrix(version, arch)
            known = fit(name, version, arch)
            assert cell.topic == "starts"
            assert cell.answer == ("unknown" if known is None else known.answer)


@pytest.mark.parametrize(
    ("engine", "args", "model"),
    [
        ("sglang", ("--model-path", "a/b", "--tp", "2"), "a/b"),
        ("sglang", ("--model=a/b",), "a/b"),
        ("sglang", ("--model-path",), None),
        ("tensorrt-llm", ("a/b", "--port", "8000"), "a/b"),
        ("tensorrt-llm", ("serve", "a/b"), "a/b"),
        ("tensorrt-llm", ("--port", "8000"), None),
        ("ollama", ("serve",), None),
    ],
)
def test_the_model_is_read(engine: str, args: tuple[str, ...], model: str | None) -> None:
    """Of the options only the one that names the model is read."""
    assert GpuOnly(engine).parse("latest", args, {}).options.get("model") == model


def test_only_the_model_is_written() -> None:
    """A command line is built for a model alone; any other option is an error that names it."""
    assert GpuOnly("sglang").build("0.5.19", {}) == ()
    assert GpuOnly("sglang").build("0.5.19", {"model": "a/b"}) == ("--model-path", "a/b")
    assert GpuOnly("tensorrt-llm").build("1.0.0", {"model": "a/b"}) == ("a/b",)
    with pytest.raises(ValueError, match="options of SGLang are not known: tp"):
        GpuOnly("sglang").build("0.5.19", {"tp": 2})
    with pytest.raises(ValueError, match="options of Ollama are not known: model"):
        GpuOnly("ollama").build("0.33.0", {"model": "a/b"})


@pytest.mark.parametrize(
    ("container", "engine", "version"),
    [
        ({"image": "lmsysorg/sglang:v0.5.19-cu129"}, "sglang", "v0.5.19"),
        ({"image": "lmsysorg/sglang:v0.4.6.post5-cu124"}, "sglang", "v0.4.6.post5"),
        ({"image": "lmsysorg/sglang:latest"}, "sglang", "latest"),
        ({"image": "lmsysorg/sglang:v0.5.3-rocm630-mi30x"}, "sglang", None),
        ({"image": "lmsysorg/sglang:v0.5.9", "args": ["--model", "a", "--max-model-len", "1"]}, "sglang", "v0.5.9"),
        (
            {"image": "mine:1", "command": ["python3", "-m", "sglang.launch_server", "--model-path", "a"]},
            "sglang",
            None,
        ),
        ({"image": "mine:1", "args": ["--model-path", "a", "--mem-fraction-static", "0.8"]}, "sglang", None),
        ({"image": "nvcr.io/nvidia/tensorrt-llm/release:1.3.0rc22"}, "tensorrt-llm", "1.3.0rc22"),
        ({"image": "mine:1", "command": ["/bin/bash", "-lc", "trtllm-serve a/b --port 8000"]}, "tensorrt-llm", None),
        ({"image": "ghcr.io/theroyallab/tabbyapi:latest"}, "exllamav3", None),
        ({"image": "ollama/ollama:0.33.0"}, "ollama", "0.33.0"),
        ({"image": "ollama/ollama:latest"}, "ollama", None),
    ],
)
def test_servers_are_recognised(container: dict[str, Any], engine: str, version: str | None) -> None:
    """By image or program; a tag for other GPUs, or one that changes, names a release only where the facts hold."""
    found = recognise(container)
    assert isinstance(found, Server)
    assert (found.engine, found.version, found.model_option) == (engine, version, "model")


@pytest.mark.parametrize(
    "container",
    [
        {"image": "mine/release:1.0.0"},
        {"image": "ollama/ollama:0.33.0", "args": ["serve"], "command": ["ollama", "pull", "a"]},
        {"image": "ollama/ollama:0.33.0-rocm"},
        {"image": "nvcr.io/nvidia/tensorrt-llm/release:1.0.0", "command": ["trtllm-build", "--checkpoint_dir", "a"]},
    ],
)
def test_other_images_and_programs_are_no_servers(container: dict[str, Any]) -> None:
    """Another image of the same last name, a download, a build for AMD, and a compiler serve nothing here."""
    assert isinstance(recognise(container), NoServer)


def _deployment(image: str, product: str) -> dict[str, Any]:
    container = {"name": "a", "image": image, "args": ["a/b"], "resources": {"limits": {"nvidia.com/gpu": 1}}}
    pod = {"nodeSelector": {"nvidia.com/gpu.product": product}, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": pod}},
    }


@pytest.mark.parametrize("image", ["lmsysorg/sglang:latest", "nvcr.io/nvidia/tensorrt-llm/release:1.0.0"])
def test_a_manifest_is_refused_on_a_v100_and_unknown_elsewhere(image: str) -> None:
    """The verdict of `voltaic check`: certain on a V100, open where the engine starts."""
    answers = []
    for product in ("Tesla-V100-SXM2-16GB", "NVIDIA-A100-SXM4-80GB"):
        (found,) = workloads([Document("a.yaml", 1, _deployment(image, product))])
        assert found.spec is not None
        answers.append(judge(found.spec).verdict)
    assert answers == ["refuse", "unknown"]
