"""Legal exceptions of rules about the node that a fixture would not show, or only with another finding beside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document

if TYPE_CHECKING:
    from collections.abc import Callable

BASELINES = Path(__file__).parents[1] / "fixtures" / "baseline"
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "llm-cache", "namespace": "team-a"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
}


def said(rule: str, baseline: str, edit: Callable[[Any, Any], object], *others: Any) -> list[str]:
    """Return what a rule says of a baseline after a change of its pod and of its first container."""
    content = load_documents((BASELINES / f"{baseline}.yaml").read_text())[0]
    pod = content["spec"]["template"]["spec"]
    edit(pod, pod["containers"][0])
    documents = [Document("m.yaml", number, one) for number, one in enumerate((content, *others), 1)]
    return [
        one.finding.message for found in checking.check(documents) for one in found.said if one.finding.rule == rule
    ]


def without_shm(pod: Any, container: Any) -> None:
    """Take the volume at /dev/shm away."""
    container["volumeMounts"] = [one for one in container["volumeMounts"] if one["name"] != "shm"]
    pod["volumes"] = [one for one in pod["volumes"] if one["name"] != "shm"]


def test_the_nodes_own_shared_memory_is_shared_memory() -> None:
    """A pod in the node's IPC namespace has what the node has."""

    def edit(pod: Any, container: Any) -> None:
        without_shm(pod, container)
        pod["hostIPC"] = True

    assert said("shm-missing", "vllm", without_shm)
    assert said("shm-missing", "vllm", edit) == []


@pytest.mark.parametrize(
    ("volume", "count"),
    [
        ({"hostPath": {"path": "/dev/shm"}}, 0),  # noqa: S108  a manifest's own path
        ({"emptyDir": {"medium": "Memory", "sizeLimit": "${SHM}"}}, 0),
        ({"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}, 0),
        ({"emptyDir": {"medium": "Memory", "sizeLimit": "1023Mi"}}, 1),
        ({"emptyDir": None}, 1),
    ],
)
def test_shared_memory_of_other_kinds(volume: dict[str, Any], count: int) -> None:
    """What is no emptyDir, or cannot be read, is not judged."""

    def edit(pod: Any, _container: Any) -> None:
        pod["volumes"] = [one for one in pod["volumes"] if one["name"] != "shm"] + [{"name": "shm"} | volume]

    assert len(said("shm-size", "vllm", edit)) == count


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("16Gi", 0),
        (17179869184, 0),
        ("1.5e10", 0),
        ("+16Gi", 0),
        ("16000000k", 0),
        ("{{ .Values.memory }}", 0),
        ("${MEMORY}", 0),
        ("16GiB", 1),
        ("16 Gi", 1),
        ("sixteen", 1),
        ("-16Gi", 1),
        (True, 1),
        ("16", 1),
        ("16384m", 1),
        ("1048575", 1),
        ("1Mi", 0),
        ("0" * 65, 1),
        ({"from": "somewhere"}, 0),
    ],
)
def test_quantities(value: Any, count: int) -> None:
    """Kubernetes reads numbers with and without suffixes and exponents; templates are not judged."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"]["limits"]["memory"] = value

    assert len(said("resource-quantity", "vllm", edit)) == count


@pytest.mark.parametrize(("limit", "count"), [("13Gi", 1), ("14483464191", 1), ("14483464192", 0), ("${MEMORY}", 0)])
def test_the_memory_limit_is_compared_with_the_exact_model(limit: str, count: int) -> None:
    """One byte decides: 7,241,732,096 parameters of two bytes."""

    def edit(pod: Any, container: Any) -> None:
        terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        terms["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] = ["Tesla-V100-SXM2-32GB"]
        container["resources"]["limits"] |= {"memory": limit, "nvidia.com/gpu": 1}
        container["resources"]["requests"]["nvidia.com/gpu"] = 1

    assert len(said("memory-limit", "tgi", edit)) == count


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
def test_the_claim_is_found_by_name_and_namespace(change: dict[str, Any], count: int) -> None:
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
def test_where_no_volume_is_mounted(env: list[Any], directory: str | None) -> None:
    """Of a user whose home is not known, and of a value in a Secret, nothing is said."""

    def edit(_pod: Any, container: Any) -> None:
        container["env"] = env

    found = said("cache-directory", "vllm", edit)
    assert [f"downloaded to {directory}," in message for message in found] == ([] if directory is None else [True])


@pytest.mark.parametrize(("user", "count"), [(0, 1), (None, 1), (1000, 0)])
def test_the_home_of_root_is_the_images(user: int | None, count: int) -> None:
    """Root keeps models below /root, where the image has no volume; another user's home is not known."""

    def edit(pod: Any, container: Any) -> None:
        container["env"] = []
        pod["securityContext"] = {} if user is None else {"runAsUser": user}

    assert len(said("cache-directory", "vllm", edit)) == count


