"""The VRAM bill of a vLLM server: a fixed share of the GPU, of which the pool of the KV cache takes what is left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from voltaic.engines.versions import within
from voltaic.engines.vllm import limits
from voltaic.memory import vllm_facts, vllm_sizes
from voltaic.memory.asked import asked
from voltaic.memory.bill import Bill, GpuBill, NoBill
from voltaic.memory.vllm_pool import Pool, Server, graphs_of, shortfalls
from voltaic.units import gib

if TYPE_CHECKING:
    from voltaic.engines.base import Runs
    from voltaic.engines.vllm.case import Case
    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec

_UNMODELLED: Final = (
    "cpu_offload_gb",
    "enable_lora",
    "speculative_config",
    "speculative_model",
    "kv_cache_memory_bytes",
)
_FLOATS: Final = frozenset({"auto", "float16", "bfloat16"})


def estimate(spec: ServingSpec, runs: Runs | None, case: Case | None) -> Bill | NoBill:
    """Return the bill of the spec run this way, or which term has no model and what would settle it."""
    known = asked(spec)
    if isinstance(known, NoBill):
        return known
    gpu, gpus, arch = known
    if runs is None or case is None:
        at_least = _at_least(case, arch, gpus) if case is not None else None
        return NoBill(
            f"how {spec.release} would run this is not known", "a spec that the engine runs", at_least, gpu.sources
        )
    made = _server(case, arch, runs)
    return made if isinstance(made, NoBill) else _bill(made, gpus)


def _at_least(case: Case, arch: Architecture, gpus: int) -> int | None:
    """Return what one GPU must hold in the best of cases: context, and an even share of unquantized weights."""
    if arch.quantization is not None or case.asked_method is not None or case.stages > 1 or arch.towers:
        return None
    fmt = vllm_sizes.format_of(arch, "float16", "float16")
    if fmt is None:
        return None
    return case.gpu.context_bytes + vllm_sizes.weights(arch, fmt, 1, case.version).bytes // gpus


def _server(case: Case, arch: Architecture, runs: Runs) -> Server | NoBill:
    """Return what the terms share, or which has no model."""
    spec, gpu = case.spec, case.gpu
    fmt = vllm_sizes.format_of(arch, runs.weights, runs.dtype)
    if fmt is None:
        return NoBill(f"the size of {runs.weights} weights is not modelled", "the sizes in the checkpoint's headers")
    held = gpu.context_bytes + vllm_sizes.weights(arch, fmt, max(1, runs.shards), case.version).bytes
    missing = _missing(case, arch, runs)
    if missing is not None:
        known = None if case.stages > 1 or arch.towers else held
        return NoBill(*missing, known, gpu.sources)
    kv = str(spec.option("kv_cache_dtype", "auto"))
    element = vllm_sizes.ELEMENT[runs.dtype] if kv in _FLOATS else 1
    # A limit below 1 ends the server, which is for its own rule to say; here it stands for the least that can run.
    runs = replace(
        runs, limits={name: max(1, limit) for name, limit in runs.limits.items()}, shards=max(1, runs.shards)
    )
    tokens = runs.limits["max_num_batched_tokens"]
    return Server(case, arch, fmt, runs, runs.limits["max_model_len"], tokens, element)


def _missing(case: Case, arch: Architecture, runs: Runs) -> tuple[str, str] | None:
    spec = case.spec
    if case.stages > 1:
        return "what a stage of pipeline parallelism holds is not modelled", "a run, or tensor parallelism instead"
    odd = next((name for name in _UNMODELLED if spec.option(name) not in (None, False, 0, 0.0)), None)
    if odd is not None:
        flag = "--" + odd.replace("_", "-")
        return f"what {flag} takes or frees is not modelled", f"leaving {flag} away"
    if arch.towers:
        return f"the activations of {arch.model_type}'s encoders are not modelled", "a measurement on this GPU"
    if vllm_sizes.cache_sizes(arch, runs.shards, 2, case.version) is None:
        return f"the cache of {arch.model_type} in {case.title} is not modelled", "a measurement of its pool"
    absent = [name for name in ("max_model_len", "max_num_batched_tokens") if name not in runs.limits]
    if absent:
        return f"no value is known for {', '.join(absent)}", "--max-model-len"
    return None


def _bill(server: Server, gpus: int) -> Bill | NoBill:
    case, runs = server.case, server.runs
    gpu, version = case.gpu, case.version
    weights = vllm_sizes.weights(server.arch, server.fmt, runs.shards, version)
    if server.fmt.name == "fp8" and _converts(server):
        return _converted(server, weights.bytes)
    activations = _activations(server)
    allocated = weights.allocated + _stated_beyond(server) // runs.shards
    pool = Pool.of(server, allocated, activations)
    cache = pool.cache
    block = vllm_facts.table()["pool"]["block"]
    needed = cache.request(server.length, block)
    if (
        pool.sure < needed
        and not pool.automatic
        and _windows(server, cache)
        and pool.sure >= cache.request_windowed(server.length, block, server.tokens)
    ):
        return NoBill(
            f"whether {case.title} keeps only the window of sliding layers here is not known: with all tokens a "
            f"request of {server.length} tokens needs {gib(needed)}, and the pool has {gib(pool.sure)}",
            "a measurement of its pool, or a lower --max-model-len",
            gpu.context_bytes + weights.bytes,
            gpu.sources,
        )
    if pool.automatic:
        needed = min(needed, max(pool.sure, cache.per_token * block))
    graphs = graphs_of(case, v1=server.v1)[0]
    communication = vllm_facts.communication(version, v1=server.v1, many=server.many)
    non_torch = vllm_facts.non_torch(version, v1=server.v1, many=server.many, upper=True)
    spare = gpu.usable_bytes - gpu.context_bytes - allocated - activations - needed
    fixed = graphs + communication + non_torch
    outside = gpu.usable_bytes - pool.share - gpu.context_bytes * (not pool.context_inside) - communication
    outside -= graphs * (not pool.graphs_inside)
    bias = alibi_bytes(server)
    if bias > max(0, outside):
        return NoBill(
            f"attention below compute capability 8.0 makes a matrix of ALiBi for each prompt, up to {gib(bias)}, which "
            f"{case.title} does not measure, and {gib(max(0, outside))} stay free beside its share",
            "a run with the longest prompts, a lower --max-model-len, or a lower --gpu-memory-utilization",
            gpu.context_bytes + weights.bytes,
            gpu.sources,
        )
    # Memory that the share leaves alone serves nobody: it counts as used, as far as there is any.
    unused = max(0, min(outside, spare - fixed))
    rank = GpuBill(
        budget=gpu.usable_bytes,
        context=gpu.context_bytes,
        weights=allocated,
        kv_cache=needed,
        activations=activations,
        other=fixed + unused,
        terms=(
            ("kv_pool", max(0, pool.expected)),
            ("non_torch", non_torch),
            ("nccl", communication),
            ("cuda_graphs", graphs),
            ("outside_the_share", unused),
        ),
    )
    short = shortfalls(server, pool, needed, communication, graphs)
    if short and _may_suffice(server, pool, needed, communication, graphs):
        doubt = "activations, communication and CUDA graphs" if server.many else "activations and CUDA graphs"
        return NoBill(
            f"how much {doubt} of {case.title} take on {gpu.title} is not known: with the most that is reported it is "
            f"too much ({short[0].message.rstrip('.')}), with the least it is not",
            f"a run on this GPU, or another command line: {short[0].fix[:1].lower()}{short[0].fix[1:].rstrip('.')}",
            gpu.context_bytes + weights.bytes,
            gpu.sources,
        )
    idle = GpuBill(gpu.usable_bytes, 0, 0, 0, 0, 0)
    plain = server.arch.experts is None and server.arch.latent is None and not server.fmt.quantized
    return Bill(
        per_gpu=(rank,) * runs.shards + (idle,) * (gpus - runs.shards),
        kv_cache_bytes_per_token=cache.per_token * runs.shards,
        kv_cache_tokens=pool.tokens,
        peak_moment="warm-up" if pool.tokens * cache.per_token < needed else "prefill",
        margin=vllm_facts.margin(version, calibrated=plain),
        sources=(*gpu.sources, *vllm_facts.sources()),
        shortfalls=tuple(short),
    )


def alibi_bytes(server: Server) -> int:
    """Return the bytes of the biases of one pass of prompts, where attention is that of V0 below capability 8.0.

    xformers is given heads x tokens x tokens for each prompt, kept over all layers; the first pass, by which the pool
    is sized, has short prompts and so hardly any (vllm/attention/backends/xformers.py, _make_alibi_bias).
    """
    case, runs = server.case, server.runs
    if server.arch.positions != "alibi" or server.v1 or case.capability is None or case.capability >= 80:  # noqa: PLR2004  FlashAttention 2
        return 0
    whole, rest = divmod(server.tokens, server.length)
    squares = sum(
        count * tokens * (-(-tokens // 8) * 8) for count, tokens in ((whole, server.length), (1, rest)) if tokens
    )
    return -(-server.arch.heads // runs.shards) * squares * vllm_sizes.ELEMENT[runs.dtype]


def _stated_beyond(server: Server) -> int:
    """Return the bytes by which the checkpoint's weights exceed what the architecture makes of them."""
    stated = server.case.spec.model.weights_bytes
    if stated is None:
        return 0
    arch, element = server.arch, server.fmt.element
    if not server.fmt.quantized:
        stated = stated * element // vllm_sizes.ELEMENT.get(arch.dtype, element)
    elif arch.quantization is None:
        return 0  # what it weighs before it is quantized
    # A checkpoint may carry a copy of a tied head, which is not held again.
    copies = arch.vocab * arch.hidden * element if arch.tied_embeddings else 0
    return max(0, stated - vllm_sizes.weights(arch, server.fmt, 1, server.case.version).bytes - copies)


