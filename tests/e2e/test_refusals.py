"""What must not start is refused before anything exists: by the pack, by the component, in a program of one's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Project

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.slow]

TOO_LARGE = ("v100-1gpu", {"model": "meta-llama/Llama-2-13b-chat-hf", "hfToken": "hf_" + "x" * 20})
ONE_GPU_SHARDED = ("v100-1gpu", {"shards": "2"})
PUBLIC_RECIPE = (
    "v100-2gpu",
    {"engineVersion": "1.2.0", "model": "mistralai/Mistral-7B-Instruct-v0.2", "quantization": "awq", "shards": "2"},
)
CASES = pytest.mark.parametrize(
    ("case", "rule"),
    [(TOO_LARGE, "vram-budget"), (ONE_GPU_SHARDED, "single-gpu-shard"), (PUBLIC_RECIPE, "engine-model-support")],
    ids=["13B on one GPU", "two shards on one GPU", "the public recipe"],
)
KINDS = ("deployments", "services", "persistentvolumeclaims", "secrets", "serviceaccounts", "networkpolicies", "pods")


@CASES
def test_preview_is_refused_by_the_rule(project: Project, case: tuple[str, dict[str, str]], rule: str) -> None:
    """A preview with the pack ends with exit code 1 and names the rule."""
    stack, values = case
    project.config(stack, **values)
    done = project.pulumi("preview", "-s", stack)
    assert done.code == 1, done.output
    assert rule in done.output
    assert "mandatory" in done.output
    assert "Traceback" not in done.output


@CASES
def test_up_without_preview_creates_nothing(project: Project, case: tuple[str, dict[str, str]], rule: str) -> None:
    """With --skip-preview the first thing that would be created is refused, with the pack and without it."""
    stack, values = case
    project.config(stack, **values)
    for pack in (True, False):
        done = project.pulumi("up", "-s", stack, "--yes", "--skip-preview", pack=pack)
        assert done.code == 1, done.output
        assert rule in done.output
        assert "Traceback" not in done.output
        assert project.names(*KINDS) == set()


def test_the_budget_refusal_has_bill_and_a_fix_that_works(project: Project) -> None:
    """The refusal shows bill and budget in GiB, and the commands that it names are accepted when typed."""
    stack, values = TOO_LARGE
    project.config(stack, **values)
    refused = project.pulumi("preview", "-s", stack)
    assert "weights 24.37 GiB" in refused
    assert "15.77 GiB" in refused
    commands = re.findall(r"^ +(pulumi config set .*)$", refused.output, re.MULTILINE)
    assert len(commands) > 1, refused.output
    stack_file = project.folder / f"Pulumi.{stack}.yaml"
    before = stack_file.read_text(encoding="utf-8")
    for command in commands:
        stack_file.write_text(before, encoding="utf-8")
        assert project.run("/bin/sh", "-c", command).code == 0
        accepted = project.pulumi("preview", "-s", stack)
        assert accepted.code == 0, (command, accepted.output)


def test_the_public_recipe_says_why_and_what_runs_instead(project: Project) -> None:
    """TGI 1.2.0 with Mistral, AWQ and two shards: needs flash attention, which compute capability 7.0 has not."""
    stack, values = PUBLIC_RECIPE
    project.config(stack, **values)
    done = project.pulumi("preview", "-s", stack)
    assert "flash attention" in done.output.lower()
    assert "7.0" in done.output
    assert "3.0.1" in done.output


def test_a_refusal_leaves_the_running_server_alone(project: Project) -> None:
    """A refused change of a running stack, pack or not, neither stops nor changes its pods."""
    up = project.pulumi("up", "-s", "v100-1gpu", "--yes")
    assert up.code == 0, up.output
    before = {item["metadata"]["uid"] for item in project.objects("pods")}
    project.config("v100-1gpu", shards="2")
    for pack in (True, False):
        done = project.pulumi("up", "-s", "v100-1gpu", "--yes", "--skip-preview", pack=pack)
        assert done.code == 1, done.output
        assert {item["metadata"]["uid"] for item in project.objects("pods")} == before


FOREIGN = """
import pulumi_kubernetes as k8s

