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
    sampling_warm_up_bytes: int
    """Bytes that a process sampling with PyTorch alone holds from the first request on, beside the context."""
    resource_name: str
    """Extended resource of the device plugin: `nvidia.com/gpu`. GPU nodes are tainted with the same key by custom."""
    node_label: str
    """Node label that names the product: `nvidia.com/gpu.product`."""
    node_label_values: tuple[str, ...]
    """Values of that label that mean this model."""
    usable_source: Source
    context_source: Source
    sampling_warm_up_source: Source
    slice_of: str | None = None
    """Name of the whole GPU where this is a slice of one (MIG); None: a whole GPU."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where the sizes come from: usable bytes, context, sampling warm-up."""
        return (self.usable_source, self.context_source, self.sampling_warm_up_source)

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
    """`v100-2gpu`: the spelling that stack names and settings use."""
    gpu: GpuModel
    count: int

    def __str__(self) -> str:
        """Return `v100-16gb x2`."""
        return f"{self.gpu.name} x{self.count}"
