"""Changes worth trying with a refused spec, each kind in the order in which they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic import defaults, hardware, models
from voltaic.answers import runs_of
from voltaic.limits import STEP, input_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.models import CatalogueModel
    from voltaic.spec import ServingSpec

MOST_GROWTH: Final = 4
"""Times the memory of the GPUs that are there: beyond it another profile is no nearby change."""


def repairs(spec: ServingSpec) -> Iterator[tuple[str, Any]]:
    """Yield what keeps a model from starting on some GPU or release and is told by an option."""
    if (spec.option("num_shard") or 1) != 1 or spec.option("sharded"):
        yield "shards", 1
    if spec.option("quantize") is not None:
        yield "quantization", None
    if spec.option("dtype", "float16") != "float16":
        yield "dtype", "float16"
    yield from _agreeing_limits(spec)


def _agreeing_limits(spec: ServingSpec) -> Iterator[tuple[str, int]]:
    """Yield what makes limits agree that contradict each other; what is stated of a request's length is kept."""
    runs = runs_of(spec)
    limits = spec.command.options if runs is None else runs.limits
    total, prompt = limits.get("max_total_tokens"), limits.get("max_input_tokens")
    prefill, together = limits.get("max_batch_prefill_tokens"), limits.get("max_batch_total_tokens")
    if total and prompt and prompt >= total:
        if spec.option("max_total_tokens") is None:
            share, whole = defaults.MOST_INPUT
            total = -(-prompt * whole // share // STEP) * STEP
            yield "maxTotalTokens", total
        else:
            prompt = input_of(total)
            yield "maxInputTokens", prompt
    if prompt and prefill is not None and prefill < prompt:
        prefill = prompt
        yield "maxBatchPrefillTokens", prefill
    least = max(total or 0, prefill or 0)
    if spec.option("max_batch_total_tokens") is not None and together is not None and together < least:
        yield "maxBatchTotalTokens", least
    if spec.option("max_batch_size") == 0:
        yield "maxBatchSize", 1


def larger_profiles(spec: ServingSpec, *, nearby: bool) -> Iterator[dict[str, Any]]:
    """Yield profiles of the same architecture with more memory: more of the same GPU first, or the smallest first."""
    gpu, gpus = spec.gpu, spec.gpus
    if gpu is None or gpus is None:
        return
    now = gpu.usable_bytes * gpus
    larger = [
        (profile.gpu.usable_bytes * profile.count, profile)
        for profile in hardware.profiles()
        if profile.gpu.arch == gpu.arch and profile.gpu.usable_bytes * profile.count > now
    ]
    larger = [(size, profile) for size, profile in larger if (size <= MOST_GROWTH * now) == nearby]
    larger.sort(key=lambda found: (nearby and found[1].gpu.name != gpu.name, found[0]))
    for _, profile in larger:
        yield {"profile": profile.name}


def lighter(spec: ServingSpec) -> Iterator[dict[str, Any]]:
    """Yield the one quantization that needs no other checkpoint."""
    if spec.option("quantize") is None:
        yield {"quantization": "bitsandbytes"}


def other_models(spec: ServingSpec, *, at_most: bool = False) -> list[CatalogueModel]:
    """Return smaller models of the same family, or also as large: the nearest in size first, then in name."""
    arch = spec.model.architecture
    if arch is None:
        return []
    now = models.parameter_count(arch)
    owner, _, name = (spec.model.id or "").partition("/")
    chat = _for_chat(name)
    smaller = [
        model
        for model in models.known_models()
        if model.architecture.model_type == arch.model_type
        and model.architecture.quantization is None
        and models.parameter_count(model.architecture) < now + at_most
        and (_for_chat(model.id) or not chat)
        and model.id != spec.model.id
    ]
    return sorted(
        smaller,
        key=lambda model: (
            -size_of(model),
            model.id.rpartition("/")[2].lower() not in name.lower(),
            model.id.partition("/")[0] != owner,
            _for_chat(model.id) != chat,
        ),
    )


def instead(spec: ServingSpec, model: CatalogueModel) -> dict[str, Any]:
    """Return the change to another model, which has other revisions."""
    return {"model": model.id} | ({} if spec.model.revision is None else {"modelRevision": None})


def size_of(model: CatalogueModel) -> int:
    """Return the number of parameters."""
    return models.parameter_count(model.architecture)


def _for_chat(name: str) -> bool:
    return any(word in name.lower() for word in ("chat", "instruct")) or name.endswith("-it")
