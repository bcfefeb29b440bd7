"""Where a model is kept: arithmetic and legal exceptions that a fixture would not show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document

BASELINES = Path(__file__).parents[1] / "fixtures" / "baseline"
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "llm-cache", "namespace": "team-a"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
}


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({}, 1),
        ({"spec": {"resources": {"requests": {"storage": "14483464192"}}}}, 0),
        ({"metadata": {"name": "another", "namespace": "team-a"}}, 0),
        ({"metadata": {"name": "llm-cache", "namespace": "team-b"}}, 0),
        ({"metadata": {"name": "llm-cache"}}, 1),
    ],
)
def test_the_claim_is_found_by_name_and_namespace(said: Any, change: dict[str, Any], count: int) -> None:
    """A claim of another name or namespace says nothing; one without a namespace is applied to the same."""
    assert len(said("cache-size", "tgi", lambda _pod, _container: None, CLAIM | change)) == count


@pytest.mark.parametrize(
    ("env", "directory"),
    [
        ([{"name": "HF_HOME", "value": "/models"}], "/models/hub"),
        ([{"name": "HF_HOME", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}], None),
        ([], None),
        ([{"name": "HOME", "value": "/home/me"}], "/home/me/.cache/huggingface/hub"),
    ],
)
def test_where_no_volume_is_mounted(said: Any, env: list[Any], directory: str | None) -> None:
    """Of a user whose home is not known, and of a value in a Secret, nothing is said."""

    def edit(_pod: Any, container: Any) -> None:
        container["env"] = env

    found = said("cache-directory", "vllm", edit)
    assert [f"downloaded to {directory}," in message for message in found] == ([] if directory is None else [True])


@pytest.mark.parametrize(("user", "count"), [(0, 1), (None, 1), (1000, 0)])
def test_the_home_of_root_is_the_images(said: Any, user: int | None, count: int) -> None:
    """Root keeps models below /root, where the image has no volume; another user's home is not known."""

    def edit(pod: Any, container: Any) -> None:
        container["env"] = []
        pod["securityContext"] = {} if user is None else {"runAsUser": user}

    assert len(said("cache-directory", "vllm", edit)) == count


def test_a_claim_in_an_init_containers_hands_is_not_the_servers(said: Any) -> None:
    """Only what the server itself mounts is where it keeps the model."""

    def edit(pod: Any, container: Any) -> None:
        container["volumeMounts"] = [one for one in container["volumeMounts"] if one["name"] != "cache"]
        pod["initContainers"] = [
            {"name": "fetch", "image": "fetch:1", "volumeMounts": [{"name": "cache", "mountPath": "/data"}]}
        ]

    assert len(said("cache-directory", "tgi", edit)) == 1


@pytest.mark.parametrize(
    ("kind", "selector", "count"),
    [
        ("Deployment", {}, 1),
        ("Deployment", {"kubernetes.io/hostname": "node-1"}, 0),
        ("DaemonSet", {}, 0),
    ],
)
def test_replicas_that_share_a_claim(kind: str, selector: dict[str, str], count: int) -> None:
    """Replicas that are held on one node share what one node can mount."""

    def edit(pod: Any, _container: Any) -> None:
        pod["nodeSelector"] = selector

    content = load_documents((BASELINES / "tgi.yaml").read_text())[0]
    content["kind"] = kind
    content["spec"]["replicas"] = 2
    edit(content["spec"]["template"]["spec"], None)
    documents = [Document("m.yaml", 1, content), Document("m.yaml", 2, CLAIM)]
    found = [one.finding.rule for checked in checking.check(documents) for one in checked.said]
    assert found.count("cache-access-mode") == count


def test_every_place_is_a_field_of_the_document() -> None:
    """A finding points to the volume, the mount or the limit that it is about."""

    def edit(pod: Any, container: Any) -> None:
        pod["volumes"][0] = {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}}
        container["resources"]["limits"]["memory"] = "24GB"

    content = load_documents((BASELINES / "vllm.yaml").read_text())[0]
    pod = content["spec"]["template"]["spec"]
    edit(pod, pod["containers"][0])
    found = {
        one.finding.rule: one.finding.path
        for checked in checking.check([Document("m.yaml", 1, content)])
        for one in checked.said
    }
    assert found["cache-size"] == "spec.template.spec.volumes[0].emptyDir.sizeLimit"
    assert found["cache-lost"] == "spec.template.spec.volumes[0]"
    assert found["resource-quantity"] == "spec.template.spec.containers[0].resources.limits.memory"


