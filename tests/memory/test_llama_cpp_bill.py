"""llama.cpp's bill against published logs, and what must hold whatever the sizes are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import facts_files, models
from voltaic.document import spec_from_line
from voltaic.engines.base import Runs
from voltaic.engines.llama_cpp import mix
from voltaic.engines.llama_cpp.engine import LlamaCpp
from voltaic.memory import llama_cpp
from voltaic.memory.bill import Bill, NoBill
from voltaic.models.architecture import Architecture, Cache
from voltaic.units import GIB, MIB
from voltaic.verdict import judge

LOGS: list[dict[str, Any]] = facts_files.table(Path(__file__).parent / "published" / "llama_cpp.toml")["log"]
F16 = ("F16", "F16")


def _arch(name: str) -> Architecture:
    arch = models.resolve(name).architecture
    assert arch is not None
    return arch


def _runs(context: int, slots: int = 1, ubatch: int = 512) -> Runs:
    limits = {"ctx_size": context, "parallel": slots, "ubatch_size": ubatch}
    return Runs("llama.cpp", 1, False, "float16", "Q4_K_M", "eager", limits)


def _with(key: str) -> list[Any]:
    return [pytest.param(log, id=f"{log['model']} {log['file']} {log[key]}") for log in LOGS if key in log]


@pytest.mark.parametrize("log", _with("size"))
def test_the_size_of_a_file_is_the_published_one(log: dict[str, Any]) -> None:
    """The tensors of a file of a type are within half a percent of what was logged."""
    size = mix.weights(_arch(log["model"]), log["file"]).file
    assert size == pytest.approx(log["size"] * GIB, rel=0.005)


@pytest.mark.parametrize("log", _with("host"))
def test_the_table_of_tokens_stays_in_host_memory(log: dict[str, Any]) -> None:
    """The embedding has the type and size that the log says of host memory."""
    assert mix.weights(_arch(log["model"]), log["file"]).embedding == pytest.approx(log["host"] * MIB, abs=0.01 * MIB)


@pytest.mark.parametrize("log", _with("gpus"))
def test_layers_lie_where_the_log_has_them(log: dict[str, Any]) -> None:
    """Each GPU's model buffer is exact: the split is that of the program, and so is every layer's type."""
    weights = mix.weights(_arch(log["model"]), log["file"])
    shares = llama_cpp.split(len(weights.layers), log["devices"], None, 10**6)
    held = [sum(weights.layers[index] for index in share.layers) / MIB for share in shares]
    assert held[: len(log["gpus"])] == pytest.approx(log["gpus"], abs=0.01)


@pytest.mark.parametrize("log", _with("kv"))
def test_the_cache_is_exact(log: dict[str, Any]) -> None:
    """The cache over all layers is the logged one to the byte."""
    runs = _runs(log["context"])
    kept = [llama_cpp.cache_bytes(c, runs, F16, windows=True) for c in llama_cpp.layer_caches(_arch(log["model"])) if c]
    assert sum(kept) == log["kv"] * MIB


@pytest.mark.parametrize("log", _with("compute"))
def test_the_compute_buffer_is_never_less_than_logged(log: dict[str, Any]) -> None:
    """The compute buffer is the logged one, or up to 5 % more."""
    found = llama_cpp.compute_bytes(
        _arch(log["model"]), _runs(log["context"]), flash=log["flash"], gpus=log.get("devices", 1)
    )
    assert log["compute"] - 0.02 <= found / MIB <= 1.05 * log["compute"]


def test_fused_projections_have_the_types_of_published_files() -> None:
    """Phi-3's Q4_K_M has 32 tensors of Q5_K, 17 of Q6_K and 81 of Q4_K (llama.cpp issue 9451)."""
    arch = _arch("microsoft/Phi-3-mini-4k-instruct")
    counts: dict[str, int] = {}
    from voltaic.models.parameters import embedding_tensors, head_tensors, layer_tensors

    tensors = [(0, t) for t in (*embedding_tensors(arch), *head_tensors(arch))]
    tensors += [(index, t) for index in range(arch.layers) for t in layer_tensors(arch, index)]
    for layer, tensor in tensors:
        kind = mix._type("Q4_K_M", tensor, mix._PARTS.get(tensor.role, tensor.role), layer, arch).name
        counts[kind] = counts.get(kind, 0) + 1
    assert {kind: counts[kind] for kind in ("Q4_K", "Q5_K", "Q6_K")} == {"Q4_K": 81, "Q5_K": 32, "Q6_K": 17}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mistral-7b-instruct-v0.2.Q4_K_M.gguf", "Q4_K_M"),
        ("/models/Qwen2.5-7B-Instruct-Q8_0-00001-of-00003.gguf", "Q8_0"),
        ("q8_0", "Q8_0"),
        ("model-f16.gguf", "F16"),
        ("model-BF16.gguf", "BF16"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4_MOE"),
        ("Qwen3-8B-UD-Q4_K_XL.gguf", None),
        ("Qwen3-8B-UD-Q4_K_M.gguf", None),
        ("mistral.Q2_K.gguf", None),
        ("model.gguf", None),
    ],
)
def test_the_type_of_a_file_is_read_from_its_name(name: str, kind: str | None) -> None:
    """A name or tag says the type; mixes of single publishers, and types that were published twice, are not known."""
    assert mix.file_type(name) == kind


