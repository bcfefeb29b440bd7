"""What a server needs of its node beside GPUs, and how long it may take to start and to stop.

All sizes in bytes, all times in whole seconds. Facts and assumptions come from host.toml.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic import answers, models, units
from voltaic.engines import data
from voltaic.settings.faults import InvalidSettings, SettingFault, shown

if TYPE_CHECKING:
    from voltaic.findings import Source
    from voltaic.settings.model import Settings
    from voltaic.spec import ServingSpec

MEGABYTE = 10**6
_ELEMENT_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and why it is what it is."""

    value: int
    unit: str
    """`bytes`, `seconds`, `cores`, `failures`."""
    because: str

    def __int__(self) -> int:
        """Return the bare number."""
        return self.value


@dataclass(frozen=True, slots=True)
class HostPlan:
    """What the pod, its volumes and the tools that wait for it are given."""

    cpu_request: Figure
    memory: Figure
    """Request and limit alike: a pod that was squeezed at its second start would be killed there."""
    shm: Figure
    """Size limit of /dev/shm; part of `memory`."""
    ephemeral_storage: Figure
    """Request and limit alike."""
    cache: Figure
    """Size of the volume, or of the emptyDir, that keeps the weights."""
    download: Figure
    """Bytes fetched at a cold start."""
    startup_period: Figure
    startup_timeout: Figure
    startup_failures: Figure
    startup_budget: Figure
    """Period times failures of the startup probe."""
    readiness_period: Figure
    readiness_timeout: Figure
    readiness_failures: Figure
    liveness_period: Figure
    liveness_timeout: Figure
    liveness_failures: Figure
    termination_grace: Figure
    pre_stop: Figure
    progress_deadline: Figure
    pulumi_timeout: Figure


@dataclass(frozen=True, slots=True)
class Start:
    """How long a start takes, part by part, in seconds; estimates from the assumptions of host.toml."""

    download: Figure
    """Only where the volume does not hold the weights yet."""
    load: Figure
    process: Figure
    warm_up: Figure

    @property
    def seconds(self) -> int:
        """All parts together."""
        return sum(map(int, (self.download, self.load, self.process, self.warm_up)))


@cache
def table() -> dict[str, Any]:
    """Return host.toml."""
    return data.table(Path(__file__).with_name("host.toml"))


def source(of: str) -> Source:
    """Return where a fact comes from: a table of host.toml such as `memory`."""
    return data.source(table()[of]["source"], table()[of]["confidence"])


def plan(settings: Settings, spec: ServingSpec, *, where: str = "configuration") -> HostPlan:
    """Return what the server of this spec needs beside its GPUs.

    Where the model's shapes are not known, its checkpoint counts as large as the GPUs are together: a larger one could
    not be loaded.

    Raises:
        InvalidSettings: a model cache that cannot hold the checkpoint; `where` names the stack file.
    """
    checkpoint = _checkpoint(spec)
    cache_size = _cache(settings, spec, checkpoint)
    if settings.model_cache_size is not None and settings.model_cache_size < checkpoint.value:
        given = units.quantity(settings.model_cache_size)
        raise InvalidSettings(where, [_too_small(where, given, checkpoint.value)])
    shm = _shm(spec)
    probes = _probes()
    startup = _startup(settings, checkpoint)
    grace = table()["termination"]["drain_seconds"] + table()["termination"]["pre_stop_seconds"]
    deadline = _deadline(startup["startup_budget"].value, grace)
    scratch = table()["scratch"]["gib"] * units.GIB
    kept = cache_size.value if settings.model_cache_ephemeral else 0
    return HostPlan(
        cpu_request=_cpu(spec),
        memory=_memory(spec, checkpoint, shm),
        shm=shm,
        ephemeral_storage=Figure(
            scratch + kept,
            "bytes",
            f"{units.gib(scratch)} for logs and /tmp" + (f", {units.gib(kept)} for the weights" if kept else ""),
        ),
        cache=cache_size,
        download=Figure(0, "bytes", "the model is a path") if _local(settings) else checkpoint,
        termination_grace=Figure(grace, "seconds", "the engine's own drain, after the wait before it"),
        pre_stop=Figure(
            table()["termination"]["pre_stop_seconds"],
            "seconds",
            "nodes still send requests until they have heard that the pod ends",
        ),
        progress_deadline=deadline,
        pulumi_timeout=_pulumi_timeout(deadline.value, settings.replicas),
        **startup,
        **probes,
    )


