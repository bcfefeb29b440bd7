"""GPU models: names, sizes, labels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.hardware import GpuModel, UnknownGpuModel, gpu_by_label, gpu_model, gpu_models, gpu_slices, label_problem

GIB = 2**30
# Usable GiB as published: the least reading of each card.
USABLE = {
    "v100-16gb": 15.77,
    "v100-32gb": 31.73,
    "t4-16gb": 14.56,
    "a10g-24gb": 21.98,
    "l4-24gb": 22.03,
    "a100-40gb": 39.38,
    "a100-80gb": 79.14,
    "l40s-48gb": 44.31,
    "h100-80gb": 79.10,
    "h200-141gb": 139.72,
    "mi300x-192gb": 191.45,
}
NAMES = tuple(USABLE)


def test_all_models_are_there_in_order() -> None:
    """The eleven GPU models of the contract are known, under their names."""
    assert tuple(gpu.name for gpu in gpu_models()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_usable_bytes_are_the_published_gib(name: str) -> None:
    """Usable bytes are the published GiB, rounded down, and never the nameplate."""
    gpu = gpu_model(name)
    assert 0 <= USABLE[name] * GIB - gpu.usable_bytes < 1
    nameplate = re.search(r"(\d+)gb", name)
    assert nameplate is not None
    assert gpu.usable_bytes < int(nameplate[1]) * GIB


@pytest.mark.parametrize("name", NAMES)
def test_every_size_has_a_source(name: str) -> None:
    """Every size of every model says where it comes from and how sure that is."""
    for source in gpu_model(name).sources:
        assert source.text
        assert source.confidence in {"read", "executed", "reported", "derived", "unverified"}


def test_v100_leaves_what_was_reported_for_tensors() -> None:
    """A V100 with 16 GB leaves 15.40 GiB after the context and 15.33 GiB once sampling has warmed up."""
    gpu = gpu_model("v100-16gb")
    assert round((gpu.usable_bytes - gpu.context_bytes) / GIB, 2) == 15.40
    assert round((gpu.usable_bytes - gpu.context_bytes - gpu.sampling_warm_up_bytes) / GIB, 2) == 15.33


@pytest.mark.parametrize(
    ("name", "arch"),
    [
        ("v100-16gb", "sm_70"),
        ("v100-32gb", "sm_70"),
        ("t4-16gb", "sm_75"),
        ("a10g-24gb", "sm_86"),
        ("l4-24gb", "sm_89"),
        ("a100-40gb", "sm_80"),
        ("a100-80gb", "sm_80"),
        ("l40s-48gb", "sm_89"),
        ("h100-80gb", "sm_90"),
        ("h200-141gb", "sm_90"),
        ("mi300x-192gb", "gfx942"),
    ],
)
def test_arch_is_the_name_kernels_are_compiled_under(name: str, arch: str) -> None:
    """The architecture name follows from compute capability or gfx version."""
    assert gpu_model(name).arch == arch


def test_names_are_read_as_people_type_them() -> None:
    """Capitals and surrounding space do not matter in a GPU model name."""
    assert gpu_model(" V100-16GB ") is gpu_model("v100-16gb")


def test_unknown_model_names_the_nearest_and_all() -> None:
    """An unknown GPU model is one error with a suggestion and all names."""
    with pytest.raises(UnknownGpuModel) as error:
        gpu_model("v100-16")
    assert str(error.value) == (
        "unknown GPU model 'v100-16'; did you mean 'v100-16gb'? Known: v100-16gb, v100-32gb, t4-16gb, a10g-24gb, "
        "l4-24gb, a100-40gb, a100-80gb, l40s-48gb, h100-80gb, h200-141gb, mi300x-192gb."
    )
    assert error.value.suggestion == "v100-16gb"
    assert isinstance(error.value, LookupError)


@pytest.mark.parametrize(("name", "meant"), [("V100", "'v100-16gb' or 'v100-32gb'"), ("t4", "'t4-16gb'")])
def test_a_name_without_its_memory_gets_the_sizes_that_there_are(name: str, meant: str) -> None:
    """Who leaves out the memory is told each size of that GPU, the smallest first."""
    with pytest.raises(UnknownGpuModel, match=rf"^unknown GPU model '{name}'; did you mean {meant}\? Known: "):
        gpu_model(name)


def test_unknown_model_far_from_all_has_no_suggestion() -> None:
    """Nothing is suggested where nothing is near."""
    with pytest.raises(UnknownGpuModel, match=r"^unknown GPU model 'qqq'\. Known: v100-16gb, ") as error:
        gpu_model("qqq")
    assert error.value.suggestion is None


@settings(deadline=None)
@given(st.text(max_size=40) | st.sampled_from(NAMES))
def test_any_other_name_is_that_error(name: str) -> None:
    """Whatever text comes as a GPU model name, the answer is a model of that name or the one error."""
    wanted = name.strip().lower()
    if wanted in NAMES:
        assert gpu_model(name).name == wanted
    else:
        with pytest.raises(UnknownGpuModel):
            gpu_model(name)


@pytest.mark.parametrize("gpu", gpu_models(), ids=lambda gpu: gpu.name)
def test_every_label_value_leads_back(gpu: GpuModel) -> None:
    """Each label value of a model means that model, and is a valid Kubernetes label value."""
    assert gpu.node_label_values
    for value in gpu.node_label_values:
        assert gpu_by_label(gpu.node_label, value) is gpu
        assert label_problem(gpu.node_label, value) is None
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", value)


def test_no_label_value_means_two_models() -> None:
    """A label value belongs to one model alone."""
    pairs = [(gpu.node_label, value) for gpu in gpu_models() for value in gpu.node_label_values]
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Tesla-V100-SXM2-16GB", "v100-16gb"),
        ("Tesla-V100-PCIE-16GB", "v100-16gb"),
        ("NVIDIA-Tesla-V100-SXM2-16GB", "v100-16gb"),
        ("Tesla-V100-DGXS-32GB", "v100-32gb"),
        ("Tesla-V100S-PCIE-32GB", "v100-32gb"),
        ("Tesla-V100-SXM3-32GB", "v100-32gb"),
        ("Tesla-T4", "t4-16gb"),
        ("NVIDIA-A10G", "a10g-24gb"),
        ("NVIDIA-L4", "l4-24gb"),
        ("NVIDIA-L40S", "l40s-48gb"),
        ("A100-SXM4-40GB", "a100-40gb"),
        ("NVIDIA-A100-PCIE-40GB", "a100-40gb"),
        ("NVIDIA-A100-80GB-PCIe", "a100-80gb"),
        ("NVIDIA-H100-80GB-HBM3", "h100-80gb"),
        ("NVIDIA-H200", "h200-141gb"),
    ],
)
def test_labels_of_gpu_feature_discovery_are_read(value: str, name: str) -> None:
    """Product labels as published nodes carry them mean the right model, with and without the vendor in front."""
    assert gpu_by_label("nvidia.com/gpu.product", value) is gpu_model(name)


def test_amd_product_label_is_read() -> None:
    """The AMD node labeller's product name means the MI300X."""
    assert gpu_by_label("amd.com/gpu.product-name", "AMD_Instinct_MI300X_OAM") is gpu_model("mi300x-192gb")


