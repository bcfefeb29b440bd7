"""The GPU model by the labels of nodes that pods are placed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

PRODUCT = "nvidia.com/gpu.product"
V100, V100_32, T4 = "Tesla-V100-SXM2-16GB", "Tesla-V100-SXM2-32GB", "Tesla-T4"
GKE = "cloud.google.com/gke-accelerator"


@pytest.mark.parametrize(
    ("label", "value", "gpu"),
    [
        (PRODUCT, "NVIDIA-A100-SXM4-40GB", "a100-40gb"),
        (PRODUCT, "NVIDIA-A100-SXM4-40GB-MIG-3g.20gb", "a100-40gb-mig-3g.20gb"),
        (GKE, "nvidia-l4", "l4-24gb"),
        ("node.kubernetes.io/instance-type", "p3.2xlarge", "v100-16gb"),
        ("beta.kubernetes.io/instance-type", "p3dn.24xlarge", "v100-32gb"),
        ("karpenter.k8s.aws/instance-type", "g4dn.xlarge", "t4-16gb"),
        ("node.kubernetes.io/instance-type", "Standard_NC6s_v3", "v100-16gb"),
        ("node.kubernetes.io/instance-type", "a2-ultragpu-1g", "a100-80gb"),
        ("node.kubernetes.io/instance-type", "g2-standard-8", "l4-24gb"),
        ("node.kubernetes.io/instance-type", "VM.GPU3.2", "v100-16gb"),
        ("karpenter.k8s.aws/instance-gpu-name", "t4", "t4-16gb"),
        ("eks.amazonaws.com/instance-gpu-name", "l40s", "l40s-48gb"),
        ("karpenter.k8s.aws/instance-family", "p3", "v100-16gb"),
        ("eks.amazonaws.com/instance-family", "p4de", "a100-80gb"),
        ("gpu.nvidia.com/class", "A100_NVLINK_80GB", "a100-80gb"),
        ("gpu.nvidia.com/model", "H100_NVLINK_80GB", "h100-80gb"),
        ("doks.digitalocean.com/gpu-model", "h100", "h100-80gb"),
        ("amd.com/gpu.product-name", "AMD_Instinct_MI300X_OAM", "mi300x-192gb"),
        # Sold with two memory sizes, or in parts: the name alone decides nothing.
        ("karpenter.k8s.aws/instance-gpu-name", "v100", None),
        ("karpenter.k8s.aws/instance-gpu-name", "a100", None),
        ("karpenter.k8s.aws/instance-gpu-name", "l4", None),
        ("nvidia.com/gpu.family", "volta", None),
        ("node.kubernetes.io/instance-type", "Standard_NV36ads_A10_v5", None),
        ("kubernetes.io/hostname", "v100-16gb", None),
    ],
)
def test_labels_that_mean_one_card_decide(
    label: str, value: str, gpu: str | None, *, container: Make, deployment: Make, one: Make
) -> None:
    """Of the driver, of clouds and of what provisions nodes; what may be two cards is neither."""
    found = one(deployment(container(), nodeSelector={label: value}))
    assert (found.spec.gpu.name if found.spec.gpu else None) == gpu


@pytest.mark.parametrize(
    ("pod", "annotations", "reason"),
    [
        (
            {GKE: "nvidia-l4", "cloud.google.com/gke-max-shared-clients-per-gpu": "3"},
            {},
            "gke-max-shared-clients-per-gpu=3",
        ),
        ({GKE: "nvidia-l4", "cloud.google.com/gke-gpu-sharing-strategy": "mps"}, {}, "gke-gpu-sharing-strategy=mps"),
        (
            {PRODUCT: T4, "nvidia.com/gpu.sharing-strategy": "time-slicing"},
            {},
            "nvidia.com/gpu.sharing-strategy=time-slicing",
        ),
        ({PRODUCT: f"{T4}-SHARED"}, {}, "shared by time slicing"),
        (
            {PRODUCT: "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig.config": "all-1g.5gb"},
            {},
            "nvidia.com/mig.config=all-1g.5gb",
        ),
        ({PRODUCT: T4}, {"gpu-fraction": "0.5"}, "the annotation gpu-fraction asks for a part of a GPU"),
        ({PRODUCT: T4}, {"gpu-memory": "2000"}, "the annotation gpu-memory asks for a part of a GPU"),
    ],
)
def test_a_gpu_that_is_shared_is_no_model(
    pod: dict[str, str], annotations: dict[str, str], reason: str, *, container: Make, deployment: Make, one: Make
) -> None:
    """How much of it a server gets is not known, whatever card it is."""
    content = deployment(container(), nodeSelector=pod)
    content["spec"]["template"]["metadata"] = {"annotations": annotations}
    found = one(content)
    assert found.spec.gpu is None
    assert reason in found.spec.gpu_unknown_because


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("cloud.google.com/gke-max-shared-clients-per-gpu", "1"),
        ("nvidia.com/gpu.sharing-strategy", "none"),
        ("nvidia.com/mig.config", "all-disabled"),
    ],
)
def test_a_label_may_say_that_nothing_is_shared(
    label: str, value: str, container: Make, deployment: Make, one: Make
) -> None:
    """One client, or no slices."""
    assert one(deployment(container(), nodeSelector={PRODUCT: T4, label: value})).spec.gpu.name == "t4-16gb"


def test_nodes_of_a_cloud_may_give_out_slices_as_gpus(container: Make, deployment: Make, one: Make) -> None:
    """GKE keeps the card in one label and the slice in another."""
    labels = {GKE: "nvidia-tesla-a100", "cloud.google.com/gke-gpu-partition-size": "3g.20gb"}
    assert one(deployment(container(), nodeSelector=labels)).spec.gpu.name == "a100-40gb-mig-3g.20gb"


@pytest.mark.parametrize(
    "resource",
    [
        "nvidia.com/gpu.shared",
        "nvidia.com/gpumem",
        "nvidia.com/gpumem-percentage",
        "nvidia.com/vgpu",
        "volcano.sh/vgpu-memory",
        "aliyun.com/gpu-mem",
    ],
)
def test_part_of_a_gpu_beside_a_whole_one_is_a_part(
    resource: str, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """Sharing by resource asks for a GPU and says how much of it."""
    found = one(deployment(container(resources={"limits": {"nvidia.com/gpu": 1, resource: 10}})))
    assert found.spec.gpus is None
    assert f"{resource} is a part of a GPU" in unreadable(found)["resources.limits"]


@pytest.mark.parametrize(
    "resource",
    [
        *("habana.ai/gaudi", "aws.amazon.com/neuron", "aws.amazon.com/neurondevice", "google.com/tpu"),
        *("gpu.intel.com/i915", "huawei.com/Ascend910", "rebellions.ai/ATOM", "hygon.com/dcunum", "cambricon.com/mlu"),
    ],
)
def test_accelerators_of_others_are_listed(resource: str, container: Make, deployment: Make, one: Make) -> None:
    """Their engines are builds of their own, whatever the image is called."""
    found = one(deployment(container(resources={"limits": {resource: 1}})))
    assert (found.recognised, found.reason) == (None, f"asks for {resource}, another kind of accelerator")


def nodes(*terms: list[tuple[str, str, list[str]]], how: str = "required") -> dict[str, Any]:
    """Return a node affinity of these terms, each of expressions (key, operator, values)."""
    rows = [
        {"matchExpressions": [{"key": key, "operator": operator, "values": values} for key, operator, values in term]}
        for term in terms
    ]
    if how == "preferred":
        weighed = [{"weight": 1, "preference": row} for row in rows]
        return {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighed}}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": rows}}}


@pytest.mark.parametrize(
    ("affinity", "gpu"),
    [
        (nodes([(PRODUCT, "In", [V100])]), "v100-16gb"),
        (nodes([(PRODUCT, "In", [V100, V100_32])]), None),
        (nodes([(PRODUCT, "In", [V100, V100_32]), (PRODUCT, "NotIn", [V100_32])]), "v100-16gb"),
        (nodes([(PRODUCT, "NotIn", [V100_32])]), None),
        (nodes([(PRODUCT, "Exists", [])]), None),
        (nodes([(PRODUCT, "In", [V100])], [(PRODUCT, "In", ["Tesla-V100-PCIE-16GB"])]), "v100-16gb"),
        (nodes([(PRODUCT, "In", [V100])], [(PRODUCT, "In", [T4])]), None),
        (nodes([(PRODUCT, "In", [V100])], [("zone", "In", ["a"])]), None),
        (nodes([(PRODUCT, "In", [V100]), ("zone", "In", ["a"])]), "v100-16gb"),
        (nodes([("node.kubernetes.io/instance-type", "In", ["p3.2xlarge", "p3.8xlarge"])]), "v100-16gb"),
        (nodes([("node.kubernetes.io/instance-type", "In", ["p3.2xlarge", "m5.large"])]), None),
        (nodes([(GKE, "In", ["nvidia-l4"]), ("cloud.google.com/gke-max-shared-clients-per-gpu", "In", ["2"])]), None),
        (nodes([(PRODUCT, "In", [V100])], how="preferred"), None),
    ],
)
def test_an_affinity_decides_where_every_way_leads_to_one_card(
    affinity: dict[str, Any], gpu: str | None, container: Make, deployment: Make, one: Make
) -> None:
    """Terms are ways to be placed, expressions conditions of one; a preference decides nothing."""
    found = one(deployment(container(), nodeSelector={}, affinity=affinity))
    assert (found.spec.gpu.name if found.spec.gpu else None) == gpu
