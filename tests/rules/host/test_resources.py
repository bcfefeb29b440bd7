"""Memory, shared memory and cores: arithmetic and legal exceptions that a fixture would not show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document


def without_shm(pod: Any, container: Any) -> None:
    """Take the volume at /dev/shm away."""
    container["volumeMounts"] = [one for one in container["volumeMounts"] if one["name"] != "shm"]
    pod["volumes"] = [one for one in pod["volumes"] if one["name"] != "shm"]


def test_the_nodes_own_shared_memory_is_shared_memory(said: Any) -> None:
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
def test_shared_memory_of_other_kinds(said: Any, volume: dict[str, Any], count: int) -> None:
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
def test_quantities(said: Any, value: Any, count: int) -> None:
    """Kubernetes reads numbers with and without suffixes and exponents; templates are not judged."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"]["limits"]["memory"] = value

    assert len(said("resource-quantity", "vllm", edit)) == count


@pytest.mark.parametrize(("limit", "count"), [("13Gi", 1), ("14483464191", 1), ("14483464192", 0), ("${MEMORY}", 0)])
def test_the_memory_limit_is_compared_with_the_exact_model(said: Any, limit: str, count: int) -> None:
    """One byte decides: 7,241,732,096 parameters of two bytes."""

    def edit(pod: Any, container: Any) -> None:
        terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        terms["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] = ["Tesla-V100-SXM2-32GB"]
        container["resources"]["limits"] |= {"memory": limit, "nvidia.com/gpu": 1}
        container["resources"]["requests"]["nvidia.com/gpu"] = 1

    assert len(said("memory-limit", "tgi", edit)) == count


@pytest.mark.parametrize(("cpu", "count"), [("2", 0), ("2000m", 0), ("1999m", 1), (1.5, 1), ("${CPU}", 0)])
def test_cores(said: Any, cpu: Any, count: int) -> None:
    """Two model processes need two cores, in whatever form they are written."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"]["requests"]["cpu"] = cpu

    assert len(said("cpu-starved", "vllm", edit)) == count


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
def test_quantities_of_other_resources(said: Any, resource: tuple[str, str], value: str, count: int) -> None:
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
def test_requests_and_limits(said: Any, resource: str, asked: Any, limit: Any, count: int) -> None:
    """Quantities are compared as numbers; GPUs are another family's matter."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"]["requests"][resource] = asked
        container["resources"]["limits"][resource] = limit

    assert len(said("request-above-limit", "llama-cpp", edit)) == count


@pytest.mark.parametrize(("asked", "count"), [("4Gi", 0), ("4095Mi", 1), ("${MEMORY}", 0), ("1k", 0)])
def test_requests_of_memory(said: Any, asked: str, count: int) -> None:
    """Two processes of 2 GiB; a number without its suffix is another rule's matter."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"]["requests"]["memory"] = asked

    assert len(said("memory-request", "vllm", edit)) == count


def test_shared_memory_on_the_disk_takes_no_memory(said: Any) -> None:
    """Only a volume of medium Memory counts within the memory limit."""

    def edit(pod: Any, container: Any) -> None:
        pod["volumes"][1] = {"name": "shm", "emptyDir": {"sizeLimit": "24Gi"}}

    assert said("shm-in-memory", "vllm", edit) == []


@pytest.mark.parametrize("rule", ["memory-request", "cpu-starved"])
def test_a_limit_range_gives_what_is_left_out(said: Any, rule: str) -> None:
    """Whether it gives this resource is not looked at: it says that the namespace has defaults."""

    def edit(_pod: Any, container: Any) -> None:
        container["resources"] = {"limits": {"nvidia.com/gpu": 2}}

    limits = {"kind": "LimitRange", "metadata": {"name": "defaults", "namespace": "team-a"}, "spec": {}}
    assert len(said(rule, "vllm", edit)) == 1
    assert said(rule, "vllm", edit, limits) == []


def test_a_loud_variable_is_found_where_it_stands() -> None:
    """The place is the variable's own entry; of one that comes from elsewhere the container."""
    content = load_documents((Path(__file__).parents[1] / "fixtures" / "baseline" / "vllm.yaml").read_text())[0]
    container = content["spec"]["template"]["spec"]["containers"][0]
    container["env"].append({"name": "NCCL_DEBUG", "value": "info"})
    checked = checking.check([Document("m.yaml", 1, content)])
    found = [one.finding.path for one in checked[0].said if one.finding.rule == "nccl-variables"]
    assert found == [f"spec.template.spec.containers[0].env[{len(container['env']) - 1}]"]


@pytest.mark.parametrize(
    ("value", "meant"),
    [("24GB", "24Gi"), ("1.5 TiB", "1.5Ti"), ("512m", "512Mi"), ("16", "16Gi"), ("plenty", "16Gi")],
)
def test_what_was_perhaps_meant(value: str, meant: str) -> None:
    """The way out keeps the number and the letter that were written."""
    content = load_documents((Path(__file__).parents[1] / "fixtures" / "baseline" / "vllm.yaml").read_text())[0]
    content["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = value
    checked = checking.check([Document("m.yaml", 1, content)])
    found = [one.finding.fix for one in checked[0].said if one.finding.rule == "resource-quantity"]
    assert [fix.endswith(f"resources.limits.memory: {meant}.") for fix in found] == [True]