@given(st.integers(1, 100), st.integers(1, 8), st.integers(0, 120))
def test_a_split_holds_every_layer_once(layers: int, gpus: int, wanted: int) -> None:
    """As many layers as are wanted lie on GPUs, each on one, in order, and the head on one at most."""
    shares = llama_cpp.split(layers, gpus, None, wanted)
    held = [index for share in shares for index in share.layers]
    assert held == list(range(layers - min(layers, wanted), layers))
    assert sum(share.head for share in shares) == (wanted > 0)


def test_shares_are_kept_to() -> None:
    """--tensor-split 3,1 puts three quarters on the first GPU."""
    first, second = llama_cpp.split(31, 2, (3.0, 1.0), 99)
    assert (len(first.layers), len(second.layers), second.head) == (24, 7, True)


@given(st.integers(1, 200_000), st.integers(1, 200_000))
def test_a_longer_context_never_needs_less(one: int, other: int) -> None:
    """Cache and compute buffer grow with the context."""
    arch = _arch("mistralai/Mistral-7B-Instruct-v0.2")
    short, long = _runs(min(one, other)), _runs(max(one, other))
    cache = arch.caches[0]
    assert llama_cpp.cache_bytes(cache, short, F16, windows=True) <= llama_cpp.cache_bytes(
        cache, long, F16, windows=True
    )
    for flash in (False, True):
        assert llama_cpp.compute_bytes(arch, short, flash=flash) <= llama_cpp.compute_bytes(arch, long, flash=flash)


def test_a_window_bounds_the_cache() -> None:
    """A layer with a window of 512 keeps 2,560 tokens for four slots (llama.cpp b9967), or all with --swa-full."""
    cache = Cache("sliding", 1, 1, 256, 256, 512)
    runs = _runs(4096, slots=4)
    assert llama_cpp.cache_bytes(cache, runs, F16, windows=True) == 2560 * 1024
    assert llama_cpp.cache_bytes(cache, runs, F16, windows=False) == 4096 * 1024


def _bill(*args: str, model: str = "mistralai/Mistral-7B-Instruct-v0.2", gpus: int = 1, gpu: str = "v100-16gb") -> Any:
    line = {"gpu": gpu, "gpus": gpus, "engine": "llama.cpp", "engine_version": "b9000", "model": model}
    return LlamaCpp().bill(spec_from_line({**line, "args": ["-m", "x.Q4_K_M.gguf", *args]}))


@pytest.mark.parametrize(
    ("model", "bounded"),
    [
        ("mistralai/Mistral-7B-v0.1", False),
        ("microsoft/Phi-3-mini-4k-instruct", False),
        ("google/gemma-2-2b-it", True),
        ("google/gemma-3-1b-it", True),
    ],
)
def test_only_some_families_keep_their_window(model: str, *, bounded: bool) -> None:
    """llama.cpp ignores the windows of Mistral and Phi-3 (PR 13676): their layers keep the whole context."""
    bill = _bill("-c", "32768", "-np", "1", "-ngl", "99", "-fa", "off", model=model)
    whole = sum(32768 * 2 * 2 * cache.layers * cache.kv_heads * cache.key_dim for cache in _arch(model).caches)
    assert (bill.worst.kv_cache < whole) is bounded
    assert bounded or bill.worst.kv_cache == whole


