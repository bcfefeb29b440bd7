"""The VRAM bill of a spec, from the model's shapes and from how the engine runs it."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from voltaic.hardware.profiles import MOST_GPUS
from voltaic.memory import facts, fallback
from voltaic.memory.bill import Bill, GpuBill, NoBill
from voltaic.memory.flash_bill import flash_bill
from voltaic.memory.weights import FLOAT_BYTES, GpuWeights, Weights, weights_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.engines.base import Runs
    from voltaic.findings import Source
    from voltaic.hardware import GpuModel
    from voltaic.memory.bill import Moment
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
    held = _at_least(gpu, gpus if runs.layer_split else max(runs.shards, 1), spec.model, arch, runs.weights)
    if runs.implementation == "flash":
        return flash_bill(spec, runs, gpu, arch, held)
    if runs.implementation != "transformers-fallback":
        return NoBill(
            f"the memory of the {runs.implementation} implementation of {spec.release} is not modelled",
            "a measurement of its peak on this GPU",
            held,
            gpu.sources,
        )
    missing = _other_allocator(spec) or _missing(arch, runs)
    if missing is not None:
        return NoBill(*missing, held, gpu.sources)
    weights = _weights(
        gpu, gpus if runs.layer_split else 1, spec.model, arch, runs.weights, transformers=runs.transformers
    )
    if weights is None:
        return NoBill(
            f"the size of {runs.weights} weights is not modelled", "the sizes in the checkpoint's headers", held
        )
    return _fallback_bill(spec, runs, gpu, arch, weights, moments=moments)


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


def _missing(arch: Architecture, runs: Runs) -> tuple[str, str] | None:
    if facts.layer_form(arch) is None:
        return f"the activations of {arch.model_type} are not modelled", "a measured peak of a prefill of this family"
    if runs.attention == "eager" and facts.eager_form(arch.model_type) is None:
        return (
            f"the attention of {arch.model_type} without a fused kernel is not modelled",
            "a measured peak of a prefill of this family with eager attention",
        )
    if runs.weights == "bitsandbytes" and facts.int8_form(arch.model_type) is None:
        return (
            f"the activations of {arch.model_type} in int8 are not modelled",
            "a measured peak of a prefill of this family in int8, or serving it without quantization",
        )
    absent = [name for name in NEEDED_LIMITS if name not in runs.limits]
    if absent:
        return f"no value is known for {', '.join(absent)}", "explicit token limits in the launcher's arguments"
    if "max_batch_size" not in runs.limits and "max_concurrent_requests" not in runs.limits:
        return "nothing bounds the number of requests in a batch", "--max-batch-size"
    return None


def _at_least(gpu: GpuModel, gpus: int, model: Model, arch: Architecture, fmt: str) -> int | None:
    """Return what one GPU must hold in the best of cases: context, and an even share of the weights."""
    if arch.quantization is not None:
        return None  # how much of the checkpoint is quantized is the engine's affair
    weights = _weights(gpu, 1, model, arch, fmt, transformers=NEWEST)
    return None if weights is None else gpu.context_bytes + weights.loaded // gpus


def _weights(
    gpu: GpuModel, gpus: int, model: Model, arch: Architecture, fmt: str, *, transformers: tuple[int, int, int] | None
) -> Weights | None:
    stated = None
    if model.weights_bytes is not None and fmt != "bitsandbytes" and arch.quantization is None:
        stated = model.weights_bytes * FLOAT_BYTES // _CHECKPOINT_BYTES.get(arch.dtype, FLOAT_BYTES)
    free = gpu.usable_bytes - gpu.context_bytes
    return weights_of(arch, fmt=fmt, gpus=gpus, free=free, transformers=transformers, stated=stated)


def _fallback_bill(
    spec: ServingSpec, runs: Runs, gpu: GpuModel, arch: Architecture, weights: Weights, *, moments: bool
) -> Bill:
    # A limit of 0 ends the launcher, which is for its own rule to say; here it stands for the least that can run.
    limits = {name: max(1, limit) for name, limit in runs.limits.items()}
    load = fallback.Load(
        batch=min(limits[name] for name in ("max_batch_size", "max_concurrent_requests") if name in limits),
        total=limits["max_total_tokens"],
        input=limits["max_input_tokens"],
        prefill=limits["max_batch_prefill_tokens"],
        warm_up_requests=limits["warm_up_requests"],
        warm_up_tokens=limits["warm_up_tokens"],
    )
    split = len(weights.per_gpu) > 1
    kind = fallback.Kind(
        arch=arch,
        eager=runs.attention == "eager",
        int8=runs.weights == "bitsandbytes",
        upcast=facts.upcasts_logits(arch.model_type, runs.transformers),
        whole_cache=split and facts.cache_moves(arch.model_type),
    )
    expandable = _expandable_segments(spec)
    keys = fallback.layer_keys(arch, load)
    kept = fallback.kept_logits(kind, load)

    def slack(held: fallback.Held, share: GpuWeights) -> int:
        layers = arch.layers if kind.whole_cache else share.layers
        return facts.slack(held.total, keys, layers, expandable_segments=expandable)

    def planned(held: fallback.Held, share: GpuWeights) -> int:
        return held.total + slack(held, share) + _kept(held, share, kept)

    shares = set(weights.per_gpu)  # GPUs in the middle of a split hold the same
    by_share = {
        share: tuple((planned(held, share), held) for held in fallback.moments(kind, load, share)) for share in shares
    }
    worst_of = {share: max(found, key=itemgetter(0))[1] for share, found in by_share.items()}
    worst = [worst_of[share] for share in weights.per_gpu]
    bills = {}
    for share, held in worst_of.items():
        other = slack(held, share)
        bills[share] = GpuBill(
            budget=gpu.usable_bytes,
            context=gpu.context_bytes + gpu.sampling_warm_up_bytes,
            weights=share.reserved,
            kv_cache=held.kv_cache,
            activations=held.activations + _kept(held, share, kept),
            # The kept logits stay where they are; the slack is for what comes and goes.
            other=other,
            terms=(("allocator_slack", other),),
        )
    per_gpu = tuple(bills[share] for share in weights.per_gpu)
    fullest = min(range(len(per_gpu)), key=lambda index: per_gpu[index].headroom)
    margin = facts.table()["margin"]
    return Bill(
        per_gpu=per_gpu,
        kv_cache_bytes_per_token=arch.transformers_kv_elements_per_token * FLOAT_BYTES,
        kv_cache_tokens=load.batch * load.total,
        peak_moment=worst[fullest].moment,
        margin=float(margin[_known(runs, split=split)]),
        sources=_sources(arch, gpu, split=split, expandable=expandable),
        moments=_moments(gpu, weights, by_share) if moments else (),
    )


def _known(runs: Runs, *, split: bool) -> str:
    """Return which margin holds: the measured release of transformers on one GPU, or anything else."""
    if split:
        return "layer_split"
    measured = tuple(facts.table()["margin"]["measured_transformers"])
    return "one_gpu" if runs.transformers is not None and runs.transformers[:2] == measured else "other_release"


def _moments(
    gpu: GpuModel, weights: Weights, by_share: Mapping[GpuWeights, tuple[tuple[int, fallback.Held], ...]]
) -> tuple[tuple[Moment, tuple[int, ...]], ...]:
    """Return what each GPU holds at each moment: its own bytes and what is planned for the rest."""
    fixed = gpu.context_bytes + gpu.sampling_warm_up_bytes
    found: dict[GpuWeights, dict[Moment, int]] = {}
    for share, moments in by_share.items():
        of: dict[Moment, int] = {"load": gpu.context_bytes + share.reserved}
        for planned, held in moments:
            of[held.moment] = max(of.get(held.moment, 0), fixed + share.reserved + planned)
        found[share] = of
    names = dict.fromkeys(name for of in found.values() for name in of)
    return tuple(
        (name, tuple(found[share].get(name, fixed + share.reserved) for share in weights.per_gpu)) for name in names
    )


def _kept(held: fallback.Held, share: GpuWeights, kept: int) -> int:
    """Return the logits kept at that moment: none before the first request, on no GPU but those that have logits."""
    return kept if held.moment != "warm-up" and (share.first or share.head) else 0


def _allocator_options(spec: ServingSpec) -> dict[str, str]:
    """Return what PYTORCH_CUDA_ALLOC_CONF says."""
    value = spec.command.env.get("PYTORCH_CUDA_ALLOC_CONF") or ""
    options = (option.partition(":") for option in value.split(","))
    return {name.strip(): text.strip() for name, _, text in options}


def _expandable_segments(spec: ServingSpec) -> bool:
    """Return whether PyTorch's allocator grows its segments instead of cutting new ones."""
    return _allocator_options(spec).get("expandable_segments") == "True"


def _other_allocator(spec: ServingSpec) -> tuple[str, str] | None:
    """Return that an allocator other than PyTorch's own is not modelled; None where it is PyTorch's own."""
    backend = _allocator_options(spec).get("backend", "native")
    if backend == "native":
        return None
    return f"what the allocator {backend} reserves is not modelled", "leaving backend out of PYTORCH_CUDA_ALLOC_CONF"


@lru_cache(maxsize=256)
def _sources(arch: Architecture, gpu: GpuModel, *, split: bool, expandable: bool) -> tuple[Source, ...]:
    form = facts.layer_form(arch)
    names = ("planning_factor", "allocator", *(("layer_split",) if split else ()))
    table = facts.table()
    own = tuple(facts.source(table[name]) for name in names)
    if expandable:
        own += (facts.source(table["planning_factor"]["expandable_segments"]),)
    return (*gpu.sources, *(() if form is None else (form.source,)), *own)
