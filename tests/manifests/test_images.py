"""Engines by images of mirrors and forks, and by programs in images of anybody's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

SERVE = ["vllm", "serve", "a/b"]


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("vllm/vllm-openai:v0.8.5", "vllm 0.8.5"),
        ("vllm/vllm-openai:v0.8.5.post1", "vllm 0.8.5"),
        ("vllm/vllm-openai:v0.11.0-x86_64", "vllm 0.11.0"),
        ("docker.io/vllm/vllm-openai:v0.8.5", "vllm 0.8.5"),
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com/hub/vllm/vllm-openai:v0.8.5", "vllm 0.8.5"),
        ("europe-docker.pkg.dev/project/mirror/vllm/vllm-openai:v0.8.5", "vllm 0.8.5"),
        ("registry.example:5000/vllm/vllm-openai:v0.8.5@sha256:" + "a" * 64, "vllm 0.8.5"),
        ("vllm/vllm-openai:nightly", "vllm (version unknown)"),
        ("vllm/vllm-openai:v0.9.0rc1", "vllm (version unknown)"),
        ("lmcache/vllm-openai:v0.3.7", "vllm (version unknown)"),
        ("ghcr.io/llm-d/llm-d-cuda:v0.5.1", "vllm (version unknown)"),
        ("registry.redhat.io/rhaiis/vllm-cuda-rhel9:3.2", "vllm (version unknown)"),
        (
            "us-docker.pkg.dev/deeplearning-platform-release/gcr.io/huggingface-text-generation-inference-cu124.2-4.py311",
            "tgi (version unknown)",
        ),
        (
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-tgi-inference:2.4.0-tgi3.0.1-gpu-py311",
            "tgi 3.0.1",
        ),
        ("ghcr.io/ggml-org/llama.cpp:server-cuda-b6500", "llama.cpp cuda-b6500"),
    ],
)
def test_mirrors_keep_the_release_and_forks_have_their_own(
    image: str, release: str, container: Make, deployment: Make, one: Make
) -> None:
    """A tag is a release of the engine only where the image is the engine's own."""
    assert str(one(deployment(container(image=image))).spec.release) == release


@pytest.mark.parametrize(
    "image", ["nvcr.io/nvidia/vllm:25.09-py3", "substratusai/vllm:v0.5.4", "registry.example/vllm:1"]
)
def test_what_an_image_of_others_starts_is_not_guessed(
    image: str, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """Its name says the engine; its entry point, and with it the arguments, is its own."""
    found = one(deployment(container(image=image, args=[])))
    assert str(found.spec.release) == "vllm (version unknown)"
    assert "starts by itself is not known" in unreadable(found)["command"]
    served = one(deployment(container(image=image, command=SERVE, args=[])))
    assert served.spec.model.id == "a/b"
    served = one(deployment(container(image=image, command=None, args=SERVE)))
    assert (served.spec.model.id, unreadable(served)) == ("a/b", {})


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("rocm/vllm:latest", "a build of vLLM for AMD GPUs, which is not judged"),
        ("docker.io/rocm/vllm-dev:nightly", "a build of vLLM for AMD GPUs, which is not judged"),
        ("vllm/vllm-openai-rocm:v0.19.1", "a build of vLLM for AMD GPUs, which is not judged"),
        ("vllm/vllm-openai-cpu:v0.19.0", "a build of vLLM for CPUs, which is not judged"),
        ("public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo:v0.9.0", "a build of vLLM for CPUs, which is not judged"),
        ("ghcr.io/llm-d/llm-d-xpu:v0.5.1", "a build of vLLM for another kind of accelerator"),
        ("vllm/vllm-tpu:v0.11.0", "a build of vLLM for another kind of accelerator"),
        ("ghcr.io/huggingface/tgi-gaudi:2.3.1", "a build of TGI for another kind of accelerator"),
        ("ghcr.io/llm-d/llm-d-inference-sim:v0.3.0", "a simulator of vLLM, which loads no model"),
        (
            "nvcr.io/nim/meta/llama-3.1-8b-instruct:1.3",
            "NVIDIA NIM, whose engine and options are made inside the image",
        ),
        ("nvcr.io/nvidia/tritonserver:25.06-py3", "NVIDIA Triton, whose models stand in a repository"),
        ("kserve/huggingfaceserver:v0.15.0-gpu", "the Hugging Face server of KServe"),
        ("rayproject/ray-llm:2.46.0", "Ray, which starts engines inside itself"),
        ("ghcr.io/predibase/lorax:0.12.1", "LoRAX"),
        ("<REGISTRY>/vllm:1", "the image <REGISTRY>/vllm:1 is not filled in yet"),
        ("{{ .Values.image }}", "the image {{ .Values.image }} is not filled in yet"),
    ],
)
def test_what_is_not_judged_is_listed_with_the_reason(
    image: str, reason: str, container: Make, deployment: Make, one: Make
) -> None:
    """Builds for other accelerators, other model servers, and images that nobody named yet."""
    found = one(deployment(container(image=image, args=[])))
    assert (found.recognised, found.container) == (None, None)
    assert (found.reason or "").startswith(reason)


