"""The VRAM bill of llama.cpp's server: tensors of the file, caches and compute buffers, by layer and GPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from voltaic.engines.llama_cpp import mix
from voltaic.engines.llama_cpp.facts import facts, source
from voltaic.findings import Source
from voltaic.memory.asked import asked
from voltaic.memory.bill import Bill, GpuBill, NoBill
from voltaic.models.gguf import ggml_types
from voltaic.units import MIB

if TYPE_CHECKING:
    from voltaic.engines.base import Runs
    from voltaic.engines.llama_cpp.case import Case
    from voltaic.models import Architecture
    from voltaic.models.architecture import Cache
    from voltaic.spec import ServingSpec

_CELLS: Final = 256
"""Tokens to a multiple of which a cache is rounded up."""
_HEADER: Final = Source("the sizes of the tensors: the header of the file", "read")
_SINGLE: Final = 4
"""Bytes of a 32-bit number."""


def estimate(spec: ServingSpec, runs: Runs | None, case: Case | None) -> Bill | NoBill:
    """Return the bill of the spec run this way, or which term has no model and what would settle it."""
    known = asked(spec)
    if isinstance(known, NoBill):
        return known
    gpu, gpus, arch = known
    if runs is None or case is None:
        return NoBill(f"how {spec.release} would run this is not known", "a file and arguments that are known", None)
    if any(cache.kind not in {"full", "sliding"} for cache in arch.caches):
        what = f"what {case.title} keeps of a sequence of {arch.model_type} is not modelled"
        return NoBill(what, "a measurement of its cache", None, gpu.sources)
    bill = _bill(case, arch, runs, gpus)
    return _fitted(case, bill)


def _fitted(case: Case, bill: Bill) -> Bill | NoBill:
    """Answer for what --fit would take off the GPU: where all of it does not fit, what stays is not known."""
    if case.spec.option("n_gpu_layers", "auto") not in {"auto", "-1"}:
        return bill
    target = facts()["defaults"]["fit_target"] * MIB
    if all(gpu.headroom >= target for gpu in bill.per_gpu):
        return bill
    return NoBill(
        "--fit moves layers to host memory until 1024 MiB of each GPU stay free, and how fast that serves is not known",
        "-ngl 999, with which all layers are on the GPUs or the server ends",
        None,
        bill.sources,
    )


@lru_cache(maxsize=1024)
def row_bytes(kind: str, elements: int) -> int:
    """Return the bytes of one row of a cache of that type."""
    return ggml_types()[kind].size(elements)


def _cells(tokens: int) -> int:
    return -(-tokens // _CELLS) * _CELLS


def cache_bytes(cache: Cache, runs: Runs, kinds: tuple[str, str], *, windows: bool) -> int:
    """Return the bytes that one layer of this kind keeps, over all slots."""
    cells = _cells(runs.limits["ctx_size"])
    if cache.kind == "sliding" and cache.window is not None and windows:
        cells = min(cells, _cells(cache.window * runs.limits["parallel"] + runs.limits["ubatch_size"]))
    keys = row_bytes(kinds[0], cache.kv_heads * cache.key_dim)
    values = row_bytes(kinds[1], cache.kv_heads * cache.value_dim)
    return cells * (keys + values)


def compute_bytes(arch: Architecture, runs: Runs, *, flash: bool, gpus: int = 1) -> int:
    """Return the compute buffer of one GPU, in bytes: one pass of `ubatch_size` tokens.

    Its widest point is the logits with the last hidden states, or one layer's attention or MLP. With several GPUs the
    inputs of the passes that are on their way lie beside it.
    """
    tokens, context = runs.limits["ubatch_size"], _cells(runs.limits["ctx_size"])
    logits = (arch.vocab + arch.hidden) * tokens * _SINGLE
    width = arch.experts.per_token * arch.experts.intermediate if arch.experts is not None else 0
    mlp = (2 * max(arch.intermediate, width) + 4 * arch.hidden) * tokens * _SINGLE
    queries = max(arch.heads * arch.head_dim, arch.hidden)
    if flash:
        attention = 4 * queries * tokens * _SINGLE + context * tokens * 2
    else:
        attention = ((arch.heads + 1) * context + 4 * queries) * tokens * _SINGLE
    copies = int(facts()["bill"]["copies"]) if gpus > 1 else 0
    inputs = (max(0, copies - 1) * context + copies * arch.hidden) * tokens * _SINGLE
    return max(logits, mlp, attention) + inputs


@dataclass(frozen=True, slots=True)
class _Share:
    """What one GPU is given."""

    layers: tuple[int, ...]
    head: bool


def split(layers: int, gpus: int, shares: tuple[float, ...] | None, on_gpus: int) -> tuple[_Share, ...]:
    """Return which layers each GPU holds; the first ones stay in host memory where not all are wanted.

    Builds differ in whether the head counts as one of the layers then: it is charged beside them.

    Args:
        layers: decoder layers.
        gpus: GPUs.
        shares: `--tensor-split`; None: by free memory, alike on GPUs that are alike.
        on_gpus: layers wanted on GPUs.
    """
    first = max(0, layers - on_gpus)
    wanted = layers + 1 - first
    if on_gpus < 1:
        return (_Share((), head=False),) * gpus
    parts = shares if shares is not None and sum(shares) > 0 else (1.0,) * gpus
    parts = (*parts, *(0.0,) * (gpus - len(parts)))[:gpus]
    total, bounds = 0.0, []
    for part in parts:
        total += part
        bounds.append(total)
    held: list[list[int]] = [[] for _ in range(gpus)]
    head = None
    for item in range(first, layers + 1):
        place = (item - first) / wanted
        gpu = next((index for index, bound in enumerate(bounds) if bound / total > place), gpus - 1)
        if item == layers:
            head = gpu
        else:
            held[gpu].append(item)
    return tuple(_Share(tuple(numbers), head == gpu) for gpu, numbers in enumerate(held))


def _shares(case: Case) -> tuple[float, ...] | None:
    stated = case.spec.option("tensor_split")
    return tuple(float(text) for text in stated.replace("/", ",").split(",")) if isinstance(stated, str) else None


def layer_caches(arch: Architecture) -> tuple[Cache | None, ...]:
    """Return what each layer keeps; None for one that keeps nothing of its own."""
    if not arch.kinds:
        return arch.caches * arch.layers
    found = (arch.kinds[ord(letter) - ord("A")].caches for letter in arch.pattern)
    return tuple(caches[0] if caches else None for caches in found)


def _bill(case: Case, arch: Architecture, runs: Runs, gpus: int) -> Bill:
    gpu, table = case.gpu, facts()["bill"]
    weights = case.weights(runs.weights)
    one = case.spec.option("split_mode") == "none"
    placed = split(arch.layers, 1 if one else gpus, _shares(case), case.layers or 0)
    kinds = (case.cache_type("k"), case.cache_type("v"))
    windows = case.slides and not case.spec.option("swa_full")
    kept = [0 if cache is None else cache_bytes(cache, runs, kinds, windows=windows) for cache in layer_caches(arch)]
    offloads = case.spec.option("kv_offload") is not False
    flash = runs.attention == "flash"
    compute = compute_bytes(arch, runs, flash=flash, gpus=len(placed))
    pool = _pool(case, arch, weights, runs, kinds)
    bills = []
    for share in placed:
        used = bool(share.layers) or share.head
        held = sum(weights.layers[index] for index in share.layers) + (weights.end if share.head else 0)
        cached = sum(kept[index] for index in share.layers) if offloads else 0
        bills.append(
            GpuBill(
                budget=gpu.usable_bytes,
                context=gpu.context_bytes,
                weights=held,
                kv_cache=cached,
                activations=compute if used else 0,
                other=pool if used else 0,
                terms=(("compute_buffer", compute), ("workspace", pool)),
            )
        )
    idle = GpuBill(gpu.usable_bytes, 0, 0, 0, 0, 0)
    per_token = sum(
        row_bytes(kinds[0], cache.kv_heads * cache.key_dim) + row_bytes(kinds[1], cache.kv_heads * cache.value_dim)
        for cache in layer_caches(arch)
        if cache is not None
    )
    return Bill(
        per_gpu=(*bills, *(idle,) * (gpus - len(bills))),
        kv_cache_bytes_per_token=per_token,
        kv_cache_tokens=_cells(runs.limits["ctx_size"]),
        peak_moment="prefill",
        margin=table["margin"],
        sources=(*gpu.sources, mix.source() if case.file is None else _HEADER, source("bill")),
    )


def _pool(case: Case, arch: Architecture, weights: mix.Weights, runs: Runs, kinds: tuple[str, str]) -> int:
    """Return the bytes of workspaces beside the compute buffer.

    Below compute capability 7.5 a quantized matrix is turned into 16 bits for cuBLAS, with inputs and outputs; and
    flash attention turns a quantized cache of one layer into 16 bits.
    """
    total = int(facts()["bill"]["slack_mib"]) * MIB
    if case.volta and weights.quantized:
        tokens = runs.limits["ubatch_size"]
        total += 2 * weights.largest + tokens * (arch.intermediate + arch.hidden) * (2 + 2)
    if runs.attention == "flash" and set(kinds) != {"F16"}:
        total += max(
            (
                _cells(runs.limits["ctx_size"]) * cache.kv_heads * (cache.key_dim + cache.value_dim) * 2
                for cache in arch.caches
            ),
            default=0,
        )
    return total