k8s.apps.v1.Deployment(
    "mine",
    metadata={{"name": "mine"}},
    spec={{
        "selector": {{"matchLabels": {{"app": "mine"}}}},
        "template": {{
            "metadata": {{"labels": {{"app": "mine"}}}},
            "spec": {{
                "nodeSelector": {{"nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB"}},
                "containers": [{{
                    "name": "server",
                    "image": "ghcr.io/huggingface/text-generation-inference:{version}",
                    "args": {args},
                    "env": {env},
                    "resources": {{"limits": {{"nvidia.com/gpu": {gpus}}}}},
                }}],
            }},
        }},
    }},
)
"""
FLASH_OFF = [{"name": "USE_FLASH_ATTENTION", "value": "false"}]
LIMITS = ["--max-input-tokens", "1024", "--max-total-tokens", "1536", "--max-batch-prefill-tokens", "1024"]
FOREIGN_CASES = {
    "vram-budget": {
        "version": "3.0.1",
        "args": ["--model-id", "meta-llama/Llama-2-13b-chat-hf", "--num-shard", "1", "--max-batch-size", "1", *LIMITS],
        "env": FLASH_OFF,
        "gpus": 1,
    },
    "single-gpu-shard": {
        "version": "3.0.1",
        "args": ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", "2"],
        "env": FLASH_OFF,
        "gpus": 1,
    },
    "engine-model-support": {
        "version": "1.2.0",
        "args": ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", "2", "--quantize", "awq"],
        "env": [],
        "gpus": 2,
    },
}


@pytest.mark.parametrize("rule", FOREIGN_CASES)
def test_a_program_of_ones_own_is_refused_too(project: Project, rule: str) -> None:
    """A hand-written Deployment in another Pulumi program meets the same judge through the pack; nothing is created."""
    for stack_file in project.folder.glob("Pulumi.v100-*.yaml"):
        stack_file.unlink()
    (project.folder / "Pulumi.yaml").write_text(
        "name: foreign\nruntime: {name: python, options: {toolchain: pip, virtualenv: .venv}}\n", encoding="utf-8"
    )
    (project.folder / "__main__.py").write_text(FOREIGN.format(**FOREIGN_CASES[rule]), encoding="utf-8")
    assert project.pulumi("stack", "init", "mine").code == 0
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done = project.pulumi(*command, "-s", "mine")
        assert done.code == 1, done.output
        assert rule in done.output
        assert project.names("deployments", "pods") == set()


TRANSFORM = """
def change(args):
    if args.type_ == "kubernetes:apps/v1:Deployment" and args.name == "tgi":
        container = args.props["spec"]["template"]["spec"]["containers"][0]
        {change}
    return pulumi.ResourceTransformResult(props=args.props, opts=args.opts)


pulumi.runtime.register_resource_transform(change)
pulumi.run("""
TRANSFORMS = {
    "shards": ('container["args"][container["args"].index("--num-shard") + 1] = "2"', "single-gpu-shard"),
    "release": ('container["image"] = container["image"].replace(":3.0.1", ":3.3.7")', "engine-gpu-support"),
    "another image": ('container["image"] = "mirror.example/llm/server:prod"', "engine-gpu-support"),
    "no GPU": ('container["resources"] = {}', "launcher-arguments"),
    "no server": ('container.update(image="mirror.example/other:1", args=["serve"])', "readable-spec"),
}


@pytest.mark.parametrize(("change", "rule"), TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_transform_of_our_own_server_is_judged(project: Project, change: str, rule: str) -> None:
    """What a transform makes of the component's Deployment is refused by the pack before it is created."""
    program = project.folder / "__main__.py"
    own = program.read_text(encoding="utf-8")
    assert own.count("\npulumi.run(") == 1
    with_transform = own.replace("\npulumi.run(", TRANSFORM.format(change=change))
    program.write_text(with_transform, encoding="utf-8")
    preview = project.pulumi("preview", "-s", "v100-1gpu")
    assert preview.code == 1, preview.output
    assert f"{rule} (kubernetes:apps/v1:Deployment: tgi)" in preview
    up = project.pulumi("up", "-s", "v100-1gpu", "--yes", "--skip-preview")
    assert up.code == 1, up.output
    assert rule in up.output
    assert "Deployment/tgi-v100-1gpu" not in project.names("deployments")
    assert not [item for item in project.objects("pods") if item["metadata"]["name"].startswith("tgi-")]