@pytest.mark.parametrize(
    "words",
    [
        SERVE,
        ["tini", "--", *SERVE],
        ["/usr/bin/dumb-init", "--", *SERVE],
        ["nohup", *SERVE],
        ["env", "A=b", *SERVE],
        ["uv", "run", *SERVE],
        ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "a/b"],
        ["/opt/venv/bin/python3.12", "-u", "-m", "vllm.entrypoints.openai.api_server", "--model=a/b"],
        ["/bin/sh", "-ec", "vllm serve a/b"],
        ["bash", "-lc", "vllm serve a/b"],
        ["bash", "-o", "pipefail", "-c", "vllm serve a/b | tee x"],
        ["sh", "-c", 'exec "$@"', "sh", *SERVE],
        ["/bin/bash", "-c", "--", "vllm serve a/b"],
        ["nvidia_entrypoint.sh", *SERVE],
    ],
)
@pytest.mark.parametrize("split", [0, 1])
def test_a_launcher_is_found_behind_what_only_starts_it(
    words: list[str], split: int, *, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """In an image of anybody's own, with all words under `command` or those behind the first under `args`."""
    cut = 1 if split else len(words)
    found = one(deployment(container(image="registry.example/own:1", command=words[:cut], args=words[cut:])))
    assert (found.recognised, found.spec.model.id, unreadable(found)) == ("vllm", "a/b", {})


@pytest.mark.parametrize(
    "words",
    [
        ["sleep", "infinity"],
        ["sh", "-c", "while true; do sleep 30; done;"],
        ["sh", "-c", "huggingface-cli download a/b && ls"],
        ["bash", "-c", "ray start --address=$(A) --block"],
        ["vllm", "bench", "serve"],
        ["vllm", "collect-env"],
        ["genai-perf", "profile"],
    ],
)
def test_an_engine_s_image_that_serves_nothing_is_no_server(
    words: list[str], container: Make, deployment: Make, one: Make
) -> None:
    """A container to work in, a download, a worker of a cluster, a benchmark."""
    found = one(deployment(container(image="vllm/vllm-openai:v0.8.5", command=words, args=[])))
    assert found.recognised is None
    assert (found.reason or "").startswith("runs ")


@pytest.mark.parametrize(
    ("image", "command", "words"),
    [
        ("ghcr.io/huggingface/text-generation-inference:3.0.1", None, 4),
        ("ghcr.io/huggingface/text-generation-inference:2.0.0", None, 4),
        ("ghcr.io/huggingface/text-generation-inference:1.4.5", None, 2),
        ("ghcr.io/huggingface/text-generation-inference:3.0.1", ["/tgi-entrypoint.sh"], 4),
        ("ghcr.io/huggingface/text-generation-inference:3.0.1", ["text-generation-launcher"], 2),
        ("vllm/vllm-openai:v0.8.5", None, 2),
    ],
)
def test_two_words_in_one_are_one_unless_the_entry_point_splits_them(
    image: str, command: list[str] | None, words: int, *, container: Make, deployment: Make, one: Make
) -> None:
    """TGI's entry point hands its words on without quotes from 2.0.0 on; no other launcher is given two for one."""
    args = ["--model-id a/b", "--num-shard 1"]
    found = one(deployment(container(image=image, command=command, args=args)))
    assert len(found.spec.command.args) == words
    assert bool(found.spec.command.faults) is (words == len(args))


def test_a_release_is_not_the_image_s_where_something_is_installed_over_it(
    container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """What pip leaves is not known; a package beside the engine changes nothing."""
    script = "pip install {} && vllm serve a/b"
    for package, version in (("vllm==0.9.0", None), ("hf_transfer", "0.8.5")):
        found = one(
            deployment(
                container(image="vllm/vllm-openai:v0.8.5", command=["sh", "-c", script.format(package)], args=[])
            )
        )
        assert (found.spec.release.version, "image" in unreadable(found)) == (version, version is None)


@pytest.mark.parametrize("option", ["--api-key", "--served-model-name", "--host"])
@pytest.mark.parametrize("attached", [True, False])
def test_an_option_of_any_text_may_come_from_elsewhere(
    option: str, *, attached: bool, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """Whatever a key, a name or an address is, the server starts with it."""
    value = [f"{option}=$(K)"] if attached else [option, "$(K)"]
    env = [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    found = one(deployment(container(image="vllm/vllm-openai:v0.8.5", args=["--model", "a/b", *value], env=env)))
    assert unreadable(found) == {}
    assert found.spec.option("model") == "a/b"


def test_a_server_of_its_own_is_said_to_be_one(container: Make, deployment: Make, one: Make, unreadable: Make) -> None:
    """The demonstration server of vLLM takes other options."""
    words = ["python3", "-m", "vllm.entrypoints.api_server", "--model=a/b"]
    found = one(deployment(container(image="registry.example/own:1", command=words, args=[])))
    assert found.recognised == "vllm"
    assert "a server of its own" in unreadable(found)["command"]


def test_gpus_of_a_ray_cluster_are_not_those_of_one_pod(
    container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """A server that joins a cluster may have GPUs of other pods."""
    words = ["sh", "-c", "ray start --head && vllm serve a/b --tensor-parallel-size 16"]
    found = one(deployment(container(image="vllm/vllm-openai:v0.8.5", command=words, args=[])))
    assert found.spec.gpus is None
    assert unreadable(found)["resources.limits"].endswith("it joins a Ray cluster, whose other GPUs count too")


@pytest.mark.parametrize("words", [["vllm", "serve", "a/b"], ["sh", "-c", "vllm serve a/b"]])
@pytest.mark.parametrize(
    ("image", "unread"), [("docker.io/vllm/vllm-openai:v0.8.5", False), ("registry.example/vllm-openai:v0.8.5", True)]
)
def test_a_command_under_args_is_none(
    words: list[str], image: str, *, unread: bool, container: Make, deployment: Make, one: Make
) -> None:
    """The engine's own image takes it for options and exits; what a rebuilt one does is not known."""
    found = one(deployment(container(image=image, args=words)))
    (fault,) = found.spec.command.faults
    assert (fault.where, fault.unreadable, found.spec.model.id) == ("args", unread, "a/b")
    assert fault.path == "spec.template.spec.containers[0].args"
