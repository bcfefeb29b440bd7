"""Whether a release serves a model on a GPU: architecture, sharding, weights format, dtype, options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.tgi import quantization, shards
from voltaic.engines.tgi.case import case_of
from voltaic.engines.tgi.families import families
from voltaic.engines.tgi.limits import effective
from voltaic.engines.tgi.support import way_out
from voltaic.findings import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.base import Implementation
    from voltaic.engines.tgi.case import Case
    from voltaic.engines.tgi.families import Outcome
    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec

_IMPLEMENTATIONS: Final[dict[str, Implementation]] = {
    "flash": "flash",
    "fallback": "transformers-fallback",
    "native": "native-tensor-parallel",
}
_SPECULATOR: Final = "Speculator decoding is not enabled for AutoModel"
_MEDUSA: Final = "Medusa decoding is not enabled for AutoModel"
_SPECULATOR_SOURCE: Final = Source("causal_lm.py of each release, CausalLM and CausalLM.fallback")
_SHARD_SIZES_SOURCE: Final = Source("server/text_generation_server/models/custom_modeling and utils/weights.py")


def model_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer for architecture, weights format, dtype and sharding on that GPU: all that is not `ok`."""
    case = case_of(spec)
    if case is None:
        return ()  # the question about release and GPU says so
    starts = case.ask("starts")
    if case.model_type is None or case.family is None:
        return (_unknown_model(case),)
    if not case.flash_certain:
        return ()  # the question about release and GPU says so
    found: list[Support] = []
    outcomes = {count: case.outcome(count) for count in case.shards.possible}
    found += _served(case, outcomes)
    ways = {_IMPLEMENTATIONS[outcome.way] for outcome in outcomes.values() if outcome.way in _IMPLEMENTATIONS}
    found += quantization.findings(case, ways)
    found += _window(case)
    found += _kernels(case, outcomes)
    if starts is None or starts.answer == "ok":
        found += _joining(case, ways)
    found += _adapters(case, ways)
    found += _speculator(case, ways)
    found += _shard_sizes(case, outcomes)
    found += _positions(case, ways)
    if spec.model.architecture is None and all(support.answer != "no" for support in found):
        found.append(_unknown_model(case))
    return tuple(found)


def _unknown_model(case: Case) -> Support:
    model = case.spec.model
    because = model.unknown_because or (
        f"the model type {case.model_type} is not among the facts about TGI"
        if case.model_type
        else "its configuration is not known"
    )
    return Support(
        "unknown",
        f"Whether {case.title} serves {model.id or 'this model'} is not known: {because.rstrip('.')}.",
        "Which implementation serves a model, if any, depends on its model type.",
        "Give the model's config.json, or choose a model that is known.",
        (families().source,),
    )


def _served(case: Case, outcomes: dict[int, Outcome]) -> Iterator[Support]:
    """Answer whether the dispatcher has an implementation, for every number of shards that may start."""
    bad = {count: outcome for count, outcome in outcomes.items() if outcome.way not in _IMPLEMENTATIONS}
    if not bad:
        if case.family is not None and case.family.vision:
            yield from _vision(case)
        return
    if len(bad) < len(outcomes):
        return  # single-gpu-shard says that the number of shards is not certain
    for count, outcome in list(bad.items())[:1]:
        if outcome.way == "unknown":
            yield Support(
                "unknown",
                f"Whether {case.title} serves {case.model_title} on {case.gpu_title} is not known.",
                "No fact covers this family in this release.",
                way_out(case) or "Use another release or model.",
                (families().source,),
            )
        elif outcome.way == "trap":
            yield _trap(case, count)
        else:
            yield _error(case, count, outcome)


def _vision(case: Case) -> Iterator[Support]:
    cell = case.ask("vision")
    if cell is None:
        yield Support(
            "unknown",
            f"Whether {case.title} serves models that take images on {case.gpu_title} is not known.",
            "No fact covers it.",
            "Use a GPU with compute capability 8.0 or newer.",
        )


def _trap(case: Case, count: int) -> Support:
    return Support(
        "no",
        f"{case.title} does not shard {case.model_title} without flash attention: all {count} shards load the whole "
        "model and each answers every request.",
        'There is no error at start. Every token comes out once per shard, and the router ends with "ID not found in '
        'entries. This is a bug."',
        way_out(case),
        (families().source,),
    )


def _error(case: Case, count: int, outcome: Outcome) -> Support:
    sharded = f" on {count} shards" if count > 1 else ""
    return Support(
        "no",
        f"{case.title} cannot serve {case.model_title}{sharded} on {case.gpu_title}: the shard ends with "
        f'"{outcome.error}".',
        _reason(case, count, outcome),
        _error_fix(case, count, outcome),
        (families().source,) if case.flash or case.flash_cell is None else (families().source, case.flash_cell.source),
    )


