"""The bill of TGI's flash path: what its warm-up must hold at once, and what is left for the pool."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from voltaic.engines.versions import parse_version
from voltaic.findings import Source
from voltaic.memory import formats, tgi_flash
from voltaic.memory.bill import Bill, GpuBill, NoBill, Shortfall
from voltaic.units import gib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.base import Runs
    from voltaic.hardware import GpuModel
    from voltaic.memory.bill import Moment
    from voltaic.memory.tgi_flash import Limits, Plan, Server
    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec

_NEEDED: Final = ("max_batch_prefill_tokens", "warm_up_requests", "warm_up_tokens")
_BYTES_OF_CACHE: Final = {None: 2, "fp8_e4m3fn": 1, "fp8_e5m2": 1}
_FAILS: Final = Source("v1.2.0 to v3.3.7 server flash_causal_lm.py warmup; v3.0.1 backends/v3/src/lib.rs")
_LARGEST_SHARE: Final = 2**64
"""Neither it nor what is no number at all is a share that anything can be multiplied with."""
_OPEN_FRACTION: Final = "a number in TGI_WIGGLE_ROOM and --cuda-memory-fraction that can be read"


def flash_bill(spec: ServingSpec, runs: Runs, gpu: GpuModel, arch: Architecture, held: int | None) -> Bill | NoBill:
    """Return the bill of a spec that runs on the flash path; `held` is what one GPU must hold in any case, in bytes."""
    missing = _missing(arch, runs)
    if missing is not None:
        return NoBill(*missing, held, gpu.sources)
    server = _server(spec, runs, gpu, arch)
    if isinstance(server, str):
        return NoBill(server, _OPEN_FRACTION, held, gpu.sources)
    if server is None:
        because = f"the size of {runs.weights} weights is not modelled"
        return NoBill(because, "the sizes in the checkpoint's headers", held, gpu.sources)
    limits = _limits(runs)
    return _bill(spec, server, limits, tgi_flash.plan(server, limits))


def _missing(arch: Architecture, runs: Runs) -> tuple[str, str] | None:
    if arch.towers or arch.encoder_layers:
        return f"the encoder of {arch.model_type} is not modelled", "a measured peak of its warm-up"
    if any(cache.kind == "state" for cache in arch.caches):
        return f"the recurrent layers of {arch.model_type} are not modelled", "a measured peak of its warm-up"
    if runs.weights not in tgi_flash.table()["formats"]["known"]:
        return f"the size of {runs.weights} weights is not modelled", "the sizes in the checkpoint's headers"
    absent = [name for name in _NEEDED if name not in runs.limits]
    if absent:
        return f"no value is known for {', '.join(absent)}", "explicit token limits in the launcher's arguments"
    return None


def _server(spec: ServingSpec, runs: Runs, gpu: GpuModel, arch: Architecture) -> Server | str | None:
    version = parse_version(spec.release.version)
    quantization = arch.quantization if arch.quantization and arch.quantization.method == runs.weights else None
    fmt = formats.weights_format(runs.weights, quantization, dtype=runs.dtype)
    cache = _BYTES_OF_CACHE.get(spec.option("kv_cache_dtype"))
    if version is None or fmt is None or cache is None:
        return None
    fraction, wiggle = spec.option("cuda_memory_fraction", 1.0), spec.command.env.get("TGI_WIGGLE_ROOM", "")
    try:
        share = float(fraction)
        room = float(wiggle) if wiggle else None
    except (TypeError, ValueError):
        share, room = float("nan"), None
    if not (abs(share) < _LARGEST_SHARE and abs(room or 0) < _LARGEST_SHARE):
        return f"the share of memory is not known: --cuda-memory-fraction {fraction}, TGI_WIGGLE_ROOM={wiggle}"
    if wiggle is None:
        return "the share of memory is not known: TGI_WIGGLE_ROOM is set out of sight"
    return tgi_flash.Server(
        gpu=gpu,
        version=version,
        arch=arch,
        shards=runs.shards,
        fmt=fmt,
        attention=runs.attention,
        kv_bytes=cache,
        fraction=share,
        wiggle=room,
        graphs=_captures(spec, runs),
    )


def _captures(spec: ServingSpec, runs: Runs) -> bool:
    """Return whether decode graphs are captured: not with 0, and by default not with bitsandbytes or exl2."""
    asked = spec.option("cuda_graphs")
    if asked is None:
        return not runs.weights.startswith(("bitsandbytes", "exl2"))
    sizes = asked if isinstance(asked, (list, tuple)) else str(asked).split(",")
    return any(str(size).strip() not in {"", "0"} for size in sizes)


def _limits(runs: Runs) -> Limits:
    limits: Mapping[str, int] = runs.limits
    total = limits.get("max_total_tokens")
    return tgi_flash.Limits(
        prefill=max(1, min(limits["max_batch_prefill_tokens"], limits["warm_up_requests"] * limits["warm_up_tokens"])),
        requests=max(1, limits["warm_up_requests"]),
        total=None if total is None else max(1, total),
        longest=max(1, limits["warm_up_tokens"]),
    )


def _bill(spec: ServingSpec, server: Server, limits: Limits, plan: Plan) -> Bill:
    gpu = server.gpu
    fixed = gpu.context_bytes + plan.nccl + plan.weights + plan.slack
    loading = fixed + plan.load
    warming = fixed + plan.warm_up_cache + plan.activations
    loads_most = loading > warming
    one = GpuBill(
        budget=gpu.usable_bytes,
        context=gpu.context_bytes,
        weights=plan.weights,
        kv_cache=0 if loads_most else plan.warm_up_cache,
        activations=plan.load if loads_most else plan.activations,
        other=plan.nccl + plan.slack,
        terms=_terms(plan),
    )
    return Bill(
        per_gpu=(one,) * server.shards,
        kv_cache_bytes_per_token=plan.per_token * server.shards,
        kv_cache_tokens=max(0, plan.tokens),
        peak_moment="load" if loads_most else "warm-up",
        margin=float(tgi_flash.table()["margin"]["share"]),
        undecided=float(tgi_flash.table()["margin"]["undecided"]),
        sources=_sources(gpu, server.fmt.name),
        moments=tuple((moment, (held,) * server.shards) for moment, held in _moments(plan, fixed, loading, warming)),
        shortfalls=tuple(_shortfalls(spec, server, limits, plan)),
    )


def _terms(plan: Plan) -> tuple[tuple[str, int], ...]:
    named = (
        ("nccl", plan.nccl),
        ("allocator_slack", plan.slack),
        ("cuda_graphs", plan.graphs),
        ("conversion_while_loading", plan.load),
        ("kv_pool", max(0, plan.pool)),
    )
    return tuple((name, size) for name, size in named if size)


def _moments(plan: Plan, fixed: int, loading: int, warming: int) -> Iterator[tuple[Moment, int]]:
    yield "load", loading
    yield "warm-up", warming
    serving = fixed + max(plan.pool, plan.warm_up_cache)
    if plan.graphs:
        yield "graph-capture", serving + plan.graphs
    yield "prefill", serving + plan.graphs + plan.activations
    yield "decode", serving + plan.graphs


def _shortfalls(spec: ServingSpec, server: Server, limits: Limits, plan: Plan) -> Iterator[Shortfall]:
    if limits.total is not None and plan.tokens < limits.total:
        yield Shortfall(
            name="kv-pool",
            found=max(0, plan.tokens),
            needed=limits.total,
            unit="tokens",
            message=(
                f"The KV cache that {spec.release} finds room for holds {max(0, plan.tokens)} tokens, and one request "
                f"may take {limits.total}."
            ),
            why=f"The router ends with `Not enough memory to handle max_total_tokens={limits.total}`.",
            fix="Lower max_total_tokens, or use GPUs with more memory or more of them.",
            sources=(_FAILS,),
        )
    capped = int(server.fraction * server.gpu.usable_bytes)
    needed = plan.weights + max(plan.load, plan.warm_up_cache + plan.activations)
    if server.fraction < 1 and needed > capped:
        yield Shortfall(
            name="memory-fraction",
            found=capped,
            needed=needed,
            unit="bytes",
            message=(
                f"--cuda-memory-fraction {server.fraction:g} lets a shard take {gib(capped)} for tensors, and the "
                f"warm-up needs {gib(needed)}."
            ),
            why="PyTorch's allocator takes no more than that share: the warm-up ends with CUDA out of memory.",
            fix="Raise --cuda-memory-fraction, or lower max_batch_prefill_tokens.",
            sources=(_FAILS,),
        )


@lru_cache(maxsize=256)
def _sources(gpu: GpuModel, fmt: str) -> tuple[Source, ...]:
    return (*gpu.sources[:2], *tgi_flash.sources(), formats.source(fmt))
