"""A sample as lines for people, as a document for programs, and as rows of a file. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voltaic.units import gib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from cli.watching.gpus import Gpu
    from cli.watching.sample import PodSample, Sample
    from voltaic.engines.metrics import Load

SCHEMA = "voltaic/status/v1"
COLUMNS = (
    *("at", "pod", "part", "state", "ready", "restarts", "engine", "running", "waiting", "kv_share"),
    *("prompt_tokens", "answer_tokens", "answer_tokens_per_second", "finished", "failed"),
    *("gpu", "gpu_name", "gpu_busy_percent", "gpu_used_bytes", "gpu_total_bytes", "gpu_celsius", "gpu_watts"),
)
"""Columns of a file of samples: a row for each GPU of each pod; numbers without unit are counts."""
BARS = "▁▂▃▄▅▆▇█"


def headline(sample: Sample, where: str) -> str:
    """Return how many pods are ready, of what."""
    if not sample.pods:
        return f"{where}: no pods"
    ready = sum(pod.ready for pod in sample.pods)
    return f"{where}: {ready} of {len(sample.pods)} {'pod' if len(sample.pods) == 1 else 'pods'} ready"


def of_pod(pod: PodSample, at: datetime, rate: float | None = None) -> Iterator[str]:
    """Yield what there is to say of a pod, without its name.

    Args:
        pod: the pod.
        at: now.
        rate: answer tokens a second since the sample before; None: not known.
    """
    place = f" on {pod.node}" if pod.node else ""
    since = f" for {span((at - pod.running_since).total_seconds())}" if pod.running_since and pod.ready else ""
    restarts = f"{pod.restarts} {'restart' if pod.restarts == 1 else 'restarts'}"
    yield f"{pod.state}{place}{since}, {'ready' if pod.ready else 'not ready'}, {restarts}"
    if pod.ended and (pod.restarts or not pod.ready):
        yield f"ended the last time: {pod.ended}"
    if pod.engine is not None:
        yield f"{pod.engine.title}{f' with {pod.engine.model}' if pod.engine.model else ''}"
    if pod.load is not None:
        yield "; ".join(of_load(pod.load, rate)) or "its engine says nothing of its load"
    for gpu in pod.gpus:
        yield f"GPU {gpu.index}: {', '.join(of_gpu(gpu))}"
    if pod.gpus_held and not pod.gpus and not any(text.startswith("GPUs") for text in pod.problems):
        yield f"holds {pod.gpus_held} {'GPU' if pod.gpus_held == 1 else 'GPUs'}"
    for problem in pod.problems:
        yield f"not known: {problem}"


def of_load(load: Load, rate: float | None = None) -> Iterator[str]:
    """Yield what an engine is doing."""
    counts = [(load.running, "running"), (load.waiting, "waiting")]
    told = [f"{number} {what}" for number, what in counts if number is not None]
    if told:
        yield f"requests: {', '.join(told)}"
    if load.kv_share is not None:
        yield f"KV cache {load.kv_share:.0%}".replace("%", " %")
    if rate is not None:
        yield f"{rate:.1f} tokens/s"
    if load.token_seconds:
        yield f"{1 / load.token_seconds:.1f} tokens/s a request"
    if load.first_seconds is not None:
        yield f"first token after {load.first_seconds:.2f} s"
    ends = [(load.finished, "finished"), (load.failed, "failed")]
    told = [f"{number:,} {what}" for number, what in ends if number is not None]
    if told:
        yield ", ".join(told)
    if load.answer_tokens is not None:
        yield f"{load.answer_tokens:,} tokens written"


def of_gpu(gpu: Gpu) -> Iterator[str]:
    """Yield what a GPU is doing."""
    yield gpu.name
    if gpu.used is not None and gpu.total is not None:
        yield f"{gib(gpu.used).removesuffix(' GiB')} of {gib(gpu.total)}"
    elif gpu.used is not None:
        yield f"{gib(gpu.used)} in use"
    if gpu.busy is not None:
        yield f"{gpu.busy} % busy"
    if gpu.celsius is not None:
        yield f"{gpu.celsius} °C"
    if gpu.watts is not None:
        yield f"{gpu.watts:.0f} W"


def rates(now: Sample, before: Sample | None) -> dict[str, float]:
    """Return the answer tokens a second of each pod between two samples; nothing where its counter began anew."""
    if before is None or (seconds := (now.at - before.at).total_seconds()) <= 0:
        return {}
    then = {pod.name: _written(pod) for pod in before.pods}
    found = {}
    for pod in now.pods:
        written, earlier = _written(pod), then.get(pod.name)
        if written is not None and earlier is not None and written >= earlier:
            found[pod.name] = (written - earlier) / seconds
    return found


def plain(sample: Sample, rate: Mapping[str, float]) -> Iterator[str]:
    """Yield one line a pod, for logs."""
    for pod in sample.pods:
        words = [moment(sample.at), pod.name, pod.state, "ready" if pod.ready else "not-ready"]
        words.append(f"restarts={pod.restarts}")
        load = pod.load
        if load is not None:
            counts = {"running": load.running, "waiting": load.waiting}
            words += [f"{name}={value}" for name, value in counts.items() if value is not None]
            words += [] if load.kv_share is None else [f"kv={load.kv_share:.0%}"]
        words += [f"tokens/s={rate[pod.name]:.1f}"] if pod.name in rate else []
        for gpu in pod.gpus:
            words += [] if gpu.busy is None else [f"gpu{gpu.index}={gpu.busy}%"]
            words += [] if gpu.used is None else [f"gpu{gpu.index}-memory={gib(gpu.used).replace(' ', '')}"]
        yield " ".join(words)


def rows(sample: Sample, rate: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a sample in a file, in the order of `COLUMNS`."""
    for pod in sample.pods:
        load = pod.load
        own = (
            *(moment(sample.at), pod.name, pod.part, pod.state, str(pod.ready).lower(), str(pod.restarts)),
            pod.engine.title if pod.engine else "",
            *(
                _cell(value)
                for value in (
                    (load.running, load.waiting, load.kv_share, load.prompt_tokens, load.answer_tokens)
                    if load
                    else (None,) * 5
                )
            ),
            _cell(rate.get(pod.name)),
            *(_cell(value) for value in ((load.finished, load.failed) if load else (None, None))),
        )
        for gpu in pod.gpus or (None,):
            values: Sequence[Any] = (
                (gpu.index, gpu.name, gpu.busy, gpu.used, gpu.total, gpu.celsius, gpu.watts) if gpu else ("",) * 7
            )
            yield (*own, *(_cell(value) for value in values))


