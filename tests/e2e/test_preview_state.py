"""`voltaic preview` on a stack that runs: compared with its state, in a real cluster with simulated nodes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import CHECKOUT

if TYPE_CHECKING:
    from .conftest import Project

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.slow]

STACK = "v100-2gpu"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA = "meta-llama/Llama-2-13b-chat-hf"
WHO = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")
CLAIMS = {"tgi-v100-2gpu-cache": "stays", "webui-v100-2gpu-data": "stays"}


def preview(project: Project, *words: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Return exit code and the only stack of the document."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "preview", "-s", STACK, "--json", *words],
        cwd=project.folder,
        env={**project.env, "PYTHONPATH": str(CHECKOUT), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stderr == "", done.stderr
    (stack,) = json.loads(done.stdout)["stacks"]
    return done.returncode, stack


def committed(project: Project) -> None:
    """Commit the stack files as they are."""
    for words in (
        ("init",),
        ("add", "Pulumi.yaml", *(f"Pulumi.v100-{n}gpu.yaml" for n in (1, 2))),
        ("commit", "-m", "one"),
    ):
        subprocess.run(["git", *WHO, *words], cwd=project.folder, check=True, capture_output=True)


def fates(stack: dict[str, Any]) -> tuple[dict[str, str], dict[str, tuple[str, bool]]]:
    """Return what becomes of pods and volumes, by name."""
    pods = {one["name"]: one["fate"] for one in stack["pods"]}
    return pods, {one["name"]: (one["fate"], one["replaced"]) for one in stack["volumes"]}


def operations(stack: dict[str, Any]) -> dict[str, str]:
    """Return the operation on each Kubernetes object."""
    return {
        f"{step['type']} {step['name']}": step["op"] for step in stack["steps"] if step["type"].startswith("kubern")
    }


def test_a_change_of_a_running_stack(project: Project) -> None:
    """What runs is read from the state: the bill before, what restarts, what stays; and the state stays as it is."""
    up = project.pulumi("up", "-s", STACK, "--yes", "--skip-preview")
    assert up.code == 0, up.output
    committed(project)
    project.config(STACK, model=LLAMA)
    state = {path: path.read_bytes() for path in (project.folder / "state").rglob("*") if path.is_file()}
    pods = {item["metadata"]["uid"] for item in project.objects("pods")}
    code, found = preview(project)
    assert code == 0, found
    assert found["compared_with"] == "state"
    assert (found["before"]["where"], found["before"]["plan"]["spec"]["model"]) == ("deployed", MISTRAL)
    assert {one["name"]: (one["before"], one["after"]) for one in found["settings"]}["model"] == (MISTRAL, LLAMA)
    restarts, volumes = fates(found)
    assert restarts == {"tgi-v100-2gpu": "restarts"}
    assert volumes == {name: (fate, False) for name, fate in CLAIMS.items()}

    # The same change without the state, by the file at the base alone: the same operations, pods and volumes.
    code, offline = preview(project, "--base", "main", env={"PULUMI_BACKEND_URL": f"file://{project.folder}/no-state"})
    assert code == 0, offline
    assert offline["compared_with"] == "base"
    assert fates(offline) == (restarts, volumes)
    assert operations(offline) == operations(found)

    assert {path: path.read_bytes() for path in (project.folder / "state").rglob("*") if path.is_file()} == state
    assert {item["metadata"]["uid"] for item in project.objects("pods")} == pods
    assert not (project.folder / "no-state").exists()


@pytest.mark.parametrize(
    ("first", "then", "pods", "volumes"),
    [
        ({}, {"webuiEnabled": "false"}, {"webui-v100-2gpu": "stops"}, {"webui-v100-2gpu-data": ("released", False)}),
        (
            {"modelCacheDeleteOnDestroy": "true"},
            {"modelCacheDeleteOnDestroy": "", "modelCacheEphemeral": "true"},
            {"tgi-v100-2gpu": "restarts"},
            {"tgi-v100-2gpu-cache": ("lost", False)},
        ),
        ({}, {"replicas": "0"}, {"tgi-v100-2gpu": "scales"}, {}),
        ({}, {"labels": '{"team": "a"}'}, {"tgi-v100-2gpu": "restarts", "webui-v100-2gpu": "restarts"}, {}),
    ],
    ids=["the page goes", "the cache goes", "parked", "labels"],
)
def test_state_and_base_agree(
    project: Project,
    first: dict[str, str],
    then: dict[str, str],
    pods: dict[str, str],
    volumes: dict[str, tuple[str, bool]],
) -> None:
    """What the provider decides about a deployed stack is what two previews without a state lead to."""
    project.config(STACK, **first)
    up = project.pulumi("up", "-s", STACK, "--yes", "--skip-preview")
    assert up.code == 0, up.output
    committed(project)
    for key in (key for key, value in then.items() if not value):
        assert project.pulumi("config", "rm", "-s", STACK, key).code == 0
    project.config(STACK, **{key: value for key, value in then.items() if value})
    _, found = preview(project)
    _, offline = preview(project, "--base", "main", env={"PULUMI_BACKEND_URL": f"file://{project.folder}/no-state"})
    restarts, kept = fates(found)
    assert (found["compared_with"], offline["compared_with"]) == ("state", "base")
    assert restarts == pods
    assert volumes.items() <= kept.items()
    assert fates(offline) == (restarts, kept)
    assert operations(offline) == operations(found)


def test_a_volume_that_cannot_be_changed(project: Project) -> None:
    """The cluster refuses another storage class in its dry run; where no cluster is asked, the loss is announced."""
    up = project.pulumi("up", "-s", STACK, "--yes", "--skip-preview")
    assert up.code == 0, up.output
    committed(project)
    project.config(STACK, modelCacheStorageClass="other", modelCacheDeleteOnDestroy="true")
    code, found = preview(project)
    assert (code, found["outcome"]) == (2, "failed")
    assert any("kubectl" in fault and "tgi-v100-2gpu-cache" in fault for fault in found["faults"]), found["faults"]
    code, offline = preview(project, "--base", "main", env={"PULUMI_BACKEND_URL": f"file://{project.folder}/no-state"})
    assert code == 0
    assert fates(offline)[1]["tgi-v100-2gpu-cache"] == ("lost", True)


def test_a_refused_change_of_a_running_stack(project: Project, tmp_path: Path) -> None:
    """What runs is left alone, and the bill of both is shown."""
    up = project.pulumi("up", "-s", STACK, "--yes", "--skip-preview")
    assert up.code == 0, up.output
    project.config(STACK, model="Qwen/Qwen2.5-32B-Instruct")
    comment = tmp_path / "comment.md"
    code, found = preview(project, "--comment", str(comment))
    assert code == 1
    assert found["before"]["plan"]["spec"]["model"] == MISTRAL
    assert found["steps"] == []
    text = comment.read_text(encoding="utf-8")
    assert "| `model` | `mistralai/Mistral-7B-Instruct-v0.2` | `Qwen/Qwen2.5-32B-Instruct` |" in text
    assert "nothing. A refused change creates nothing and leaves what runs alone." in text


def test_secrets_of_state_and_configuration_stay_secret(project: Project, tmp_path: Path) -> None:
    """Encrypted configuration and generated values that a program shows are hidden; without the passphrase too."""
    env = {"PULUMI_CONFIG_PASSPHRASE": "of this test"}
    project.env.update(env)
    changed = project.run("pulumi", "stack", "rm", STACK, "--yes", "--force", env=env)
    assert changed.code == 0, changed.output
    stack_file = project.folder / f"Pulumi.{STACK}.yaml"
    stack_file.write_text(f"config:\n  voltaic:profile: v100-2gpu\n  voltaic:model: {MISTRAL}\n", encoding="utf-8")
    for words in (("stack", "init", STACK), ("config", "set", "-s", STACK, "--secret", "apiKey", "planted-api-key")):
        done = project.pulumi(*words)
        assert done.code == 0, done.output
    up = project.pulumi("up", "-s", STACK, "--yes", "--skip-preview")
    assert up.code == 0, up.output
    outputs = project.pulumi("stack", "output", "-s", STACK, "--json", "--show-secrets")
    generated = json.loads(outputs.output)["chatAdminPassword"]
    program = project.folder / "__main__.py"
    text = program.read_text(encoding="utf-8")
    leak = (
        f'pulumi.log.warn("told: " + pulumi.Config().require("apiKey") + " and {generated}")\n'
        'pulumi.log.warn(__import__("base64").b64encode(pulumi.Config().require("apiKey").encode()).decode())\n'
    )
    program.write_text(text.replace("pulumi.run(", f"{leak}pulumi.run("), encoding="utf-8")
    before = stack_file.read_bytes()
    comment = tmp_path / "comment.md"
    for more, against in ((env, "state"), ({"PULUMI_CONFIG_PASSPHRASE": "wrong"}, "nothing")):
        code, found = preview(project, "--comment", str(comment), env=more)
        assert code == 0, found
        assert found["compared_with"] == against
        assert any("told: " in one["text"] for one in found["messages"])
        for shown in (json.dumps(found), comment.read_text(encoding="utf-8")):
            assert "planted" not in shown
            assert "cGxhbnRlZC" not in shown
            assert generated not in shown
    assert "the state cannot be" in " ".join(found["notes"])
    assert stack_file.read_bytes() == before


def test_a_stack_that_lives_elsewhere_is_not_accepted(project: Project) -> None:
    """The guard of the stack speaks in the preview: neither accepted nor refused, with what to do."""
    up = project.pulumi("up", "-s", STACK, "--yes", "--skip-preview")
    assert up.code == 0, up.output
    kubeconfig = project.folder / "elsewhere"
    text = Path(project.env["KUBECONFIG"]).read_text(encoding="utf-8")
    other = re.sub(r"certificate-authority(-data)?: .*", "insecure-skip-tls-verify: true", text)
    kubeconfig.write_text(other.replace("https://127.0.0.1", "https://127.0.0.2"), encoding="utf-8")
    assert kubeconfig.read_text(encoding="utf-8") != text
    code, found = preview(project, env={"KUBECONFIG": str(kubeconfig)})
    assert (code, found["outcome"]) == (2, "failed")
    assert any("this stack lives in" in fault for fault in found["faults"]), found["faults"]