@pytest.mark.parametrize(
    ("volume", "limits", "count"),
    [
        ({"emptyDir": {}}, ["4Gi"], 1),
        ({"emptyDir": {}}, ["4Gi", "10Gi"], 0),
        ({"emptyDir": {}}, ["4Gi", "9Gi"], 1),
        ({"emptyDir": {}}, [None], 0),
        ({"emptyDir": {"medium": "Memory", "sizeLimit": "20Gi"}}, ["4Gi"], 0),
        ({"hostPath": {"path": "/models"}}, ["4Gi"], 0),
    ],
)
def test_the_nodes_disk_is_shared_by_the_pods_containers(
    said: Any, volume: dict[str, Any], limits: list[str | None], count: int
) -> None:
    """A volume counts against all limits together; memory and the node's own folders do not count."""

    def edit(pod: Any, container: Any) -> None:
        pod["volumes"][0] = {"name": "cache"} | volume
        pod["containers"] += [{"name": f"c{number}", "image": "c:1"} for number in range(len(limits) - 1)]
        pod["initContainers"] = [{"name": "i", "image": "i:1", "resources": {"limits": {"ephemeral-storage": "90Gi"}}}]
        for one, limit in zip(pod["containers"], limits, strict=True):
            one.setdefault("resources", {}).setdefault("limits", {})["ephemeral-storage"] = limit

    assert len(said("cache-size", "tgi", edit)) == count


def test_the_containers_own_layer_has_its_own_limit(said: Any) -> None:
    """What another container may write does not help."""

    def edit(pod: Any, container: Any) -> None:
        container["volumeMounts"] = []
        pod["containers"].append({"name": "c", "image": "c:1", "resources": {"limits": {"ephemeral-storage": "90Gi"}}})

    assert len(said("cache-size", "tgi", edit)) == 1


@pytest.mark.parametrize(
    ("model", "what"), [("Qwen/Qwen2.5-7B-Instruct", "14.19 GiB of weights"), ("somebody/unknown", "the model")]
)
@pytest.mark.parametrize("rule", ["cache-lost", "cache-directory"])
def test_what_is_downloaded_again(rule: str, model: str, what: str) -> None:
    """The reason names the bytes, where they are known."""
    content = load_documents((BASELINES / "vllm.yaml").read_text())[0]
    pod = content["spec"]["template"]["spec"]
    container = pod["containers"][0]
    container["args"][0] = f"--model={model}"
    if rule == "cache-lost":
        pod["volumes"][0] = {"name": "cache", "emptyDir": {}}
    else:
        container["volumeMounts"] = []
    checked = checking.check([Document("m.yaml", 1, content)])
    found = [one.finding for one in checked[0].said if one.finding.rule == rule]
    assert [what in one.why for one in found] == [True]
    sizes = [one.finding.rule for one in checked[0].said if one.finding.rule == "cache-size"]
    assert bool(sizes) == (model != "somebody/unknown")


def test_a_volume_that_nobody_defines_says_nothing(said: Any) -> None:
    """A mount whose volume is missing is refused by the API server; here nothing is guessed of it."""

    def edit(pod: Any, container: Any) -> None:
        pod["volumes"] = []

    for rule in ("cache-size", "cache-lost", "cache-directory", "shm-size", "shm-in-memory"):
        assert said(rule, "vllm", edit) == []


@pytest.mark.parametrize(
    ("pod", "container", "count"),
    [
        ({"runAsNonRoot": True}, {}, 0),
        ({"runAsNonRoot": True}, {"runAsUser": 0}, 1),
        ({"runAsUser": 0}, {"runAsUser": 1000}, 0),
        ({}, {"runAsNonRoot": True}, 0),
    ],
)
def test_who_runs_the_server(said: Any, pod: dict[str, Any], container: dict[str, Any], count: int) -> None:
    """The container's user goes first; whoever is not root has a home that is not known."""

    def edit(spec: Any, one: Any) -> None:
        one["env"] = []
        spec["securityContext"], one["securityContext"] = pod, container

    assert len(said("cache-directory", "vllm", edit)) == count


def test_replicas_on_a_named_node_share_a_claim() -> None:
    """A node that is named holds all pods."""
    content = load_documents((BASELINES / "tgi.yaml").read_text())[0]
    content["spec"]["replicas"] = 2
    documents = [Document("m.yaml", 1, content), Document("m.yaml", 2, CLAIM)]

    def found() -> int:
        return sum(one.finding.rule == "cache-access-mode" for done in checking.check(documents) for one in done.said)

    assert found() == 1
    content["spec"]["template"]["spec"]["nodeName"] = "node-1"
    assert found() == 0


def test_claims_of_overlays_are_not_mixed() -> None:
    """Of two that differ in other files nobody says which is meant; one in the same file is."""
    content = load_documents((BASELINES / "tgi.yaml").read_text())[0]
    del content["metadata"]["namespace"]
    claim = CLAIM | {"metadata": {"name": "llm-cache"}}

    def found(*files: str) -> int:
        storage = {
            file: {"resources": {"requests": {"storage": f"{5 + number}Gi"}}} for number, file in enumerate(files)
        }
        documents = [Document("a.yaml", 1, content)]
        documents += [Document(file, 2, claim | {"spec": spec}) for file, spec in storage.items()]
        return sum(one.finding.rule == "cache-size" for one in checking.check(documents)[0].said)

    assert found("b.yaml") == 1
    assert found("b.yaml", "c.yaml") == 0
    assert found("a.yaml", "c.yaml") == 1