def _may_suffice(server: Server, pool: Pool, needed: int, communication: int, graphs: int) -> bool:
    """Return whether all conditions would hold with the least that is reported, or that nobody measured here."""
    case = server.case
    beside, inside, size = vllm_facts.doubtful(case.version, case.gpu.arch, v1=server.v1, many=server.many)
    size = min(size, graphs)
    inside += pool.activations - _activations(server, least=True)
    roomier = replace(pool, sure=pool.sure + inside + (size if pool.graphs_inside else 0))
    return not shortfalls(server, roomier, needed, communication - beside, graphs - size)


def _converts(server: Server) -> bool:
    """Return whether weights are converted at load: to fp8, or below 8.9 from fp8 to the layout of Marlin's kernels."""
    return server.arch.quantization is None or (server.case.capability or 0) < 89  # noqa: PLR2004  computes fp8


def _converted(server: Server, held: int) -> NoBill:
    return NoBill(
        f"what {server.case.title} holds while it converts {server.fmt.name} weights is not modelled",
        f"a checkpoint that is stored in {server.fmt.name}, on a GPU with compute capability 8.9",
        server.case.gpu.context_bytes + held,
        server.case.gpu.sources,
    )


def _activations(server: Server, *, least: bool = False) -> int:
    parts = limits.effective(server.case).chunked
    sampled = vllm_facts.samples(server.case.version, v1=server.v1, parts=parts)
    run = vllm_sizes.Pass(server.tokens, server.runs.limits["max_num_seqs"], sampled=sampled)
    coefficient = vllm_facts.sampler_bytes(server.case.version, v1=server.v1, least=least)
    element = vllm_sizes.ELEMENT[server.runs.dtype]
    return vllm_sizes.activations(server.arch, run, server.runs.shards, element, coefficient)


def _windows(server: Server, cache: vllm_sizes.CacheSizes) -> bool:
    """Return whether the release may keep less than every token of layers with a window."""
    off = server.case.spec.option("disable_hybrid_kv_cache_manager") is True
    may = within(server.case.version, vllm_facts.table()["pool"]["windows"])
    return bool(cache.windowed) and server.v1 and may and not off