@pytest.mark.parametrize(
    ("label", "value", "name"),
    [
        ("cloud.google.com/gke-accelerator", "nvidia-tesla-v100", "v100-16gb"),
        ("cloud.google.com/gke-accelerator", "nvidia-tesla-a100", "a100-40gb"),
        ("node.kubernetes.io/instance-type", "p3.8xlarge", "v100-16gb"),
        ("node.kubernetes.io/instance-type", "p3dn.24xlarge", "v100-32gb"),
        ("node.kubernetes.io/instance-type", "Standard_ND40rs_v2", "v100-32gb"),
        ("node.kubernetes.io/instance-type", "g5.xlarge", "a10g-24gb"),
        ("beta.amd.com/gpu.product-name", "AMD_Instinct_MI300X_OAM", "mi300x-192gb"),
    ],
)
def test_labels_of_clouds_are_read(label: str, value: str, name: str) -> None:
    """A machine type or accelerator label that means one card is read as that card."""
    assert gpu_by_label(label, value) is gpu_model(name)


def test_a_label_of_another_key_means_nothing() -> None:
    """A product's name under a key that nobody defines is not taken for the product."""
    assert gpu_by_label("example.com/gpu", "Tesla-T4") is None
    assert (
        label_problem("example.com/gpu", "Tesla-T4") == "example.com/gpu=Tesla-T4: not a GPU model that voltaic knows"
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (
            "Tesla-V100-SXM2-16GB-SHARED",
            "the GPU is shared by time slicing, so its memory is not one workload's own",
        ),
        ("NVIDIA-A30-MIG-1g.6gb", "a MIG slice, whose memory is not that of the whole GPU"),
        ("NVIDIA-H100-NVL", "not a GPU model that voltaic knows"),
    ],
)
def test_shared_divided_and_unknown_products_are_no_model(value: str, problem: str) -> None:
    """A shared GPU, a MIG slice and a card without facts are never taken for the plain model; the reason is said."""
    assert gpu_by_label("nvidia.com/gpu.product", value) is None
    assert label_problem("nvidia.com/gpu.product", value) == f"nvidia.com/gpu.product={value}: {problem}"


def test_slices_have_their_own_memory() -> None:
    """A slice has a name, a label and less memory than its share of the whole GPU; the whole GPUs stay as they are."""
    found = gpu_by_label("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB-MIG-3g.20gb")
    assert found is not None
    assert found == gpu_model("a100-40gb-mig-3g.20gb")
    assert (found.slice_of, found.arch, found.resource_name) == ("a100-40gb", "sm_80", "nvidia.com/gpu")
    for gpu in gpu_slices():
        assert gpu.slice_of is not None
        nameplate = int(gpu.name.rpartition(".")[2].removesuffix("gb"))
        assert 0.85 * nameplate * 10**9 < gpu.usable_bytes < nameplate * 2**30
        assert gpu.usable_bytes < gpu_model(gpu.slice_of).usable_bytes
        assert gpu.usable_source.text
    assert not set(gpu_slices()) & set(gpu_models())
