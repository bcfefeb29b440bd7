"""The nodes of the simulated cluster, as data."""

from __future__ import annotations

import pytest

from simulator.nodes import gpu_labels, nodes, table


def by_name(name: str) -> dict:
    """The node of this name."""
    return next(node for node in nodes() if node["metadata"]["name"] == name)


def test_every_promised_shape_exists() -> None:
    """V100 with 16 and 32 GB come with 1, 2 and 4 GPUs, and there is a node without GPU for the web page."""
    shapes = {
        (node["metadata"]["labels"].get("nvidia.com/gpu.product"), node["status"]["allocatable"].get("nvidia.com/gpu"))
        for node in nodes()
    }
    for product in ("Tesla-V100-SXM2-16GB", "Tesla-V100-SXM2-32GB"):
        for count in ("1", "2", "4"):
            assert (product, count) in shapes
    assert (None, None) in shapes


def test_labels_are_those_of_gpu_feature_discovery() -> None:
    """A two-GPU V100 16 GB node has exactly the labels that GPU feature discovery sets, with a V100's values."""
    assert gpu_labels("v100-16gb", 2) == {
        "feature.node.kubernetes.io/pci-10de.present": "true",
        "nvidia.com/cuda.driver-version.full": "550.127.05",
        "nvidia.com/cuda.driver-version.major": "550",
        "nvidia.com/cuda.driver-version.minor": "127",
        "nvidia.com/cuda.driver-version.revision": "05",
        "nvidia.com/cuda.driver.major": "550",
        "nvidia.com/cuda.driver.minor": "127",
        "nvidia.com/cuda.driver.rev": "05",
        "nvidia.com/cuda.runtime-version.full": "12.4",
        "nvidia.com/cuda.runtime-version.major": "12",
        "nvidia.com/cuda.runtime-version.minor": "4",
        "nvidia.com/cuda.runtime.major": "12",
        "nvidia.com/cuda.runtime.minor": "4",
        "nvidia.com/gpu.compute.major": "7",
        "nvidia.com/gpu.compute.minor": "0",
        "nvidia.com/gpu.count": "2",
        "nvidia.com/gpu.family": "volta",
        "nvidia.com/gpu.machine": "simulated",
        "nvidia.com/gpu.memory": "16384",
        "nvidia.com/gpu.mode": "compute",
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": "Tesla-V100-SXM2-16GB",
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/mig.capable": "false",
        "nvidia.com/mps.capable": "false",
    }


def test_gpu_nodes_are_tainted_and_others_not() -> None:
    """Only pods that tolerate nvidia.com/gpu come onto GPU nodes."""
    for node in nodes():
        gpus = node["status"]["capacity"].get("nvidia.com/gpu")
        taints = node["spec"].get("taints", [])
        assert taints == ([{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}] if gpus else [])


def test_size_follows_the_number_of_gpus() -> None:
    """Two GPUs bring twice the CPUs and memory of one; what the system keeps is not allocatable."""
    status = by_name("v100-16gb-x2")["status"]
    assert status["capacity"] == {
        "cpu": "16",
        "memory": "122Gi",
        "ephemeral-storage": "500Gi",
        "pods": "110",
        "nvidia.com/gpu": "2",
    }
    assert status["allocatable"] == {
        "cpu": "15",
        "memory": "119Gi",
        "ephemeral-storage": "475Gi",
        "pods": "110",
        "nvidia.com/gpu": "2",
    }


def test_kubelets_are_reached_on_the_loopback_address() -> None:
    """Every node carries its addresses, which logs and port-forward need, and they do not leave this machine."""
    for node in nodes():
        assert node["status"]["addresses"] == [
            {"type": "InternalIP", "address": "127.0.0.1"},
            {"type": "Hostname", "address": "localhost"},
        ]


def test_kwok_plays_every_node() -> None:
    """Every node is marked as one that kwok plays, and names are unique."""
    names = [node["metadata"]["name"] for node in nodes()]
    assert len(set(names)) == len(names)
    assert all(node["metadata"]["annotations"]["kwok.x-k8s.io/node"] == "fake" for node in nodes())


@pytest.mark.parametrize("line", table()["gpu_nodes"], ids=lambda line: line["name"])
def test_names_say_what_the_node_is(line: dict) -> None:
    """A node is named after its GPU and their number."""
    assert line["name"] == f"{line['gpu']}-x{line['count']}"
