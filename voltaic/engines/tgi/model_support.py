"""Whether a release serves a model on a GPU: architecture, sharding, weights format, dtype, options."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from voltaic.engines.base import Support
from voltaic.engines.tgi import features, precision, quantization
from voltaic.engines.tgi.case import IMPLEMENTATIONS, case_of, dispatch
from voltaic.engines.tgi.families import families
from voltaic.engines.tgi.support import way_out
from voltaic.findings import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.tgi.case import Case
    from voltaic.engines.tgi.families import Outcome
    from voltaic.spec import ServingSpec


def model_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer for architecture, weights format, dtype and sharding on that GPU: all that is not `ok`."""
    case = case_of(spec)
    if case is None:
        return ()  # the question about release and GPU says so
    starts = case.ask("starts")
    # The command line alone tells, whatever serves the model.
    found = [*_other_model(spec), *quantization.dtype(case)]
    if case.model_type is None or case.family is None:
        return (*found, _unknown_model(case))
    if not case.flash_certain:
        return tuple(found)  # the question about release and GPU says the rest
    outcomes = {count: case.outcome(count) for count in case.shards.possible}
    found += _served(case, outcomes)
    ways = {IMPLEMENTATIONS[outcome.way] for outcome in outcomes.values() if outcome.way in IMPLEMENTATIONS}
    # What is wrong with the weights is said even where the shards alone already refuse.
    alone = IMPLEMENTATIONS.get(case.outcome(1).way)
    found += quantization.findings(case, ways or ({alone} if alone is not None else set()))
    found += features.window(case)
    found += features.kernels(case, outcomes)
    if starts is None or starts.answer == "ok":
        found += features.joining(case, ways)
    found += features.configuration(case, ways)
    found += features.adapters(case, ways)
    found += features.speculator(case, ways)
    found += features.shard_sizes(case, outcomes)
    found += features.positions(case, ways)
    found += features.rotary(case, ways)
    found += features.memory_fraction(case, ways)
    found += precision.flash_bfloat16(case, ways)
    if spec.model.architecture is None and all(support.answer != "no" for support in found):
        found.append(_unknown_model(case))
    return tuple(found)


def _other_model(spec: ServingSpec) -> Iterator[Support]:
    """Leave open what happens where the arguments name another model than the one that is judged."""
    loaded, judged = spec.option("model_id"), spec.model.id
    if loaded is None or judged is None or loaded == judged or loaded.startswith(("/", ".", "~")):
        return  # a folder may hold the model that is judged
    yield Support(
        "unknown",
        f"The server loads {loaded} (--model-id), and what is judged is {judged}.",
        "Shapes and sizes of one model say nothing about another.",
        f"Write --model-id {judged}, or have {loaded} judged.",
    )


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
    bad = {count: outcome for count, outcome in outcomes.items() if outcome.way not in IMPLEMENTATIONS}
    if not bad:
        if case.family is not None and case.family.vision:
            yield from _vision(case)
        return
    if len(bad) < len(outcomes):
        for count, outcome in bad.items():
            support = _bad(case, count, outcome)
            message = f"If {count} {'shard starts' if count == 1 else 'shards start'}: {support.message}"
            yield replace(support, answer="unknown", message=message)
        return
    count, outcome = next(iter(bad.items()))
    yield _bad(case, count, outcome)


def _bad(case: Case, count: int, outcome: Outcome) -> Support:
    """Say why this number of shards does not serve the model, or that it is not known."""
    if outcome.way == "unknown":
        return Support(
            "unknown",
            f"Whether {case.title} serves {case.model_title} on {case.gpu_title} is not known.",
            "No fact covers this family in this release.",
            way_out(case) or "Use another release or model.",
            (families().source,),
        )
    if outcome.way == "adapted":
        return Support(
            "unknown",
            f"{case.title} runs the Transformers class of {case.model_title} on its own flash attention; what that "
            "needs is not known.",
            "The layers are those of Transformers, the pool of the KV cache is TGI's, and nobody has measured the two.",
            "Measure it, or use another release or engine.",
            (families().source,),
        )
    return _trap(case, count) if outcome.way == "trap" else _error(case, count, outcome)


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
        f"{quoted(outcome.error)}",
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
    served = dispatch(case.family, case.model_type, case.version, flash=True, sharded=count > 1).way in IMPLEMENTATIONS
    if case.switched_off and served and case.arch not in {"sm_70", "sm_75"}:
        return "Remove USE_FLASH_ATTENTION=false."
    single = count > 1 and case.outcome(1).way in {"fallback", "native", "flash"}
    starts = case.ask("starts")
    if single and starts is not None and starts.answer == "ok":
        gpus = case.spec.gpus or 1
        spread = f": one process spreads the layers over the {gpus} GPUs" if gpus > 1 else ""
        return f"Write --num-shard 1{spread}."
    return way_out(case, quantized=case.quantize is not None)
