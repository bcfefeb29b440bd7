"""GPUs as the programs of their makers tell of them."""

from __future__ import annotations

import json

import pytest

from cli.watching import gpus
from cli.watching.gpus import AMD, NVIDIA, Gpu
from voltaic.units import GIB, MIB

V100 = "0, Tesla V100-SXM2-16GB, 12288, 16160, 97, 61, 231.44\n1, Tesla V100-SXM2-16GB, 12290, 16160, 0, 44, 41.02\n"
MI300X = {
    "card0": {
        "Card Series": "AMD Instinct MI300X",
        "VRAM Total Memory (B)": str(192 * GIB),
        "VRAM Total Used Memory (B)": str(20 * GIB),
        "GPU use (%)": "3",
        "Temperature (Sensor junction) (C)": "38.0",
        "Current Socket Graphics Package Power (W)": "131.0",
    },
    "system": {"Driver version": "6.2"},
}


def test_each_gpu_of_nvidia_is_read() -> None:
    """MiB become bytes, the rest stays."""
    first, second = gpus.read(NVIDIA, V100)
    assert first == Gpu(0, "Tesla V100-SXM2-16GB", 12288 * MIB, 16160 * MIB, 97, celsius=61, watts=231.44)
    assert (second.index, second.busy) == (1, 0)


def test_each_gpu_of_amd_is_read() -> None:
    """Bytes stay bytes; entries that are no card are left out, and warnings before the document too."""
    text = f"WARNING: low power state\n{json.dumps(MI300X)}"
    assert gpus.read(AMD, text) == [Gpu(0, "AMD Instinct MI300X", 20 * GIB, 192 * GIB, 3, celsius=38, watts=131.0)]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (NVIDIA, ""),
        (NVIDIA, "No devices were found"),
        (NVIDIA, "Failed to initialize NVML: Driver/library version mismatch"),
        (NVIDIA, "a, b, c, d, e, f, g"),
        (AMD, "rocm-smi: error"),
        (AMD, "{"),
        (AMD, "[1]"),
        (AMD, '{"card0": 5, "other": {}}'),
    ],
)
def test_what_is_no_gpu_is_none(asked: tuple[str, ...], text: str) -> None:
    """Messages of a driver are no GPUs."""
    assert gpus.read(asked, text) == []


def test_what_a_driver_does_not_say_is_none() -> None:
    """MIG and virtual GPUs leave fields out."""
    line = "0, GRID V100D-8Q, [N/A], 8192, [Not Supported], nan, [Unknown Error]"
    assert gpus.read(NVIDIA, line) == [Gpu(0, "GRID V100D-8Q", None, 8192 * MIB, None, celsius=None, watts=None)]


@pytest.mark.parametrize(
    ("resources", "asked"),
    [
        (["cpu", "nvidia.com/gpu"], NVIDIA),
        (["nvidia.com/mig-1g.10gb"], NVIDIA),
        (["amd.com/gpu"], AMD),
        (["gpu.intel.com/i915"], None),
        (["cpu", "memory"], None),
    ],
)
def test_the_maker_is_told_by_the_resource(resources: list[str], asked: tuple[str, ...] | None) -> None:
    """A container without GPUs of a maker known here is not asked."""
    assert gpus.command(resources) == asked
