"""Node objects from the table in nodes.yaml."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import yaml

from simulator.names import GPU_RESOURCE, GPU_TAINT

PODS_PER_NODE = 110  # the kubelet's default


@functools.cache
def table() -> dict[str, Any]:
    """What nodes.yaml says."""
    text = resources.files("simulator").joinpath("nodes.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def nodes() -> list[dict[str, Any]]:
    """Every node of the cluster, with its status: what it offers and where its kubelet is reached."""
    data = table()
    per_gpu = data["per_gpu"]
    gpu_nodes = [
        _node(
            line["name"],
            {key: per_gpu[key] * line["count"] for key in per_gpu},
            labels=gpu_labels(line["gpu"], line["count"]),
            gpus=line["count"],
        )
        for line in data["gpu_nodes"]
    ]
    cpu_nodes = [_node(line["name"], line) for line in data["cpu_nodes"]]
    return gpu_nodes + cpu_nodes


def gpu_labels(gpu: str, count: int) -> dict[str, str]:
    """The labels that GPU feature discovery and the GPU operator set on a node with `count` GPUs of this kind."""
    data = table()
    facts = data["gpus"][gpu]
    compute_major, compute_minor = facts["compute"].split(".")
    driver_major, driver_minor, driver_revision = data["driver"].split(".")
    cuda_major, cuda_minor = data["cuda"].split(".")
    labels = {
        "cuda.driver-version.full": data["driver"],
        "cuda.driver-version.major": driver_major,
        "cuda.driver-version.minor": driver_minor,
        "cuda.driver-version.revision": driver_revision,
        "cuda.driver.major": driver_major,  # the short names are the deprecated ones, still set
        "cuda.driver.minor": driver_minor,
        "cuda.driver.rev": driver_revision,
        "cuda.runtime-version.full": data["cuda"],
        "cuda.runtime-version.major": cuda_major,
        "cuda.runtime-version.minor": cuda_minor,
        "cuda.runtime.major": cuda_major,
        "cuda.runtime.minor": cuda_minor,
        "gpu.compute.major": compute_major,
        "gpu.compute.minor": compute_minor,
        "gpu.count": count,
        "gpu.family": facts["family"],
        "gpu.machine": "simulated",
        "gpu.memory": facts["memory_mib"],
        "gpu.mode": "compute",
        "gpu.present": "true",
        "gpu.product": facts["product"],
        "gpu.replicas": "1",
        "gpu.sharing-strategy": "none",
        "mig.capable": "false",
        "mps.capable": "false",
    }
    return {f"nvidia.com/{key}": str(value) for key, value in labels.items()} | {
        "feature.node.kubernetes.io/pci-10de.present": "true",  # node feature discovery: a PCI device of NVIDIA's
    }


def _node(name: str, size: dict[str, int], *, labels: dict[str, str] | None = None, gpus: int = 0) -> dict[str, Any]:
    reserved = table()["reserved"]
    capacity = _resources(size, gpus)
    allocatable = _resources({key: size[key] - reserved[key] for key in reserved}, gpus)
    node: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "type": "kwok",
                **(labels or {}),
            },
            "annotations": {"kwok.x-k8s.io/node": "fake"},  # kwok plays the kubelet of nodes with this annotation
        },
        "spec": {"taints": [dict(GPU_TAINT)]} if gpus else {},
        "status": {
            "capacity": capacity,
            "allocatable": allocatable,
            # where the API server finds the kubelet, for logs and port-forward; lost addresses break both
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": "localhost"},
            ],
        },
    }
    return node


def _resources(size: dict[str, int], gpus: int) -> dict[str, str]:
    amounts = {
        "cpu": str(size["cpu"]),
        "memory": f"{size['memory_gib']}Gi",
        "ephemeral-storage": f"{size['disk_gib']}Gi",
        "pods": str(PODS_PER_NODE),
    }
    return amounts | ({GPU_RESOURCE: str(gpus)} if gpus else {})
