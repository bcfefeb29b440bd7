"""vLLM servers in manifests: recognised by image, program and options, and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = "vllm/vllm-openai:v0.8.5"
AWQ = "TheBloke/Mistral-7B-Instruct-v0.2-AWQ"


@pytest.mark.parametrize(
    ("fields", "version", "model"),
    [
        ({"image": IMAGE, "args": ["--model", AWQ]}, "0.8.5", AWQ),
        ({"image": "vllm/vllm-openai:v0.8.5.post1", "args": [f"--model={AWQ}"]}, "0.8.5", AWQ),
        ({"image": "vllm/vllm-openai:latest", "args": ["--model", AWQ]}, None, AWQ),
        ({"image": "quay.io/x/vllm-openai-ubi9:0.4.2", "args": ["--model", AWQ]}, "0.4.2", AWQ),
        ({"image": IMAGE, "command": ["vllm", "serve", AWQ], "args": ["--dtype", "half"]}, "0.8.5", AWQ),
        (
            {"image": IMAGE, "command": ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", AWQ]},
            "0.8.5",
            AWQ,
        ),
        ({"image": IMAGE, "command": ["/bin/sh", "-c"], "args": [f"vllm serve {AWQ} --dtype half"]}, "0.8.5", AWQ),
        ({"image": IMAGE, "command": ["bash", "-c", f"exec vllm serve {AWQ} \\\n --dtype half"]}, "0.8.5", AWQ),
        ({"image": "example/own:1", "args": ["--model", AWQ, "--max-model-len", "4096"]}, None, AWQ),
    ],
)
def test_servers_are_recognised(  # noqa: PLR0917  a table and fixtures
    fields: dict[str, Any],
    version: str | None,
    model: str,
    container: Callable[..., Any],
    deployment: Callable[..., Any],
    one: Callable[..., Any],
) -> None:
    """By the image and its tag, by the program however it is called, or by options that no other engine has."""
    found = one(deployment({"args": [], **container(**({"args": []} | fields))}))
    assert found.recognised == "vllm"
    assert found.spec.release.version == version
    assert found.spec.model.id == model


@pytest.mark.parametrize(
    "fields",
    [
        {"image": IMAGE, "command": ["vllm", "bench", "serve"], "args": []},
        {"image": IMAGE, "command": ["sh", "-c", "huggingface-cli download a"], "args": []},
        {"image": IMAGE, "command": ["ray", "start"], "args": []},
        {"image": "vllm/vllm-openai:v0.8.5-rocm", "args": []},
        {"image": "vllm/vllm-openai-rocm:v0.19.1", "args": ["--model", "a", "--max-model-len", "1"]},
        {"image": "alpindale/aphrodite-openai:latest", "args": ["--model", "a", "--max-model-len", "1"]},
    ],
)
def test_what_serves_nothing_here_is_no_server(
    fields: dict[str, Any], container: Callable[..., Any], deployment: Callable[..., Any], one: Callable[..., Any]
) -> None:
    """A benchmark, a node of a cluster, a build for other GPUs and another engine with the same options."""
    assert one(deployment(container(**fields))).recognised is None


def _public(container: Callable[..., Any], image: str, model: str, **fields: Any) -> dict[str, Any]:
    """Return a container as scripts for V100 clusters write it: options of the image's server, 4 CPUs, two GPUs."""
    args = [
        *("--model", model, "--host=0.0.0.0", "--port=8000", "--tensor-parallel-size=2", "--max-model-len=4096"),
        *("--block-size=16", "--dtype=float16", "--enforce-eager", "--max-num-seqs=32", "--trust-remote-code"),
    ]
    return dict(container(name="vllm", image=image, args=args, resources={"limits": {"nvidia.com/gpu": 2}}, **fields))


@pytest.mark.parametrize(
    ("image", "model", "verdict", "words"),
    [
        (IMAGE, AWQ, "refuse", "Minimum capability: 75. Current capability: 70."),
        ("vllm/vllm-openai:latest", AWQ, "unknown", "newer releases do not run on NVIDIA V100 16 GB"),
        ("vllm/vllm-openai:v0.20.2", "mistralai/Mistral-7B-Instruct-v0.2", "refuse", "no kernel image is available"),
        (IMAGE, "mistralai/Mistral-7B-Instruct-v0.2", "accept", ""),
    ],
)
def test_a_public_manifest_for_v100_is_judged(  # noqa: PLR0917  a table and fixtures
    image: str,
    model: str,
    verdict: str,
    words: str,
    container: Callable[..., Any],
    deployment: Callable[..., Any],
    one: Callable[..., Any],
) -> None:
    """AWQ and a release without code for the card are refused, latest is not known, float16 on two is accepted."""
    found = judge(one(deployment(_public(container, image, model))).spec)
    mandatory = [f for f in found.findings if f.level == "mandatory"]
    assert found.verdict == verdict, mandatory
    assert words in " ".join(f"{finding.message} {finding.why}" for finding in mandatory)
