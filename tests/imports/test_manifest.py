"""A server of a manifest becomes settings of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import hardware
from voltaic.imports.manifest import translated
from voltaic.manifests import Document, workloads

if TYPE_CHECKING:
    from voltaic.imports.old import Translation

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
TGI = "ghcr.io/huggingface/text-generation-inference:3.0.1"


def of(image: str, args: list[str], env: dict[str, str] | None = None, **metadata: str) -> Translation:
    """Return what a Deployment with this container becomes, on two V100."""
    container: dict[str, Any] = {
        "name": "server",
        "image": image,
        "args": args,
        "env": [{"name": name, "value": value} for name, value in (env or {}).items()],
        "resources": {"limits": {"nvidia.com/gpu": 2}},
    }
    content = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "llm", **metadata},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    (found,) = workloads([Document("a.yaml", 1, content)], profile=hardware.profile("v100-2gpu"))
    return translated(found)


@pytest.mark.parametrize(
    ("image", "args", "expected"),
    [
        (TGI, [f"--model-id={MISTRAL}"], {}),
        (TGI, ["--model-id", MISTRAL, "--max-total-tokens", "4096"], {"maxTotalTokens": 4096}),
        (TGI, ["--model-id", MISTRAL, "--quantize", "awq"], {"quantization": "awq"}),
        (TGI, ["--model-id", MISTRAL, "--revision", "abc"], {"modelRevision": "abc"}),
        (TGI, ["--model-id", MISTRAL, "--num-shard", "2"], {}),
        ("vllm/vllm-openai:v0.8.5", ["--model", MISTRAL, "--max-model-len", "4096"], {"maxTotalTokens": 4096}),
        ("vllm/vllm-openai:v0.8.5", ["--model", MISTRAL, "--dtype", "half"], {}),
    ],
)
def test_options_become_settings(image: str, args: list[str], expected: dict[str, object]) -> None:
    """Model, GPUs and stated limits are taken over; shards are derived."""
    assert of(image, args).settings == {"model": MISTRAL, "profile": "v100-2gpu", **expected}


def test_the_namespace_is_taken_over() -> None:
    """Where the object names one."""
    assert of(TGI, [f"--model-id={MISTRAL}"], namespace="team-a").settings["namespace"] == "team-a"


def test_every_option_is_accounted_for() -> None:
    """With the field in which it stands, and what became of it."""
    found = of(TGI, ["--model-id", MISTRAL, "--num-shard=2", "--waiting-served-ratio", "1.2"])
    where = "spec.template.spec.containers[0]"
    assert {line.name: (line.outcome, line.where) for line in found.lines} == {
        "image": ("derived", f"{where}.image"),
        "--model-id": ("taken", f"{where}.args[0]"),
        "--num-shard": ("derived", f"{where}.args[2]"),
        "--waiting-served-ratio": ("dropped", f"{where}.args[3]"),
    }


def test_secrets_of_a_manifest_are_named_and_not_told() -> None:
    """The command that sets each stands in their place."""
    found = of(TGI, ["--model-id", MISTRAL], {"HF_TOKEN": "open-sesame", "API_KEY": "open-sesame"})
    told = {line.name: line.says for line in found.lines if line.outcome == "secret"}
    assert "set --secret hfToken" in told["HF_TOKEN"]
    assert "set --secret apiKey" in told["API_KEY"]
    assert "open-sesame" not in repr(found.lines)
