"""Measure what TGI's Transformers fallback holds on a GPU: TGI's own classes, true shapes, random fp16 weights.

Needs a GPU, torch, transformers 4.46.3, and the folder `text_generation_server` of TGI 3.0.1's server, of which only
`models/{causal_lm,model,types}.py` and `utils/{tokens,logits_process,watermark,chunks}.py` are executed; the rest is
replaced by stand-ins. The project itself needs none of it.

    python fallback.py moments --server DIR --out FILE MODEL...
    python fallback.py moments --fresh --server DIR --out FILE MODEL...
    python fallback.py endure --server DIR --out FILE --dynamic BYTES --limits BATCH,INPUT,TOTAL,PREFILL MODEL

`--fresh` draws the shapes from the model's name, so that nobody chooses them, and all of them are kept aside.

Where the process sees several GPUs, the layers are spread over them, and every figure is a list of one number a GPU.

A V100 has neither the flash nor the cuDNN attention kernel, and cuBLAS takes smaller workspaces there: the kernels are
switched off and the workspaces set to the size that they have there.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from served import Server, gpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHAPES = (
    # requests, of which join last, input tokens, total tokens; every third is kept aside
    (1, 1, 256, 272),
    (1, 1, 1000, 1016),
    (1, 1, 1900, 1916),
    (2, 1, 1024, 1040),
    (4, 4, 512, 528),
    (4, 2, 768, 784),
    (8, 4, 250, 266),
    (3, 2, 1003, 1019),
    (8, 8, 640, 656),
    (6, 1, 900, 916),
    (16, 8, 128, 144),
    (2, 2, 1536, 1552),
)
NEW_TOKENS = 16
SAMPLED = {"temperature": 0.7, "top_k": 50}


class Peaks:
    """Peaks of one moment after the other."""

    def __init__(self) -> None:
        clean()
        self.base = [torch.cuda.memory_allocated(gpu) for gpu in gpus()]
        self.base_reserved = [torch.cuda.memory_reserved(gpu) for gpu in gpus()]
        self.base_requested = [torch.cuda.memory_stats(gpu)["requested_bytes.all.current"] for gpu in gpus()]
        self.of: dict[str, list[int]] = {}
        self.requested: dict[str, list[int]] = {}

    @contextmanager
    def moment(self, name: str) -> Iterator[None]:
        """Note the peak of what runs inside, above the weights."""
        for gpu in gpus():
            torch.cuda.reset_peak_memory_stats(gpu)
        yield
        for gpu in gpus():
            torch.cuda.synchronize(gpu)
        self._note(self.of, name, torch.cuda.max_memory_allocated, self.base)
        self._note(self.of, "reserved", torch.cuda.max_memory_reserved, self.base_reserved)
        self._note(self.requested, name, _requested, self.base_requested)

    @staticmethod
    def _note(of: dict[str, list[int]], name: str, read: Callable[[int], int], base: list[int]) -> None:
        found = [read(gpu) - base[gpu] for gpu in gpus()]
        of[name] = list(map(max, found, of.get(name, found)))


def _requested(gpu: int) -> int:
    return int(torch.cuda.memory_stats(gpu)["requested_bytes.all.peak"])


def plain(found: Any) -> Any:
    """Return lists of one number as that number."""
    if isinstance(found, dict):
        return {name: plain(value) for name, value in found.items()}
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def clean() -> None:
    """Give back what is cached."""
    gc.collect()
    for gpu in gpus():
        torch.cuda.synchronize(gpu)
    torch.cuda.empty_cache()


def lengths_of(requests: int, tokens: int) -> list[int]:
    """Return lengths of a left-padded batch: one full, the others shorter."""
    return [tokens, *(min(tokens, tokens // 2 + 7 * index) for index in range(requests - 1))]


def drawn(name: str, positions: int, number: int = 6) -> list[tuple[int, int, int, int]]:
    """Return shapes as in `SHAPES` that follow from a model's name alone."""
    draw = random.Random(name)  # noqa: S311
    found = []
    while len(found) < number:
        requests = draw.choice((1, 1, 2, 3, 5, 7, 12))
        joining = draw.randint(max(1, -(-requests // 5)), requests)
        tokens = int(64 * (3000 / 64) ** draw.random())
        if tokens + NEW_TOKENS <= positions and joining * tokens <= 6000 and requests * tokens <= 12_000:
            found.append((requests, joining, tokens, tokens + NEW_TOKENS))
    return found


def serve(server: Server, requests: int, joining: int, tokens: int, total: int) -> Peaks:
    """Return the peaks of a life: warm-up, requests that run, others that join at the end, decoding to the total."""
    peaks, new = Peaks(), total - tokens
    with peaks.moment("warm-up"):
        server.warm_up(joining, tokens)
    running = None
    waiting = requests - joining
    while waiting:
        group = min(joining, waiting)
        waiting -= group
        batch = server.prefill(lengths_of(group, tokens), [new] * group)
        running = batch if running is None else server.module.CausalLMBatch.concatenate([running, batch])
        del batch
        if running is not None and requests - joining > group:
            running = server.decode(running)
    while running is not None and running.max_input_length < total - 3:
        running = server.decode(running)
    with peaks.moment("prefill"):
        batch = server.prefill(lengths_of(joining, tokens), [new] * joining)
    if running is not None:
        with peaks.moment("join"):
            running = server.module.CausalLMBatch.concatenate([running, batch])
    else:
        running = batch
    del batch
    while running is not None and running.max_input_length < total:
        with peaks.moment("decode"):
            running = server.decode(running)
    return peaks


def kept(server: Server, tokens: int) -> int:
    """Return the bytes that the first request of a sampling setting leaves behind."""
    peaks = Peaks()
    batch = server.prefill([tokens], [4], SAMPLED)
    del batch
    clean()
    return max(torch.cuda.memory_allocated(gpu) - peaks.base[gpu] for gpu in gpus())


def moments(folder: Path, name: str, *, fresh: bool) -> dict[str, Any]:
    """Return the peaks of one model over all shapes that it has positions for, or over shapes drawn for it."""
    model, _, how = name.partition(":")
    server = Server(folder, model, eager=how == "eager")
    before = [torch.cuda.memory_reserved(gpu) for gpu in gpus()]
    server.warm_up(1, 16)
    clean()
    found: dict[str, Any] = {"model": model, "attention": server.attention, "weights": plain(server.loaded)}
    found |= {"weights_reserved": plain(server.loaded_reserved), "workspaces": plain(server.workspaces)}
    sampling = [torch.cuda.memory_reserved(gpu) - before[gpu] for gpu in gpus()]
    found |= {"sampling_warm_up_reserved": plain(sampling), "cases": []}
    if len(gpus()) > 1:
        found["device_map"] = {name: str(gpu) for name, gpu in server.model.model.hf_device_map.items()}
    config = server.model.model.config
    positions = getattr(config, "max_position_embeddings", None) or config.max_seq_len
    for index, (requests, joining, tokens, total) in enumerate(drawn(name, positions) if fresh else SHAPES):
        if total > positions:
            continue
        case: dict[str, Any] = {"requests": requests, "joining": joining, "input": tokens, "total": total}
        case["aside"] = fresh or index % 3 == 2
        peaks = serve(server, requests, joining, tokens, total)
        case |= {"peaks": plain(peaks.of), "requested": plain(peaks.requested)}
        found["cases"].append(case)
        sys.stdout.write(f"{name} {case}\n")
    found["kept"] = {"tokens": 512, "bytes": kept(server, 512)}
    return found


def live(server: Server, limits: tuple[int, ...], requests: int, seed: int, until: float) -> int:
    """Serve random requests within the limits; return how many were begun before memory or time ran out, or all."""
    slots, tokens, total, prefill = limits
    draw = random.Random(seed)  # noqa: S311
    running, begun = None, 0
    try:
        server.warm_up(max(1, min(slots, prefill // tokens)), tokens)
        while begun < requests or running is not None:
            if time.monotonic() > until:
                return begun
            free = slots - (0 if running is None else len(running))
            if free and begun < requests and draw.random() < 0.5:
                lengths = [draw.choice((tokens, draw.randint(16, tokens))) for _ in range(draw.randint(1, free))]
                while len(lengths) * max(lengths) > prefill:
                    lengths.pop()
                begun += len(lengths)
                news = [
                    draw.randint(2, total - length) if length > tokens // 2 else draw.randint(2, 64)
                    for length in lengths
                ]
                batch = server.prefill(lengths, news)
                if running is not None and batch is not None:
                    running = server.decode(server.module.CausalLMBatch.concatenate([running, batch]))
                else:
                    running = batch if running is None else running
                batch = None
            elif running is not None:
                running = server.decode(running)
    except torch.cuda.OutOfMemoryError:
        return -begun - 1
    return requests


def endure(folder: Path, model: str, given: argparse.Namespace) -> dict[str, Any]:
    """Return with how much memory above the weights, as a multiple of `dynamic`, random requests were all served."""
    limits, dynamic, requests = tuple(map(int, given.limits.split(","))), given.dynamic, given.requests
    server = Server(folder, model)
    server.warm_up(1, 16)
    clean()
    base, device = torch.cuda.memory_reserved(), torch.cuda.get_device_properties(0).total_memory
    found: dict[str, Any] = {"model": model, "limits": list(limits), "dynamic": dynamic, "weights_reserved": base}
    found |= {"seed": given.seed, "allocator": os.environ.get("PYTORCH_CUDA_ALLOC_CONF", ""), "runs": []}
    survived = 0
    for factor in map(float, given.factors.split(",")):
        torch.cuda.set_per_process_memory_fraction((base + factor * dynamic) / device)
        until = time.monotonic() + given.seconds
        served = live(server, limits, requests, given.seed, until)
        clean()
        run = {"factor": factor, "served": max(served, -served - 1), "of": requests}
        run["ended_by"] = "memory" if served < 0 else "time" if served < requests else "all served"
        found["runs"].append(run)
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
        survived += run["ended_by"] != "memory"
        if survived == given.survivals:
            break
    return found


def about() -> dict[str, Any]:
    """Return where this was measured."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    return {
        "gpu": torch.cuda.get_device_name(),
        "compute_capability": ".".join(map(str, torch.cuda.get_device_capability())),
        "driver": driver,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tgi": "3.0.1",
        "allocator": os.environ.get("PYTORCH_CUDA_ALLOC_CONF", ""),
        "differs_from_v100": [
            "compute capability 9.0, not 7.0: flash and cuDNN attention are off, the memory-efficient kernel is on",
            "torch is newer than the 2.4 of the image of TGI 3.0.1; transformers is the image's",
            "workspaces of cuBLAS are set to the size that they have on a V100",
            "the math kernel of attention is told to compute in 16 bits, as that of torch 2.4 does",
            "context and kernels in memory are the newer GPU's and are not compared",
        ],
    }


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("moments", "endure"))
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--server", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--limits", default="")
    parser.add_argument("--dynamic", type=int, default=0)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--factors", default="0.95,1.0,1.05,1.1,1.15,1.2,1.25,1.3,1.35,1.4,1.5")
    parser.add_argument("--survivals", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.backends.cuda.enable_flash_sdp(enabled=False)
    torch.backends.cuda.enable_cudnn_sdp(enabled=False)
    # The math kernel of torch 2.4 computes in 16 bits, that of later releases in 32 unless told otherwise.
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(enabled=True)
    torch.manual_seed(0)
    results = []
    with torch.inference_mode():
        for model in given.models:
            began = time.monotonic()
            if given.what == "moments":
                results.append(moments(given.server, model, fresh=given.fresh))
            else:
                results.append(endure(given.server, model, given))
            clean()
            sys.stdout.write(f"{model}: {time.monotonic() - began:.0f} s\n")
            given.out.write_text(json.dumps({"about": about(), "results": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