def _reason(case: Case, count: int, outcome: Outcome) -> str:
    lacks = _lacks_flash(case)
    if "trust_remote_code" in outcome.error:
        return "The release does not know this model type, and the code of the repository is not trusted."
    if outcome.error.startswith(families().generic.unsupported) or "recognize" in outcome.error:
        return f"The transformers library of {case.title} does not know the model type {case.model_type}."
    if "is not defined" in outcome.error and lacks:
        return f"{lacks} This release then runs into a name that only its flash attention part defines."
    if lacks and ("lash" in outcome.error or count > 1):
        alone = count > 1 and case.outcome(1).way == "fallback"
        split = f" Without it {case.title} spreads this family over GPUs by layers, in one process." if alone else ""
        return f"It needs flash attention. {lacks}{split}"
    if count > 1:
        return "Transformers' AutoModel, which serves this family in this release, runs in one process only."
    return "This release does not serve this family."


def _lacks_flash(case: Case) -> str:
    """Say why there is no flash attention; empty where there is."""
    if case.flash:
        return ""
    if case.switched_off and case.ask("flash") is not None and case.arch not in {"sm_70", "sm_75"}:
        return "USE_FLASH_ATTENTION=false switches it off."
    return f"Flash attention v2 needs compute capability 8.0 (v1 needs 7.5), which {case.gpu_title} has not."


def _error_fix(case: Case, count: int, outcome: Outcome) -> str:
    if "trust_remote_code" in outcome.error or case.needs_trust:
        return "Add --trust-remote-code, after reading the code of that revision."
    if case.switched_off and case.arch not in {"sm_70", "sm_75"}:
        return "Remove USE_FLASH_ATTENTION=false."
    single = count > 1 and case.outcome(1).way in {"fallback", "native", "flash"}
    starts = case.ask("starts")
    if single and starts is not None and starts.answer == "ok":
        gpus = case.spec.gpus or 1
        spread = f": one process spreads the layers over the {gpus} GPUs" if gpus > 1 else ""
        return f"Write --num-shard 1{spread}."
    return way_out(case, quantized=case.quantize is not None)


def _window(case: Case) -> Iterator[Support]:
    """Refuse a sliding window shorter than the longest input, without flash attention."""
    arch = case.spec.model.architecture
    config = case.spec.model.config or {}
    stated = config.get("sliding_window") if "sliding_window" in config else arch.sliding_window if arch else None
    if case.flash or not isinstance(stated, int) or stated < 0:
        return
    cell = case.ask("window")
    count = case.shards.possible[0] if case.shards.possible else 1
    if cell is None or cell.answer == "ok":
        return
    given = case.spec.command.options
    limits = effective(given, case.version, arch, case.gpu, shards=count, flash=False)
    longest = limits.values.get("max_input_tokens")
    # From 2.4.1 on the shard is only told of a limit that was set.
    if longest is None or longest <= stated or (case.version >= (2, 4, 1) and "max_input_tokens" not in given):
        return
    yield Support(
        "no",
        f"{case.title} refuses inputs of up to {longest} tokens: {case.model_title} attends to a sliding window of "
        f'{stated} tokens ("{cell.error} that is used by the model type {case.model_type}").',
        cell.note[:1].upper() + cell.note[1:] + ".",
        f"Write --max-input-tokens {stated} or less.",
        (cell.source,),
    )


def _kernels(case: Case, outcomes: dict[int, Outcome]) -> Iterator[Support]:
    """Refuse the compiled custom kernels where the GPU cannot run them."""
    family = case.family
    native = any(outcome.way == "native" for outcome in outcomes.values())
    if family is None or family.kernels is None or not native or case.spec.option("disable_custom_kernels"):
        return
    if family.kernels == "sharded" and all(count == 1 for count in outcomes):
        return
    cell = case.ask("kernels")
    if cell is not None and cell.answer == "ok":
        return
    if cell is None or not case.readable:
        yield Support(
            "unknown",
            f"Whether the custom kernels of {case.model_title} run on {case.gpu_title} is not known.",
            cell.note if cell is not None else "No fact covers it.",
            "Add --disable-custom-kernels.",
        )
        return
    yield Support(
        "no",
        f'{case.title} runs custom kernels for {case.model_title} that {case.gpu_title} cannot run: "{cell.error}".',
        cell.note[:1].upper() + cell.note[1:] + ".",
        "Add --disable-custom-kernels.",
        (cell.source,),
    )


