"""The VRAM bill of a spec, from the model's shapes and from how the engine runs it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from voltaic.hardware.profiles import MOST_GPUS
from voltaic.memory.bill import NoBill
from voltaic.memory.fallback_bill import Plan, unmodelled
from voltaic.memory.weights import FLOAT_BYTES, Weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.base import Runs
    from voltaic.hardware import GpuModel
    from voltaic.memory.bill import Bill
    from voltaic.models import Architecture
    from voltaic.spec import Model, ServingSpec

NEEDED_LIMITS: Final = (
    "max_input_tokens",
    "max_total_tokens",
    "max_batch_prefill_tokens",
    "warm_up_requests",
    "warm_up_tokens",
)
"""Effective limits without which the fallback's cache has no size."""
NEWEST: Final = (99, 0, 0)
"""A release of transformers beyond all ranges of the facts: no tables, no upcasts, so the least that can be held."""
_CHECKPOINT_BYTES: Final = {"float16": 2, "bfloat16": 2, "float32": 4}


def estimate(spec: ServingSpec, runs: Runs | None, *, moments: bool = True) -> Bill | NoBill:
    """Return the bill of the spec run this way, or which term has no model and what would settle it.

    `runs` is what the engine answers; None where it does not run the spec, or where that is not known. Without
    `moments` only the worst one is told, for those who look through many bills.
    """
    gpu, gpus, arch = spec.gpu, spec.gpus, spec.model.architecture
    unknown = _without_cards(spec)
    if unknown is not None or gpu is None or gpus is None:
        return unknown or NoBill("the GPU is not known", "a GPU model that voltaic knows")
    if arch is None:
        because = (spec.model.unknown_because or "the model's architecture is not known").rstrip(".")
        return NoBill(because, "the model's config.json, of a family that voltaic knows")
    if runs is None:
        at_least = _at_least(gpu, gpus, spec.model, arch, _asked_format(spec))
        return NoBill(
            f"how {spec.release} would run this is not known", "a spec that the engine runs", at_least, gpu.sources
        )
    across = gpus if runs.layer_split else max(runs.shards, 1)
    if runs.implementation == "flash":
        from voltaic.memory.flash_bill import flash_bill  # noqa: PLC0415  the other path needs none of it

        return flash_bill(spec, runs, gpu, arch, _at_least(gpu, across, spec.model, arch, runs.weights))
    missing: tuple[str, str] | None
    if runs.implementation != "transformers-fallback":
        missing = (
            f"the memory of the {runs.implementation} implementation of {spec.release} is not modelled",
            "a measurement of its peak on this GPU",
        )
    else:
        plan = plan_of(spec, runs, gpu, arch)
        missing = _missing(spec, runs, plan)
        if missing is None and plan.weights is None:
            return NoBill(
                f"the size of {runs.weights} weights is not modelled",
                "the sizes in the checkpoint's headers",
                _at_least(gpu, across, spec.model, arch, runs.weights),
            )
        if missing is None:
            return plan.bill(runs, moments=moments)
    return NoBill(*missing, _at_least(gpu, across, spec.model, arch, runs.weights), gpu.sources)


def _without_cards(spec: ServingSpec) -> NoBill | None:
    """Return why there is no bill whatever is served: the GPUs are not known, or no one node has them."""
    gpu, gpus = spec.gpu, spec.gpus
    if gpu is None:
        because = (spec.gpu_unknown_because or "the GPU model is not known").rstrip(".")
        return NoBill(because, "a GPU model that voltaic knows")
    if gpus is None:
        return NoBill("the number of GPUs is not known", "a number of GPUs in the pod's resource limits")
    if gpus > MOST_GPUS:
        return NoBill(
            f"a node with {gpus} GPUs is not known, the largest has {MOST_GPUS}", "a number of GPUs that one node has"
        )
    if gpu.slice_of is not None and gpus > 1:
        return NoBill(f"{gpus} slices of a GPU are not used together: a process sees one", "one slice, or whole GPUs")
    return None


def _asked_format(spec: ServingSpec) -> str:
    """Return the format that weighs least among those that the arguments may mean: a lower bound must hold."""
    quantize = spec.option("quantize")
    return "float16" if quantize is None else "bitsandbytes" if quantize == "bitsandbytes" else "unknown"