def document(sample: Sample, *, stack: str | None, namespace: str, context: str) -> dict[str, Any]:
    """Return the status document."""
    return {
        "schema": SCHEMA,
        "at": moment(sample.at),
        "stack": stack,
        "namespace": namespace,
        "context": context,
        "ready": sample.ready,
        "pods": [_pod_document(pod) for pod in sample.pods],
    }


def _pod_document(pod: PodSample) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "name": pod.name,
        "part": pod.part or None,
        "state": pod.state,
        "ready": pod.ready,
        "restarts": pod.restarts,
        "created": pod.created and moment(pod.created),
        "running_since": pod.running_since and moment(pod.running_since),
        "node": pod.node,
        "ended": pod.ended,
        "engine": pod.engine and {"name": pod.engine.name, "release": pod.engine.title, "model": pod.engine.model},
        "gpus_held": pod.gpus_held,
        "gpus": [asdict(gpu) for gpu in pod.gpus],
        "load": pod.load and asdict(pod.load),
        "problems": list(pod.problems),
    }


def span(seconds: float) -> str:
    """Return a length of time in the two largest units that say something: `3 h 5 min`, `12 s`."""
    whole = max(0, int(seconds))
    minutes, left = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{left} s"


def moment(at: datetime) -> str:
    """Return a moment as RFC 3339 writes it, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def bars(values: Sequence[float | None], most: float | None = None) -> str:
    """Return values as a row of bars, the latest last; a gap where one is not known.

    Args:
        values: the values.
        most: what a full bar stands for; None: the largest of them.
    """
    top = most or max((value for value in values if value is not None), default=0.0)
    if top <= 0:
        return "".join(" " if value is None else BARS[0] for value in values)
    last = len(BARS) - 1
    return "".join(" " if value is None else BARS[min(last, round(value / top * last))] for value in values)


def _written(pod: PodSample) -> int | None:
    return pod.load.answer_tokens if pod.load else None


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