def _too_small(where: str, given: str, least: int) -> SettingFault:
    enough = units.quantity(units.round_up(least, units.GIB))
    return SettingFault(
        where=where,
        key="modelCacheSize",
        value=shown(given),
        message=f"{given} cannot hold the checkpoint of {units.gib(least)}",
        allowed=f"{enough} or more",
        fix="Use the default with: pulumi config rm modelCacheSize",
    )


def _local(settings: Settings) -> bool:
    return settings.model.startswith("/")


def _checkpoint(spec: ServingSpec) -> Figure:
    """Return the bytes of the checkpoint on disk."""
    model = spec.model
    if model.weights_bytes is not None:
        return Figure(model.weights_bytes, "bytes", f"size of the checkpoint of {model.id}")
    size = models.checkpoint_bytes(model.architecture) if model.architecture is not None else None
    if size is not None:
        return Figure(size, "bytes", "parameters of the model's configuration in the checkpoint's own data type")
    return Figure(_gpu_bytes(spec), "bytes", "the checkpoint's size is not known: as much as its GPUs hold together")


def _gpu_bytes(spec: ServingSpec) -> int:
    return (spec.gpus or 1) * (spec.gpu.usable_bytes if spec.gpu else 0)


def _cache(settings: Settings, spec: ServingSpec, checkpoint: Figure) -> Figure:
    """Return the size of the model cache.

    It follows from the profile as long as that is enough, so that a model change leaves the volume as it is.
    """
    if settings.model_cache_size is not None:
        return Figure(settings.model_cache_size, "bytes", "modelCacheSize")
    facts = table()["cache"]
    size = facts["checkpoints"] * max(_gpu_bytes(spec), checkpoint.value)
    because = f"{facts['checkpoints']} checkpoints of the largest size that these GPUs hold: before and after a change"
    return Figure(units.round_up(size, facts["step_gib"] * units.GIB), "bytes", because)


def _processes(spec: ServingSpec) -> int:
    runs = answers.runs_of(spec)
    shards = runs.shards if runs is not None else spec.option("num_shard", 1)
    return max(1, min(shards, spec.gpus or 1))


def _cpu(spec: ServingSpec) -> Figure:
    facts = table()["cpu"]
    further = _processes(spec) - 1
    cores = facts["first_process"] + further * facts["further_process"]
    return Figure(cores, "cores", f"router, tokenizer and {further + 1} model process{'es' if further else ''}")


def _shm(spec: ServingSpec) -> Figure:
    facts = table()["shm"]
    processes = _processes(spec)
    by_count = {int(count): size for count, size in facts["gib"].items()}
    enough = [size for count, size in sorted(by_count.items()) if count >= processes]
    size = enough[0] if enough else processes * facts["further_gib"]
    because = f"{processes} processes that talk through NCCL" if processes > 1 else "one process, no NCCL"
    return Figure(size * units.GIB, "bytes", because)


def _memory(spec: ServingSpec, checkpoint: Figure, shm: Figure) -> Figure:
    """Return the host memory: the working set while weights are loaded, and /dev/shm, which counts in it."""
    facts = table()["memory"]
    runs = answers.runs_of(spec)
    file = _largest_file(spec, checkpoint)
    router = facts["router_gib"] * units.GIB
    if runs is not None and runs.implementation != "transformers-fallback":
        own = _processes(spec) * facts["rank_gib"] * units.GIB
        parts = [(file, "largest weights file"), (own, "model processes")]
    else:
        parts = [(file, "largest weights file"), (facts["process_gib"] * units.GIB, "model process")]
        if runs is None or not runs.layer_split:
            parts.insert(0, (_loaded(spec, checkpoint), "whole model, built in host memory before it moves to the GPU"))
    parts += [(router, "router and tokenizer"), (shm.value, "shared memory")]
    total = units.round_up(sum(size for size, _ in parts), units.GIB)
    return Figure(total, "bytes", " + ".join(f"{units.gib(size)} {what}" for size, what in parts))


