"""GPU models and profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from voltaic.findings import Source


@dataclass(frozen=True, slots=True)
class GpuModel:
    """A kind of card."""

    name: str
    """`v100-16gb`."""
    title: str
    """`NVIDIA V100 16 GB`."""
    vendor: Literal["nvidia", "amd"]
    compute_capability: tuple[int, int] | None
    """`(7, 0)`; None on AMD."""
    gfx: str | None
    """`gfx942`; None on NVIDIA."""
    usable_bytes: int
    """Bytes that the driver gives to all processes together."""
    context_bytes: int
    """CUDA or HIP context, library handles and workspaces of one process, in bytes."""
    resource_name: str
    """Extended resource of the device plugin: `nvidia.com/gpu`."""
    node_label: str
    """Node label that names the product: `nvidia.com/gpu.product`."""
    node_label_values: tuple[str, ...]
    """Values of that label that mean this model."""
    sources: tuple[Source, ...] = ()

    @property
    def arch(self) -> str:
        """`sm_70`, `gfx942`: the name under which kernels are compiled."""
        if self.compute_capability is None:
            return self.gfx or "unknown"
        major, minor = self.compute_capability
        return f"sm_{major}{minor}"


@dataclass(frozen=True, slots=True)
class Profile:
    """A GPU model times a count in one node."""

    name: str
    gpu: GpuModel
    count: int
