"""What must be set so that a spec runs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.tgi import capability
from voltaic.engines.tgi.capability import Question
from voltaic.engines.tgi.case import case_of
from voltaic.engines.tgi.releases import by_release, facts, release
from voltaic.engines.versions import parse_version

if TYPE_CHECKING:
    from voltaic.hardware import GpuModel
    from voltaic.spec import ServingSpec

EXPANDS: Final = (2, 1, 0)
"""First release of PyTorch with expandable segments (c10/cuda/CUDACachingAllocator.cpp); where the driver cannot, it
warns and goes on without."""


def required_environment(version: str | None, gpu: GpuModel) -> dict[str, str]:
    """Return the variables without which the release does not serve on the GPU: `USE_FLASH_ATTENTION=false` or none."""
    return dict(_required(version, gpu.arch))


@lru_cache(maxsize=1024)
def _required(version: str | None, arch: str) -> dict[str, str]:
    known = release(version)
    if known is None:
        return {}
    flash = capability.answer(Question("flash"), known.version, arch)
    without = capability.answer(Question("without-flash"), known.version, arch)
    needed = flash is not None and flash.answer in {"wrong", "unknown"}
    works = without is not None and without.answer == "ok"
    return {"USE_FLASH_ATTENTION": "false"} if needed and works else {}


def allocator_environment(version: str | None, gpu: GpuModel) -> dict[str, str]:
    """Return how PyTorch's allocator is told to use expandable segments where TGI serves without flash attention.

    Its cache grows by a token at each step, and freed blocks of one size do not serve the next; with flash attention
    the cache is one pool.
    """
    return dict(_allocator(version, gpu.arch)) if gpu.vendor == "nvidia" else {}


@lru_cache(maxsize=1024)
def _allocator(version: str | None, arch: str) -> dict[str, str]:
    known = release(version)
    if known is None:
        return {}
    flash = capability.answer(Question("flash"), known.version, arch)
    torch = parse_version(str(by_release(facts()["torch"], known.version)).partition("+")[0])
    if flash is None or flash.answer == "ok" or torch is None or torch < EXPANDS:
        return {}
    return {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}


def environment(spec: ServingSpec) -> dict[str, str]:
    """Return the variables with which this spec runs: the flash switch, the allocator, and where models are kept."""
    known = release(spec.release.version)
    if known is None:
        return {}
    cache = {by_release(facts()["cache"], known.version): facts()["cache_path"]}
    if spec.gpu is None:
        return cache
    version = spec.release.version
    arch = spec.gpu.arch
    allocator = _allocator(version, arch) if spec.gpu.vendor == "nvidia" else {}
    return {**_required(version, arch), **allocator, **cache}


def required_options(spec: ServingSpec) -> dict[str, Any]:
    """Return the options that must be set so that this spec runs, as far as they are not set.

    The number of shards is always stated, because the launcher's own count depends on the container runtime.
    """
    case = case_of(spec)
    if case is None:
        return {}
    needed: dict[str, Any] = {}
    if "num_shard" not in spec.command.options and spec.option("sharded") is not True:
        needed["num_shard"] = 1
    count = spec.option("num_shard", needed.get("num_shard", 1))
    family = case.family
    if family is not None and family.kernels is not None and case.outcome(count).way == "native":
        kernels = case.ask("kernels")
        used = family.kernels == "always" or count > 1
        if used and (kernels is None or kernels.answer != "ok") and not spec.option("disable_custom_kernels"):
            needed["disable_custom_kernels"] = True
    return needed