def _largest_file(spec: ServingSpec, checkpoint: Figure) -> int:
    """Return the bytes of the largest weights file, or the most that it can have."""
    known = models.known_model(spec.model.id) if spec.model.id else None
    if known is not None and known.largest_file_bytes is not None:
        return known.largest_file_bytes
    return min(checkpoint.value, int(table()["memory"]["largest_file_bytes"]))


def _loaded(spec: ServingSpec, checkpoint: Figure) -> int:
    """Return the bytes of the model as it is built in host memory."""
    if spec.model.architecture is None:
        return checkpoint.value
    element = _ELEMENT_BYTES.get(str(spec.option("dtype", "float16")), 4)
    return models.parameter_count(spec.model.architecture) * element


def start(settings: Settings, spec: ServingSpec) -> Start:
    """Return how long the server of this spec takes to start on a node that has its image."""
    return _start(settings, _checkpoint(spec))


def _start(settings: Settings, checkpoint: Figure) -> Start:
    load = table()["load"]
    speed = settings.download_megabytes_per_second or table()["download"]["megabytes_per_second"]
    download = 0 if _local(settings) else math.ceil(checkpoint.value / (speed * MEGABYTE))
    read = math.ceil(checkpoint.value / (load["megabytes_per_second"] * MEGABYTE))
    return Start(
        download=Figure(download, "seconds", f"{download} s download at {speed} MB/s"),
        load=Figure(read, "seconds", f"{read} s load at {load['megabytes_per_second']} MB/s"),
        process=Figure(load["process_seconds"], "seconds", f"{load['process_seconds']} s process"),
        warm_up=Figure(load["warm_up_seconds"], "seconds", f"{load['warm_up_seconds']} s warm-up"),
    )


def _startup(settings: Settings, checkpoint: Figure) -> dict[str, Figure]:
    facts, once = table()["startup"], _start(settings, checkpoint)
    failures = math.ceil(once.seconds * facts["factor"] / facts["period_seconds"])
    budget = failures * facts["period_seconds"]
    parts = " + ".join(part.because for part in (once.download, once.load, once.process, once.warm_up))
    because = f"{facts['factor']} x ({parts})"
    return {
        "startup_period": Figure(facts["period_seconds"], "seconds", "how late a ready server is noticed at most"),
        "startup_timeout": Figure(facts["timeout_seconds"], "seconds", "a busy node answers late"),
        "startup_failures": Figure(failures, "failures", f"{budget} s in steps of {facts['period_seconds']} s"),
        "startup_budget": Figure(budget, "seconds", because),
    }


def _probes() -> dict[str, Figure]:
    figures = {}
    for probe, because in (
        ("readiness", "takes a server that does not answer out of the Service"),
        ("liveness", "a long prefill delays the answer; only a server that is really stuck is restarted"),
    ):
        facts = table()[probe]
        figures[f"{probe}_period"] = Figure(facts["period_seconds"], "seconds", because)
        figures[f"{probe}_timeout"] = Figure(facts["timeout_seconds"], "seconds", because)
        figures[f"{probe}_failures"] = Figure(facts["failures"], "failures", because)
    return figures


def _deadline(startup: int, grace: int) -> Figure:
    facts = table()["rollout"]
    seconds = grace + facts["schedule_seconds"] + facts["image_pull_seconds"] + startup
    because = (
        f"{grace} s for the old pod + {facts['schedule_seconds']} s scheduling + {facts['image_pull_seconds']} s image "
        f"+ {startup} s start"
    )
    return Figure(seconds, "seconds", because)


def _pulumi_timeout(deadline: int, replicas: int) -> Figure:
    margin = table()["rollout"]["margin_seconds"]
    turns = max(1, replicas)
    because = f"{turns} x the progress deadline of {deadline} s, one pod after the other, + {margin} s"
    return Figure(turns * deadline + margin, "seconds", because)
