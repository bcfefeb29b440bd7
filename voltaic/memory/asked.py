"""What every bill needs to know of a spec before it can count anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.hardware.profiles import MOST_GPUS
from voltaic.memory.bill import NoBill

if TYPE_CHECKING:
    from voltaic.hardware import GpuModel
    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec


def asked(spec: ServingSpec) -> tuple[GpuModel, int, Architecture] | NoBill:
    """Return the GPU model, the number of GPUs and the architecture, or which of them is not known."""
    gpu, gpus, arch = spec.gpu, spec.gpus, spec.model.architecture
    if gpu is None:
        because = (spec.gpu_unknown_because or "the GPU model is not known").rstrip(".")
        return NoBill(because, "a GPU model that voltaic knows")
    if gpus is None:
        return NoBill("the number of GPUs is not known", "a number of GPUs in the pod's resource limits")
    if gpus > MOST_GPUS:
        return NoBill(f"a node with {gpus} GPUs is not known", f"at most {MOST_GPUS} GPUs, as the largest node has")
    if arch is None:
        because = (spec.model.unknown_because or "the model's architecture is not known").rstrip(".")
        return NoBill(because, "the model's config.json, of a family that voltaic knows")
    return gpu, gpus, arch
