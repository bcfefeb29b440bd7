"""The main job: up, up again, change the model, destroy, up again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Project

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]

STACK = "v100-2gpu"


def ready_pods(project: Project) -> dict[str, str]:
    """Return node by container name of the pods that are Running and Ready."""
    found = {}
    for pod in project.objects("pods"):
        conditions = {item["type"]: item["status"] for item in pod["status"].get("conditions", [])}
        if pod["status"]["phase"] == "Running" and conditions.get("Ready") == "True":
            found[pod["spec"]["containers"][0]["name"]] = pod["spec"]["nodeName"]
    return found


def identities(project: Project, kind: str) -> dict[str, str]:
    """Return uid by name."""
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in project.objects(kind)}


def key_of(project: Project) -> dict[str, str]:
    """Return the data of every Secret of the stack, by name."""
    return {
        f"{item['metadata']['name']}/{key}": value
        for item in project.objects("secrets")
        if item["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "voltaic"
        for key, value in item.get("data", {}).items()
    }


def test_the_whole_road(project: Project) -> None:
    """Pods run on the two-GPU node, nothing changes twice; cache, chats and keys outlive model change and destroy."""
    up = project.pulumi("up", "-s", STACK, "--yes")
    assert up.code == 0, up.output
    pods = ready_pods(project)
    assert set(pods) == {"tgi", "webui"}
    nodes = project.cluster.admin() if project.cluster else None
    assert nodes is not None
    with nodes as api:
        node = api.get(f"/api/v1/nodes/{pods['tgi']}")
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "2"
    assert re.fullmatch("Tesla-V100-.*-16GB", node["metadata"]["labels"]["nvidia.com/gpu.product"])

    outputs = project.outputs(STACK)
    assert outputs["apiUrl"].startswith("http://")
    assert outputs["chatUrl"].startswith("http://")
    assert len(outputs["bill"]["bytes"]["per_gpu"]) == 2
    assert all(gpu["total"] <= gpu["budget"] for gpu in outputs["bill"]["bytes"]["per_gpu"])
    assert "--num-shard 1" in outputs["launcherCommand"]

    again = project.pulumi("up", "-s", STACK, "--yes", "--expect-no-changes")
    assert again.code == 0, again.output

    claims, keys = identities(project, "persistentvolumeclaims"), key_of(project)
    assert len(claims) == 2
    assert keys
    for value in keys.values():
        assert value not in up.output

    project.config(STACK, model="meta-llama/Llama-2-7b-chat-hf", hfToken="hf_" + "x" * 20)
    changed = project.pulumi("up", "-s", STACK, "--yes")
    assert changed.code == 0, changed.output
    assert identities(project, "persistentvolumeclaims") == claims
    assert {name: value for name, value in key_of(project).items() if name in keys} == keys
    served = next(item for item in project.objects("deployments") if "tgi" in item["metadata"]["name"])
    assert "meta-llama/Llama-2-7b-chat-hf" in str(served["spec"]["template"]["spec"]["containers"][0]["args"])

    destroyed = project.pulumi("destroy", "-s", STACK, "--yes")
    assert destroyed.code == 0, destroyed.output
    assert identities(project, "persistentvolumeclaims") == claims
    assert project.objects("deployments") == []
    assert project.objects("services") == []

    back = project.pulumi("up", "-s", STACK, "--yes")
    assert back.code == 0, back.output
    assert identities(project, "persistentvolumeclaims") == claims


def test_both_stacks_run_side_by_side(project: Project) -> None:
    """One stack per profile: the names of one do not collide with those of the other, in one namespace."""
    for stack in ("v100-1gpu", "v100-2gpu"):
        up = project.pulumi("up", "-s", stack, "--yes")
        assert up.code == 0, up.output
    assert len([name for name in project.names("deployments") if "tgi" in name]) == 2
    gone = project.pulumi("destroy", "-s", "v100-1gpu", "--yes")
    assert gone.code == 0, gone.output
    assert len([name for name in project.names("deployments") if "tgi" in name]) == 1
