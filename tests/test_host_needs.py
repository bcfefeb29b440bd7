"""The least that a server needs of its node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import host, host_needs, models, settings
from voltaic.document import spec_from_line
from voltaic.units import GIB, MIB

if TYPE_CHECKING:
    from voltaic.spec import ServingSpec

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
QWEN = "Qwen/Qwen2.5-7B-Instruct"
LIMITS = ["--max-input-tokens", "1024", "--max-total-tokens", "2048", "--max-batch-prefill-tokens", "1024"]


def spec(engine: str, args: list[str], **more: Any) -> ServingSpec:
    """Return what a server serves on one V100 with 32 GB."""
    versions = {"tgi": "3.0.1", "vllm": "0.8.5", "lmdeploy": "0.16.0-cu12.8", "llama.cpp": "cuda-b9000"}
    line = {"engine": engine, "engine_version": versions[engine], "model": MISTRAL, "gpu": "v100-32gb", "gpus": 1}
    return spec_from_line(line | {"args": args, "env": {"USE_FLASH_ATTENTION": "false"}} | more)


def tgi(*args: str, **more: Any) -> ServingSpec:
    """Return what a server of TGI's fallback serves."""
    return spec("tgi", ["--model-id", MISTRAL, "--num-shard", "1", "--dtype", "float16", *LIMITS, *args], **more)


@pytest.mark.parametrize("model", [model.id for model in models.known_models()])
@pytest.mark.parametrize("profile", ["v100-1gpu", "v100-2gpu", "a100-80gb-4gpu"])
def test_our_own_pods_get_more_than_the_least(profile: str, model: str) -> None:
    """No rule about the node speaks of what our own component derives."""
    found = settings.read({"profile": profile, "model": model}, where="Pulumi.test.yaml")
    ours = settings.serving_spec(found)
    plan = host.plan(found, ours, where="Pulumi.test.yaml")
    count, least = host_needs.processes(ours), host_needs.start(ours, downloads=True)
    memory, checkpoint = host_needs.memory(ours), host_needs.checkpoint(ours)
    assert count is None or plan.cpu_request.value >= count * host_needs.table()["cpu"]["per_process"]
    assert count is None or count == 1 or plan.shm.value >= host_needs.table()["shm"]["gib"] * GIB
    assert memory is None or plan.memory.value - plan.shm.value >= memory.value
    assert least is None or plan.startup_budget.value > least.value
    assert checkpoint is None or plan.cache.value >= checkpoint


def test_the_usual_start_is_the_one_that_our_own_pods_are_given_twice() -> None:
    """Both estimates rest on the same speeds."""
    found = settings.read({"profile": "v100-1gpu", "model": MISTRAL}, where="Pulumi.test.yaml")
    ours = settings.serving_spec(found)
    usual = host_needs.usual_start(ours)
    assert usual is not None
    assert abs(usual - host.start(found, ours).seconds) <= 2


@pytest.mark.parametrize(
    ("found", "count"),
    [
        (tgi(), 1),
        (tgi(gpus=2), 1),
        (spec("vllm", ["--model", QWEN, "--dtype", "half", "-tp", "2"], model=QWEN, gpus=2), 2),
        (spec("vllm", ["--model", "somebody/unknown", "-tp", "4"], model="somebody/unknown", gpus=4), 4),
        (spec("vllm", ["--model", "somebody/unknown"], model="somebody/unknown"), None),
        (spec("llama.cpp", ["-hf", "x/y"], model=QWEN, gpus=2), None),
    ],
)
def test_processes_that_talk_to_each_other(found: ServingSpec, count: int | None) -> None:
    """A process that spreads layers over GPUs is alone; of a model that is not known, the option counts."""
    assert host_needs.processes(found) == count


def test_the_whole_model_is_built_on_one_gpu_alone() -> None:
    """Layers over two GPUs, weights that are quantized on the way, and other engines go file by file."""
    whole = host_needs.built(tgi())
    assert whole is not None
    assert whole.value == 2 * 7_241_732_096
    assert host_needs.built(tgi(gpus=2)) is None
    assert host_needs.built(tgi("--quantize", "bitsandbytes")) is None
    assert host_needs.built(spec("vllm", ["--model", QWEN, "--dtype", "half"], model=QWEN)) is None


def test_memory() -> None:
    """The model and its process, else a process a rank; of llama.cpp, which maps its file, nothing is known."""
    whole = host_needs.memory(tgi())
    ranks = host_needs.memory(spec("vllm", ["--model", QWEN, "--dtype", "half", "-tp", "2"], model=QWEN, gpus=2))
    assert whole is not None
    assert whole.value == 2 * 7_241_732_096 + 400 * MIB
    assert ranks is not None
    assert (ranks.value, ranks.because) == (4 * GIB, "2 model processes of 2 GiB at least")
    assert host_needs.memory(spec("llama.cpp", ["-hf", "x/y"])) is None


@pytest.mark.parametrize(("downloads", "seconds"), [(False, 9), (True, 20)])
def test_the_least_start(downloads: bool, seconds: int) -> None:  # noqa: FBT001  the case
    """5 s, 14.48 GB at 3.5 GB/s, and at 1.25 GB/s where they come over the network."""
    found = host_needs.start(tgi(), downloads=downloads)
    assert found is not None
    assert found.value == seconds
    assert ("download" in found.because) is downloads


def test_a_start_of_an_unknown_size() -> None:
    """Where the weights are not known the least is not; the GPUs bound what is usual."""
    unknown = spec("vllm", ["--model", "somebody/unknown"], model="somebody/unknown")
    assert host_needs.start(unknown, downloads=True) is None
    assert host_needs.usual_start(unknown) == pytest.approx(120 + 32 * GIB / 40e6, rel=0.02)
    assert host_needs.usual_start(spec("vllm", ["--model", "a/b"], model="a/b", gpu=None)) is None


def test_the_longest_answer_reads_all_weights_for_every_token() -> None:
    """2,047 tokens of 14.22 GB at 1,134 GB/s; sparse and quantized models read less, and are left out."""
    found = host_needs.longest_answer(tgi())
    assert found is not None
    assert found.value == int(2 * (7_241_732_096 - 32_000 * 4096) / 1134e9 * 2047)
    assert host_needs.longest_answer(tgi("--quantize", "bitsandbytes")) is None
    mixtral = "mistralai/Mixtral-8x7B-Instruct-v0.1"
    args = ["--model-id", mixtral, "--num-shard", "2", *LIMITS]
    assert host_needs.longest_answer(spec("tgi", args, model=mixtral, gpu="a100-80gb", gpus=2, env={})) is None


def test_llama_cpp_has_no_checkpoint_without_its_file() -> None:
    """The name of a GGUF repository does not tell how large its file is."""
    assert host_needs.checkpoint(spec("llama.cpp", ["-hf", "x/y"])) is None