def plan_for(spec: ServingSpec, runs: Runs) -> Plan | None:
    """Return what tells the room that other limits leave without making their bill; None where only a bill can."""
    gpu, arch = spec.gpu, spec.model.architecture
    if gpu is None or arch is None or runs.implementation != "transformers-fallback" or _without_cards(spec):
        return None
    plan = plan_of(spec, runs, gpu, arch)
    return None if plan.weights is None or _missing(spec, runs, plan) is not None else plan


def _missing(spec: ServingSpec, runs: Runs, plan: Plan) -> tuple[str, str] | None:
    known = _other_allocator(spec) or plan.missing
    if known is not None:
        return known
    limits = runs.limits
    absent = [name for name in NEEDED_LIMITS if name not in limits]
    if absent:
        return f"no value is known for {', '.join(absent)}", "explicit token limits in the launcher's arguments"
    if "max_batch_size" not in limits and "max_concurrent_requests" not in limits:
        return "nothing bounds the number of requests in a batch", "--max-batch-size"
    return None


def _at_least(gpu: GpuModel, gpus: int, model: Model, arch: Architecture, fmt: str) -> int | None:
    """Return what one GPU must hold in the best of cases: context, and an even share of the weights."""
    if arch.quantization is not None:
        return None  # how much of the checkpoint is quantized is the engine's affair
    weights = _weights(gpu, 1, model, arch, fmt, transformers=NEWEST)
    return None if weights is None else gpu.context_bytes + weights.loaded // gpus


def _allocator_options(spec: ServingSpec) -> Mapping[str, str]:
    """Return what PYTORCH_CUDA_ALLOC_CONF says."""
    return _read_options(spec.command.env.get("PYTORCH_CUDA_ALLOC_CONF") or "")


@lru_cache(maxsize=64)
def _read_options(value: str) -> Mapping[str, str]:
    options = (option.partition(":") for option in value.split(","))
    return {name.strip(): text.strip() for name, _, text in options}


def _other_allocator(spec: ServingSpec) -> tuple[str, str] | None:
    """Return that an allocator other than PyTorch's own is not modelled; None where it is PyTorch's own."""
    backend = _allocator_options(spec).get("backend", "native")
    if backend == "native":
        return None
    return f"what the allocator {backend} reserves is not modelled", "leaving backend out of PYTORCH_CUDA_ALLOC_CONF"


plans: dict[tuple[object, ...], Plan] = {}
"""What is kept of the models that were billed last."""
MOST_PLANS: Final = 256


def plan_of(spec: ServingSpec, runs: Runs, gpu: GpuModel, arch: Architecture) -> Plan:
    """Return what the bill of a spec that runs this way owes to anything but its limits."""
    gpus = (spec.gpus or 1) if runs.layer_split else 1
    expandable = _allocator_options(spec).get("expandable_segments") == "True"
    # GPU and model stand for themselves, which is quicker than comparing them; the plan keeps both alive.
    key = (
        *(id(gpu), id(arch), gpus, spec.model.weights_bytes, runs.weights, runs.attention == "eager"),
        *(runs.transformers, expandable),
    )
    plan = plans.get(key)
    if plan is None:
        if len(plans) >= MOST_PLANS:
            plans.clear()
        missing = unmodelled(arch, runs)
        weights = None
        if missing is None:
            weights = _weights(gpu, gpus, spec.model, arch, runs.weights, transformers=runs.transformers)
        plan = plans[key] = Plan(gpu, arch, runs, weights, missing, expandable=expandable)
    return plan


def _weights(
    gpu: GpuModel, gpus: int, model: Model, arch: Architecture, fmt: str, *, transformers: tuple[int, int, int] | None
) -> Weights | None:
    stated = None
    if model.weights_bytes is not None and fmt != "bitsandbytes" and arch.quantization is None:
        stated = model.weights_bytes * FLOAT_BYTES // _CHECKPOINT_BYTES.get(arch.dtype, FLOAT_BYTES)
    free = gpu.usable_bytes - gpu.context_bytes
    return weights_of(arch, fmt=fmt, gpus=gpus, free=free, transformers=transformers, stated=stated)