def test_quantized_caches_take_less_and_a_workspace() -> None:
    """q8_0 takes 34 bytes for 32 elements; flash attention turns one layer of it back into 16 bits."""
    plain, small = _bill("-c", "8192", "-ngl", "99"), _bill("-c", "8192", "-ngl", "99", "-ctk", "q8_0", "-ctv", "q8_0")
    assert small.worst.kv_cache * 32 * 2 == plain.worst.kv_cache * 34
    assert small.worst.other - plain.worst.other == 8192 * 8 * 256 * 2


def test_what_fit_would_move_is_not_known() -> None:
    """Without -ngl a model that leaves less than a GiB is moved to host memory in part: unknown, not refused."""
    assert isinstance(_bill("-c", "8192"), Bill)
    moved = _bill("-c", "131072")
    assert isinstance(moved, NoBill)
    assert "-ngl 999" in moved.settled_by


def test_without_offload_the_cache_is_in_host_memory() -> None:
    """--no-kv-offload takes the cache off the GPU, and --split-mode none leaves the second GPU empty."""
    assert _bill("-c", "8192", "-ngl", "99", "-nkvo").worst.kv_cache == 0
    assert _bill("-c", "8192", "-ngl", "99", "-sm", "none", gpus=2).per_gpu[1].total == 0


def test_a_refusal_names_a_context_that_fits() -> None:
    """A context that is too long is answered with one that the same rules accept."""
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "llama.cpp", "engine_version": "b9000"}
    args = ["-m", "x.Q4_K_M.gguf", "-c", "131072", "-ngl", "99", "-fa", "off"]
    spec = spec_from_line({**line, "model": "mistralai/Mistral-7B-Instruct-v0.2", "args": args})
    found = judge(spec)
    assert found.verdict == "refuse"
    assert found.fixes
    shorter = replace(spec, command=LlamaCpp().parse("b9000", [*args, "-c", "32768"], {}))
    assert judge(shorter).verdict == "accept"


def test_caches_without_a_model_have_no_bill() -> None:
    """A recurrent or latent cache is not approximated."""
    arch = _arch("mistralai/Mistral-7B-Instruct-v0.2")
    line = {
        "gpu": "v100-16gb",
        "gpus": 1,
        "engine": "llama.cpp",
        "engine_version": "b9000",
        "args": ["-m", "x.Q8_0.gguf"],
    }
    spec = spec_from_line({**line, "model": "mistralai/Mistral-7B-Instruct-v0.2"})
    assert LlamaCpp().runs(spec) is not None
    from voltaic.engines.llama_cpp.case import case_of
    from voltaic.models.architecture import LayerKind

    odd = replace(arch, kinds=(LayerKind("layer", (Cache("state", 1),)),), pattern="A" * arch.layers)
    spec = replace(spec, model=replace(spec.model, architecture=odd))
    assert isinstance(llama_cpp.estimate(spec, _runs(4096), case_of(spec)), NoBill)


def test_a_tied_table_is_held_again_on_the_gpu() -> None:
    """Where the head is the table of tokens, host memory has one and the last GPU another."""
    tied = mix.weights(_arch("google/gemma-3-12b-it"), "Q4_K_M")
    assert sum(tied.layers) + tied.end == tied.file
    own = mix.weights(_arch("meta-llama/Llama-3.1-8B-Instruct"), "Q4_K_M")
    assert sum(own.layers) + own.end == own.file - own.embedding


@pytest.mark.parametrize(
    ("gpu", "gpus", "model", "word"),
    [
        ("b200-180gb", 1, "mistralai/Mistral-7B-Instruct-v0.2", "GPU model"),
        ("v100-16gb", 10**6, "mistralai/Mistral-7B-Instruct-v0.2", "1000000 GPUs"),
        ("v100-16gb", 1, "nobody/nothing", "nothing"),
        ("v100-16gb", 1, "microsoft/Phi-3-mini-4k-instruct", "would run this"),
    ],
)
def test_what_is_not_known_has_no_bill(gpu: str, gpus: int, model: str, word: str) -> None:
    """Without GPU, count, shapes or a way to run there is no bill, and it says what is missing."""
    found = _bill("-c", "4096", "-ngl", "99", model=model, gpus=gpus, gpu=gpu)
    assert isinstance(found, NoBill)
    assert found.because
    assert found.settled_by
    assert word.lower() in (found.because + model if word == "nothing" else found.because).lower()


def test_no_layers_on_gpus_hold_nothing() -> None:
    """-ngl 0 leaves the GPUs empty."""
    assert _bill("-c", "4096", "-ngl", "0").worst.weights == 0