def _joining(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse what breaks as soon as a second request joins."""
    alone = case.spec.option("max_batch_size") == 1 or case.spec.option("max_concurrent_requests") == 1
    if "transformers-fallback" not in ways or alone:
        return
    cell = case.ask("joining")
    if cell is not None and cell.answer == "ok":
        return
    fix = f"Write --max-batch-size 1, which serves one request at a time. Or: {way_out(case)}"
    if cell is None or not case.readable:
        yield Support(
            "unknown",
            f"Whether {case.title} serves two requests at a time with {case.model_title} on {case.gpu_title} is not "
            "known.",
            "From 3.0.2 on, Transformers' AutoModel breaks for most families when a second request joins.",
            fix,
        )
        return
    yield Support(
        "no",
        f'{case.title} breaks on {case.gpu_title} as soon as a second request joins the first: "{cell.error}".',
        cell.note[:1].upper() + cell.note[1:] + ".",
        fix,
        (cell.source,),
    )


def _adapters(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    if not case.spec.option("lora_adapters"):
        return
    for way in sorted(ways):
        cell = case.ask("adapters", way)
        if cell is not None and cell.answer == "ok":
            continue
        if cell is None:
            yield Support(
                "unknown",
                f"Whether {case.title} serves LoRA adapters on {case.gpu_title} is not known.",
                "No fact covers it.",
                "Leave --lora-adapters away.",
            )
            continue
        yield Support(
            "no",
            f'{case.title} cannot serve LoRA adapters on {case.gpu_title}: the shard ends with "{cell.error}".',
            cell.note[:1].upper() + cell.note[1:] + ".",
            "Leave --lora-adapters away; a repository with one PEFT adapter can be given as --model-id, it is merged.",
            (cell.source,),
        )


def _speculator(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse trained speculators (Medusa, MLP) outside of flash attention."""
    config = case.spec.model.config or {}
    trained = "medusa_num_heads" in config or config.get("model_type") == "mlp_speculator"
    if not trained or "transformers-fallback" not in ways:
        return
    if case.version < (1, 4, 3):
        return  # the heads are not used
    error = _MEDUSA if case.version <= (2, 0, 2) else _SPECULATOR
    yield Support(
        "no",
        f'{case.title} cannot use this model\'s trained speculator on {case.gpu_title}: the shard ends with "{error}".',
        "Transformers' AutoModel has no speculative decoding.",
        "Serve the base model that the speculator was trained for.",
        (_SPECULATOR_SOURCE,),
    )


def _shard_sizes(case: Case, outcomes: dict[int, Outcome]) -> Iterator[Support]:
    """Refuse numbers of shards that do not divide the heads."""
    arch = case.spec.model.architecture
    count = case.shards.count
    if arch is None or count is None or count < 2 or outcomes[count].way not in {"flash", "native"}:  # noqa: PLR2004
        return
    if _divides(arch, count):
        return
    allowed = [n for n in range(1, (case.spec.gpus or count) + 1) if _divides(arch, n)]
    heads = f"{arch.heads} attention heads and {arch.kv_heads} key-value heads"
    certain = arch.heads % count != 0 or arch.kv_heads < count
    yield Support(
        "no" if certain else "unknown",
        f"{heads} cannot be divided among {count} shards.",
        "Every shard holds the same number of heads; none is held twice.",
        f"Write --num-shard {allowed[-1]}." if allowed else "Write --num-shard 1.",
        (_SHARD_SIZES_SOURCE, shards.SOURCE),
    )


def _divides(arch: Architecture, shards_: int) -> bool:
    """Return whether every shard gets whole heads; a single key-value head is held by all."""
    return arch.heads % shards_ == 0 and (arch.kv_heads % shards_ == 0 or arch.kv_heads == 1)


def _positions(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse limits beyond a table of learned positions."""
    arch = case.spec.model.architecture
    if arch is None or arch.positions != "learned" or arch.max_positions is None or not ways:
        return
    count = case.shards.possible[0] if case.shards.possible else 1
    flash = ways == {"flash"}
    limits = effective(case.spec.command.options, case.version, arch, case.gpu, shards=count, flash=flash)
    total = limits.values.get("max_total_tokens")
    if total is None or total <= arch.max_positions:
        return
    set_by = "" if "max_total_tokens" in case.spec.command.options else " (not set: computed)"
    yield Support(
        "no",
        f"Requests of up to {total} tokens{set_by} exceed the {arch.max_positions} positions of {case.model_title}.",
        "Its positions are a table of that length; a longer request reads beyond it and ends the shard with a "
        "device-side assertion.",
        f"Write --max-total-tokens {arch.max_positions} or less, and --max-input-tokens below it.",
        (Source("config.json of the model; the embedding of positions in its implementation", "derived"),),
    )
