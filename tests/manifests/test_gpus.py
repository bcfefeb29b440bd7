"""Which GPUs a pod gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import hardware

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("resources", "gpus"),
    [
        ({"limits": {"nvidia.com/gpu": 2}}, 2),
        ({"limits": {"nvidia.com/gpu": "2"}}, 2),
        ({"limits": {"nvidia.com/gpu": 2.0}}, 2),
        ({"limits": {"nvidia.com/gpu": "2000m"}}, 2),
        ({"requests": {"nvidia.com/gpu": "4"}}, 4),
        ({"requests": {"nvidia.com/gpu": 4}, "limits": {"nvidia.com/gpu": 2}}, 2),
        ({"limits": {"amd.com/gpu": 1}}, 1),
    ],
)
def test_gpus_are_counted(
    resources: dict[str, Any], gpus: int, *, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """Limits count, else requests, in every spelling of a whole number."""
    found = one(deployment(container(resources=resources)))
    assert found.spec is not None
    assert found.spec.gpus == gpus
    assert unreadable(found) == {}


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ({}, "no limit on nvidia.com/gpu or amd.com/gpu"),
        ({"limits": {"nvidia.com/gpu": True}}, "the limit nvidia.com/gpu is True, which is no whole number"),
        ({"limits": {"nvidia.com/gpu": "${n}"}}, "the limit nvidia.com/gpu is '${n}', which is no whole number"),
        ({"limits": {"nvidia.com/gpu": 0}}, "the limit nvidia.com/gpu is 0, which is no GPU at all"),
        ({"limits": {"nvidia.com/gpu.shared": 1}}, "nvidia.com/gpu.shared is a part of a GPU, whose memory is not kno"),
        ({"limits": {"nvidia.com/mig-1g.5gb": 0}}, "the limit nvidia.com/mig-1g.5gb is 0, which is no whole number"),
        (
            {"limits": {"nvidia.com/mig-1g.5gb": 1, "nvidia.com/mig-2g.10gb": 1}},
            "it asks for nvidia.com/mig-1g.5gb and nvidia.com/mig-2g.10gb, and a process sees one of them",
        ),
        ({"claims": [{"name": "gpu"}]}, "its GPUs come through resource claims, which are not read"),
    ],
)
def test_a_count_that_cannot_be_read_is_said(
    resources: dict[str, Any], reason: str, *, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """Without a whole number of GPUs the count is not known, never guessed."""
    found = one(deployment(container(resources=resources)))
    assert found.spec is not None
    assert found.spec.gpus is None
    message = unreadable(found)["resources.limits"]
    assert message.startswith(f"how many GPUs the pod gets cannot be read: {reason}")


@pytest.mark.parametrize("written", ["1.5", 0.5, "500m", -1, "-1"])
def test_parts_of_a_gpu_are_refused_by_kubernetes(
    written: Any, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """An extended resource is counted in whole numbers, so that the pod is never made."""
    found = one(deployment(container(resources={"limits": {"nvidia.com/gpu": written}})))
    assert unreadable(found) == {}
    assert [fault.message for fault in found.spec.command.faults] == [
        f"the limit nvidia.com/gpu is {written!r}, which is no whole number, so that Kubernetes refuses the pod"
    ]


def affinity(*terms: list[tuple[str, str, list[str]]]) -> dict[str, Any]:
    """Return a node affinity of these terms, each of expressions (key, operator, values)."""
    rows = [
        {"matchExpressions": [{"key": key, "operator": operator, "values": values} for key, operator, values in term]}
        for term in terms
    ]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": rows}}}


PRODUCT = "nvidia.com/gpu.product"
NO_LABEL = (
    "no node label tells the GPU model; select nodes by amd.com/gpu.product-name or nvidia.com/gpu.product, "
    "or name a profile"
)


@pytest.mark.parametrize(
    ("profile", "label", "gpu", "reason"),
    [
        ("3g.40gb", "NVIDIA-A100-SXM4-80GB", "a100-80gb-mig-3g.40gb", None),
        ("3g.40gb", "NVIDIA-A100-SXM4-80GB-MIG-3g.40gb", "a100-80gb-mig-3g.40gb", None),
        ("9g.90gb", "NVIDIA-A100-SXM4-80GB", None, "what a slice 9g.90gb of a100-80gb holds is not known"),
        ("1g.5gb", "Tesla-T4", None, "what a slice 1g.5gb of t4-16gb holds is not known"),
    ],
)
def test_a_slice_is_asked_for_by_its_profile(
    profile: str, label: str, gpu: str | None, reason: str | None, *, container: Make, deployment: Make, one: Make
) -> None:
    """With the strategy `mixed` the resource names the slice and the label the whole GPU."""
    asked = container(resources={"limits": {f"nvidia.com/mig-{profile}": 1}})
    found = one(deployment(asked, nodeSelector={PRODUCT: label}))
    assert found.spec is not None
    assert found.spec.gpus == 1
    assert (found.spec.gpu.name if found.spec.gpu else None) == gpu
    assert found.spec.gpu_unknown_because == reason


@pytest.mark.parametrize(
    ("pod", "gpu", "reason"),
    [
        ({"nodeSelector": {PRODUCT: "Tesla-V100-PCIE-32GB"}}, "v100-32gb", None),
        ({"nodeSelector": {}, "affinity": affinity([(PRODUCT, "In", ["Tesla-T4"])])}, "t4-16gb", None),
        (
            {
                "nodeSelector": {},
                "affinity": affinity([(PRODUCT, "In", ["Tesla-V100-SXM2-16GB", "Tesla-V100-PCIE-16GB"])]),
            },
            "v100-16gb",
            None,
        ),
        (
            {"nodeSelector": {}, "affinity": affinity([(PRODUCT, "In", ["Tesla-T4", "Tesla-V100-PCIE-16GB"])])},
            None,
            "the pod may be placed on t4-16gb or v100-16gb; select one GPU model",
        ),
        (
            {
                "nodeSelector": {PRODUCT: "Tesla-T4"},
                "affinity": affinity([(PRODUCT, "In", ["Tesla-T4", "Tesla-V100-PCIE-16GB"])]),
            },
            "t4-16gb",
            None,
        ),
        (
            {"nodeSelector": {PRODUCT: "Quadro-P4000"}},
            None,
            "nvidia.com/gpu.product=Quadro-P4000: not a GPU model that voltaic knows",
        ),
        ({"nodeSelector": {"node.kubernetes.io/instance-type": "p3.2xlarge"}}, "v100-16gb", None),
        ({"nodeSelector": {"node.kubernetes.io/instance-type": "m5.large"}}, None, NO_LABEL),
        (
            {"nodeSelector": {"node.kubernetes.io/instance-type": "p3.2xlarge", PRODUCT: "Tesla-T4"}},
            None,
            "the pod may be placed on t4-16gb or v100-16gb; select one GPU model",
        ),
        (
            {"nodeSelector": {PRODUCT: "${gpu}"}},
            None,
            "the node label nvidia.com/gpu.product=${gpu} is not filled in yet",
        ),
        (
            {"nodeSelector": {}, "affinity": affinity([(PRODUCT, "In", ["Tesla-T4"])], [("zone", "In", ["a"])])},
            None,
            NO_LABEL,
        ),
        (
            {"nodeSelector": {}, "affinity": affinity([(PRODUCT, "NotIn", ["Tesla-T4"])])},
            None,
            NO_LABEL,
        ),
    ],
)
def test_the_gpu_model_comes_from_node_labels(
    pod: dict[str, Any], gpu: str | None, reason: str | None, *, container: Make, deployment: Make, one: Make
) -> None:
    """Selector and affinity name the GPU model, or it is not known."""
    found = one(deployment(container(), **pod))
    assert found.spec is not None
    assert (found.spec.gpu.name if found.spec.gpu else None) == gpu
    assert found.spec.gpu_unknown_because == reason


def test_an_annotation_names_the_profile_where_labels_do_not(container: Make, deployment: Make, one: Make) -> None:
    """Sites with labels of their own name the profile on the pod template or on the object."""
    stated = {"annotations": {"voltaic/profile": "v100-32gb-2gpu"}}
    on_object = deployment(container(), nodeSelector={"gpu": "big"}) | {"metadata": stated}
    on_template = deployment(container(), nodeSelector={"gpu": "big"})
    on_template["spec"]["template"]["metadata"] = stated
    for content in (on_object, on_template):
        found = one(content, profile=hardware.profile("v100-1gpu"))
        assert found.spec is not None
        assert found.spec.gpu is hardware.gpu_model("v100-32gb")


def test_a_label_wins_over_annotation_and_profile(container: Make, deployment: Make, one: Make) -> None:
    """Where the pod can be placed is a fact; what is said about it is not."""
    content = deployment(container()) | {"metadata": {"annotations": {"voltaic/profile": "t4-1gpu"}}}
    found = one(content, profile=hardware.profile("t4-1gpu"))
    assert found.spec is not None
    assert found.spec.gpu is hardware.gpu_model("v100-16gb")


def test_an_annotation_that_names_no_profile_is_said(container: Make, deployment: Make, one: Make) -> None:
    """A profile that does not exist leaves the GPU model unknown, with the reason."""
    content = deployment(container(), nodeSelector={})
    content["metadata"]["annotations"] = {"voltaic/profile": "v200"}
    found = one(content)
    assert found.spec is not None
    assert found.spec.gpu is None
    assert (found.spec.gpu_unknown_because or "").startswith("annotation voltaic/profile: unknown profile 'v200'")


def test_the_profile_given_fills_in_the_gpu_model(container: Make, deployment: Make, one: Make) -> None:
    """Without label and annotation the caller's profile counts."""
    found = one(deployment(container(), nodeSelector={}), profile=hardware.profile("v100-2gpu"))
    assert found.spec is not None
    assert found.spec.gpu is hardware.gpu_model("v100-16gb")
    assert found.spec.gpus == 1
