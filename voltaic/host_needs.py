"""The least that a server of any engine needs of its node beside GPUs, and the least time that it takes.

All sizes in bytes, all times in seconds. None where facts end. What our own pods are given is in `voltaic.host`.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic import answers, host, models, units
from voltaic.engines import data
from voltaic.host import Figure

if TYPE_CHECKING:
    from voltaic.findings import Source
    from voltaic.spec import ServingSpec

MEGABYTE: Final = 10**6
_ELEMENT_BYTES: Final = {"float16": 2, "bfloat16": 2, "float32": 4}
_TORCH: Final = frozenset({"tgi", "vllm", "lmdeploy"})
"""Engines whose model processes are PyTorch's."""
_TALKS: Final = frozenset({"flash", "native-tensor-parallel", "vllm-v0", "vllm-v1"})
"""Implementations that run a process a GPU, which talk through NCCL; TurboMind's GPUs share one process."""
_SHARDS: Final = {"tgi": "num_shard", "vllm": "tensor_parallel_size"}


@cache
def table() -> dict[str, Any]:
    """Return host_needs.toml."""
    return data.table(Path(__file__).with_name("host_needs.toml"))


@cache
def source(of: str) -> Source:
    """Return where a fact comes from: a table of host_needs.toml such as `shm`."""
    return data.source(table()[of]["source"], table()[of]["confidence"])


def processes(spec: ServingSpec) -> int | None:
    """Return the model processes, one a GPU, that talk through NCCL; 1 where there is one, None where not known."""
    runs = answers.runs_of(spec)
    if runs is not None:
        return runs.shards if runs.implementation in _TALKS else 1
    stated = spec.option(_SHARDS.get(spec.release.engine, ""))
    return stated if isinstance(stated, int) and stated > 0 else None


def checkpoint(spec: ServingSpec) -> int | None:
    """Return the bytes of the weights on disk; None where that is not known."""
    model = spec.model
    if spec.release.engine == "llama.cpp":
        return model.gguf.total if model.gguf is not None else None
    if model.weights_bytes is not None:
        return model.weights_bytes
    return None if model.architecture is None else models.checkpoint_bytes(model.architecture)


def built(spec: ServingSpec) -> Figure | None:
    """Return the bytes of the model where all of it certainly lies in host memory while it is loaded."""
    runs, arch = answers.runs_of(spec), spec.model.architecture
    if runs is None or arch is None or runs.implementation != "transformers-fallback":
        return None
    element = _ELEMENT_BYTES.get(runs.weights)
    if runs.layer_split or runs.shards > 1 or element is None:
        return None
    size = models.parameter_count(arch) * element
    return Figure(
        size, "bytes", f"{units.gib(size)} of {runs.weights} weights, built in host memory before they move to the GPU"
    )


def memory(spec: ServingSpec) -> Figure | None:
    """Return the least host memory without /dev/shm: below it a server is killed, or lives on what others leave."""
    if spec.release.engine not in _TORCH:
        return None
    whole = built(spec)
    if whole is not None:
        process = table()["process"]["least_mib"] * units.MIB
        return Figure(
            whole.value + process, "bytes", f"{whole.because}, and {units.gib(process)} of the process itself"
        )
    count = processes(spec) or 1
    size = count * table()["rank"]["gib"] * units.GIB
    return Figure(
        size, "bytes", f"{count} model process{'es' if count > 1 else ''} of {table()['rank']['gib']} GiB at least"
    )


def start(spec: ServingSpec, *, downloads: bool) -> Figure | None:
    """Return the least seconds until a server answers, rounded down."""
    size = checkpoint(spec)
    if size is None:
        return None
    facts = table()["start"]
    line, disk = facts["download_megabytes_per_second"], facts["read_megabytes_per_second"]
    seconds = [
        (facts["process_seconds"], "s for the process"),
        (size / (disk * MEGABYTE), f"s to read {units.gib(size)} at {disk} MB/s"),
    ]
    if downloads:
        seconds.append((size / (line * MEGABYTE), f"s to download them at {line} MB/s"))
    total = sum(int(number) for number, _ in seconds)
    return Figure(total, "seconds", " + ".join(f"{int(number)} {what}" for number, what in seconds))


def usual_start(spec: ServingSpec) -> int | None:
    """Return the seconds of a start at the speeds that our own pods are given time for, download included."""
    size = checkpoint(spec)
    if size is None and spec.gpu is not None and spec.gpus is not None:
        size = spec.gpus * spec.gpu.usable_bytes
    if size is None:
        return None
    line, load = host.table()["download"]["megabytes_per_second"], host.table()["load"]
    seconds = size / (line * MEGABYTE) + size / (load["megabytes_per_second"] * MEGABYTE)
    return math.ceil(float(seconds)) + int(load["process_seconds"]) + int(load["warm_up_seconds"])


def longest_answer(spec: ServingSpec) -> Figure | None:
    """Return the least seconds of the longest answer that the limits allow, where its weights are plain and dense."""
    runs, arch, gpu = answers.runs_of(spec), spec.model.architecture, spec.gpu
    if runs is None or arch is None or gpu is None or arch.experts is not None:
        return None
    element, tokens = _ELEMENT_BYTES.get(runs.weights), runs.limits.get("max_total_tokens")
    speed = table()["decode"].get(gpu.name)
    if element is None or tokens is None or speed is None:
        return None
    read = (models.parameter_count(arch) - arch.vocab * arch.hidden) * element / max(1, runs.shards)
    seconds = int(read / (speed * 1000 * MEGABYTE) * (tokens - 1))
    because = f"{tokens} tokens, each of which reads {units.gib(int(read))} of weights at {speed} GB/s at most"
    return Figure(seconds, "seconds", because)
