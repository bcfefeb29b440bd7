"""Changes worth trying with a refused spec, each kind in the order in which they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic import defaults, engines, hardware, models
from voltaic.answers import runs_of
from voltaic.engines.ways import ways_of
from voltaic.limits import STEP, input_of
from voltaic.spec import NO_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from voltaic.engines.ways import HasWays
    from voltaic.models import Architecture, CatalogueModel
    from voltaic.spec import ServingSpec

MOST_GROWTH: Final = 4
"""Times the memory of the GPUs that are there: beyond it another profile is no nearby change."""
_LENGTHS: Final = ("maxTotalTokens", "maxInputTokens", "maxBatchPrefillTokens")
_FLOAT16: Final = frozenset({"float16", "half"})
_LAYER_SPLITTING: Final = "tgi"
"""The engine that spreads one process over all GPUs where it does not shard."""


def repairs(spec: ServingSpec, ways: HasWays, needed: Mapping[str, Any] = NO_VALUES) -> Iterator[tuple[str, Any]]:
    """Yield what keeps a model from starting on some GPU or release and is told by an option.

    Args:
        spec: what is refused.
        ways: its engine.
        needed: configuration keys, but for shards and limits, that the engine says must be set.
    """
    shards = ways.stated(spec, "shards") or 1
    if shards != 1 or spec.option("sharded"):
        # One process holds a model that is not sharded, unless there are fewer GPUs than shards alone.
        fewer = 1 < (spec.gpus or 1) < shards and spec.release.engine != _LAYER_SPLITTING
        yield "shards", spec.gpus if fewer else 1
    if ways.stated(spec, "quantization") is not None:
        yield "quantization", None
    dtype = ways.stated(spec, "dtype")
    if dtype not in {None, *_FLOAT16}:
        yield "dtype", "float16"
    yield from ((key, value) for key, value in needed.items() if ways.stated(spec, key) is None)
    yield from _agreeing_limits(spec, ways)


def _agreeing_limits(spec: ServingSpec, ways: HasWays) -> Iterator[tuple[str, int]]:
    """Yield what makes limits agree that contradict each other; what is stated of a request's length is kept."""
    runs = runs_of(spec)
    load = None if runs is None else ways.load_of(spec, runs)
    if load is None:
        said = {key: ways.stated(spec, key) for key in _LENGTHS}
        total, prompt, prefill = (said[key] if isinstance(said[key], int) else None for key in _LENGTHS)
    else:
        total, prompt, prefill = load.total, load.prompt, load.prefill
    positions = None if spec.model.architecture is None else spec.model.architecture.max_positions
    if total and prompt and prompt >= total:
        if ways.stated(spec, "maxTotalTokens") is None:
            share, whole = defaults.MOST_INPUT
            total = -(-prompt * whole // share // STEP) * STEP
            yield "maxTotalTokens", total
        else:
            prompt = input_of(total)
            yield "maxInputTokens", prompt
    elif total and positions and prompt is None and total > positions:
        total = positions
        yield "maxTotalTokens", total
    longest = prompt or total
    whole = prompt is not None or ways.stated(spec, "maxBatchPrefillTokens") is not None
    if longest and prefill is not None and prefill < longest and whole:
        prefill = longest
        yield "maxBatchPrefillTokens", prefill
    least, together = max(total or 0, prefill or 0), ways.stated(spec, "maxBatchTotalTokens")
    if together is not None and together < least:
        yield "maxBatchTotalTokens", least
    if ways.stated(spec, "maxBatchSize") == 0:
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


def lighter(spec: ServingSpec) -> Iterator[Mapping[str, Any]]:
    """Yield the quantizations that need no other checkpoint and that the engine really applies."""
    ways = ways_of(engines.engine(spec.release.engine))
    if ways is not None:
        yield from ways.lighter(spec)


def other_models(spec: ServingSpec, *, at_most: bool = False) -> list[CatalogueModel]:
    """Return smaller models of the same family, or also as large: those of the same publisher first, then by size."""
    arch = spec.model.architecture
    if arch is None:
        return []
    now = models.parameter_count(arch)
    owner, _, name = (spec.model.id or "").partition("/")
    chat = _for_chat(name)
    smaller = [
        model
        for model in _of_family(arch.model_type)
        if architecture_of(model).quantization is None
        and size_of(model) < now + at_most
        and (_for_chat(model.id) or not chat)
        and model.id != spec.model.id
    ]
    return sorted(
        smaller,
        key=lambda model: (
            model.id.rpartition("/")[2].lower() not in name.lower(),
            model.id.partition("/")[0] != owner,
            -size_of(model),
            _for_chat(model.id) != chat,
        ),
    )


def quantized_siblings(spec: ServingSpec) -> list[CatalogueModel]:
    """Return quantized checkpoints of the same shapes, those of the same name first."""
    arch = spec.model.architecture
    if arch is None or arch.quantization is not None:
        return []
    name = (spec.model.id or "").rpartition("/")[2].lower()
    alike = [
        model
        for model in _of_family(arch.model_type)
        if architecture_of(model).quantization is not None and _shape(architecture_of(model)) == _shape(arch)
    ]
    alike.sort(key=lambda model: (name not in model.id.lower(), model.id))
    return [model for model in alike if name in model.id.lower()] or alike


def _shape(arch: Architecture) -> tuple[int, ...]:
    return arch.layers, arch.hidden, arch.intermediate, arch.heads, arch.kv_heads


_families: tuple[object, dict[str, tuple[CatalogueModel, ...]]] = (None, {})


def _of_family(model_type: str) -> tuple[CatalogueModel, ...]:
    """Return the models of the catalogue with this model type; only their configurations are read."""
    global _families  # noqa: PLW0603  replaced as a whole with the catalogue that it is of
    known = models.known_models()
    if _families[0] is not known:
        _families = (known, {})
    found = _families[1].get(model_type)
    if found is None:
        found = tuple(model for model in known if model.config.get("model_type") == model_type)
        _families[1][model_type] = found
    return found


def instead(spec: ServingSpec, model: CatalogueModel) -> dict[str, Any]:
    """Return the change to another model, which has other revisions."""
    return {"model": model.id} | ({} if spec.model.revision is None else {"modelRevision": None})


def size_of(model: CatalogueModel) -> int:
    """Return the number of parameters."""
    return _known(model)[2]


def architecture_of(model: CatalogueModel) -> Architecture:
    """Return the architecture of a model of the catalogue."""
    return _known(model)[1]


def outweighs(model: CatalogueModel, spec: ServingSpec, *, quantized: bool) -> bool:
    """Return whether the weights alone are more than all GPUs of the spec have, whatever else is done."""
    if spec.gpu is None or spec.gpus is None:
        return False
    bits = _LEAST_BITS if quantized else _BITS
    return size_of(model) * bits // 8 > spec.gpu.usable_bytes * spec.gpus


_BITS: Final = 16
"""Bits of a weight that is not quantized."""
_LEAST_BITS: Final = 4
"""Bits of a weight in the format that weighs least."""
_facts: dict[str, tuple[CatalogueModel, Architecture, int]] = {}


def _known(model: CatalogueModel) -> tuple[CatalogueModel, Architecture, int]:
    """Return what is asked of a model again and again; kept for as long as the catalogue has that very model."""
    found = _facts.get(model.id)
    if found is None or found[0] is not model:
        architecture = model.architecture
        found = _facts[model.id] = (model, architecture, models.parameter_count(architecture))
    return found


def _for_chat(name: str) -> bool:
    return any(word in name.lower() for word in ("chat", "instruct")) or name.endswith("-it")