def test_a_claim_in_an_init_containers_hands_is_not_the_servers() -> None:
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


@pytest.mark.parametrize(("cpu", "count"), [("2", 0), ("2000m", 0), ("1999m", 1), (1.5, 1), ("${CPU}", 0)])
def test_cores(cpu: Any, count: int) -> None:
    """Two model processes need two cores, in whatever form they are written."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"]["requests"]["cpu"] = cpu

    assert len(said("cpu-starved", "vllm", edit)) == count


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
    ("resource", "value", "count"),
    [
        (("limits", "cpu"), "500m", 0),
        (("limits", "cpu"), "two", 1),
        (("requests", "memory"), "512m", 0),
        (("requests", "memory"), "512MB", 1),
        (("limits", "ephemeral-storage"), "4", 1),
    ],
)
def test_quantities_of_other_resources(resource: tuple[str, str], value: str, count: int) -> None:
    """Half a core is a quantity, and a request of nearly nothing is allowed; a limit of it is not meant."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"][resource[0]][resource[1]] = value

    assert len(said("resource-quantity", "vllm", edit)) == count


@pytest.mark.parametrize(
    ("resource", "asked", "limit", "count"),
    [
        ("cpu", "1500m", "1", 1),
        ("cpu", "1", "1500m", 0),
        ("cpu", "${CPU}", "1", 0),
        ("memory", "1Gi", "1073741823", 1),
        ("ephemeral-storage", "5Gi", "4Gi", 1),
        ("nvidia.com/gpu", 4, 2, 0),
    ],
)
def test_requests_and_limits(resource: str, asked: Any, limit: Any, count: int) -> None:
    """Quantities are compared as numbers; GPUs are another family's matter."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"]["requests"][resource] = asked
        container["resources"]["limits"][resource] = limit

    assert len(said("request-above-limit", "llama-cpp", edit)) == count


@pytest.mark.parametrize(("asked", "count"), [("4Gi", 0), ("4095Mi", 1), ("${MEMORY}", 0), ("1k", 0)])
def test_requests_of_memory(asked: str, count: int) -> None:
    """Two processes of 2 GiB; a number without its suffix is another rule's matter."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"]["requests"]["memory"] = asked

    assert len(said("memory-request", "vllm", edit)) == count


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
    volume: dict[str, Any], limits: list[str | None], count: int
) -> None:
    """A volume counts against all limits together; memory and the node's own folders do not count."""

    def edit(pod: Any, container: Any) -> None:
        pod["volumes"][0] = {"name": "cache"} | volume
        pod["containers"] += [{"name": f"c{number}", "image": "c:1"} for number in range(len(limits) - 1)]
        pod["initContainers"] = [{"name": "i", "image": "i:1", "resources": {"limits": {"ephemeral-storage": "90Gi"}}}]
        for one, limit in zip(pod["containers"], limits, strict=True):
            one.setdefault("resources", {}).setdefault("limits", {})["ephemeral-storage"] = limit

    assert len(said("cache-size", "tgi", edit)) == count


def test_the_containers_own_layer_has_its_own_limit() -> None:
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


def test_shared_memory_on_the_disk_takes_no_memory() -> None:
    """Only a volume of medium Memory counts within the memory limit."""

    def edit(pod: Any, container: Any) -> None:
        pod["volumes"][1] = {"name": "shm", "emptyDir": {"sizeLimit": "24Gi"}}

    assert said("shm-in-memory", "vllm", edit) == []


def test_a_volume_that_nobody_defines_says_nothing() -> None:
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
def test_who_runs_the_server(pod: dict[str, Any], container: dict[str, Any], count: int) -> None:
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
