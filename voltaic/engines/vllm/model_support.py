"""Whether a release serves a model on a GPU: class, own code, weights format, dtype, attention, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.versions import within
from voltaic.engines.vllm import capability, limits, quantization, settled
from voltaic.engines.vllm.case import case_of
from voltaic.engines.vllm.releases import by_release, source
from voltaic.findings import Source, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.vllm.case import Case
    from voltaic.spec import ServingSpec

_TRANSFORMERS_BACKEND: Final = ">=0.7.2"  # from here on classes that vLLM has not may be served by Transformers' own
_TURING_TOO: Final = (
    ">=0.9.0"  # from here on the Triton of the image is reported to fail on compute capability 7.5, too
)
_HEADS: Final = Source(
    "vllm/config.py, verify_with_parallel_config, of 0.4.1 to 0.8.5; vllm/config/model.py from 0.11.1"
)
_LINEAR: Final = Source("vllm/model_executor/layers/linear.py and vllm/model_executor/models/llama.py of 0.8.5")


def model_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer for model class, weights format, dtype and sharding on that GPU: all that is not `ok`."""
    case = case_of(spec)
    if case is None:
        return ()  # the question about release and GPU says so
    found = [*_other_model(spec), *_served(case), *quantization.findings(case)]
    found += _attention(case)
    found += _experts(case)
    found += _features(case)
    if case.shards > 1 and case.arch is not None:
        found += _split(case)
    return tuple(found)


def _other_model(spec: ServingSpec) -> Iterator[Support]:
    """Leave open what happens where the arguments name another model than the one that is judged."""
    loaded, judged = spec.option("model"), spec.model.id
    if loaded is None or judged is None or loaded == judged or loaded.startswith(("/", ".", "~")):
        return  # a folder may hold the model that is judged
    yield Support(
        "unknown",
        f"The server loads {loaded}, and what is judged is {judged}.",
        "Shapes and sizes of one model say nothing about another.",
        f"Write --model {judged}, or have {loaded} judged.",
    )


def _served(case: Case) -> Iterator[Support]:
    model = case.spec.model
    if not case.classes:
        because = model.unknown_because or (
            f"the model type {case.model_type} is not among the facts about vLLM"
            if case.model_type
            else "its configuration is not known"
        )
        yield Support(
            "unknown",
            f"Whether {case.title} serves {model.id or 'this model'} is not known: {because.rstrip('.')}.",
            "Which class serves a model, if any, depends on `architectures` in its configuration.",
            "Give the model's config.json, or choose a model that is known.",
            (capability.families_source(),),
        )
        return
    if not any(capability.has_class(name, case.version) for name in case.classes):
        yield _no_class(case)
    elif model.architecture is None:
        because = (model.unknown_because or "its shapes are not known").rstrip(".")
        yield Support(
            "unknown",
            f"Whether {case.title} serves {model.id or 'this model'} is not known: {because}.",
            f"The release has the class {case.classes[0]}, but what the model needs is not known.",
            "Choose a model that is known.",
            (capability.registry_source(),),
        )
    else:
        yield from _trust(case)


def _no_class(case: Case) -> Support:
    names = ", ".join(case.classes)
    ranges = [text for name in case.classes for text in capability.class_releases(name)]
    which = " or ".join(text.replace(",", ", ") for text in ranges)
    asked = case.spec.option("model_impl") == "transformers"
    if within(case.version, _TRANSFORMERS_BACKEND) or asked:
        return Support(
            "unknown",
            f"Whether {case.title} serves {case.model_type} is not known: it has no class {names} of its own.",
            "This release may serve it with the class of Transformers; whether it does depends on that class.",
            f"Use a release that has the class: {which}." if which else "Use another model or engine.",
            (capability.registry_source(),),
        )
    return Support(
        "no",
        f"{case.title} has no model class {names}.",
        "It ends with " + quoted(f"Model architectures {list(case.classes)} are not supported for now."),
        f"Use a release that has the class: {which}." if which else "Use another model or engine.",
        (capability.registry_source(),),
    )


def _trust(case: Case) -> Iterator[Support]:
    """Refuse a repository with code of its own where the release needs that code and is not told to trust it."""
    arch = case.arch
    if (
        arch is None
        or not arch.custom_code
        or case.spec.option("trust_remote_code", default=False)
        or not case.readable
    ):
        return
    needs = capability.families()["trust"].get(case.model_type)
    if needs is None or not within(case.version, needs):
        return
    yield Support(
        "no",
        f"{case.title} knows {case.model_type} only with the code of the repository, and --trust-remote-code is not "
        "set.",
        'It ends with "The repository contains custom code which must be executed to correctly load the model."',
        "Add --trust-remote-code, after reading the code of that revision.",
        (capability.families_source(),),
    )


def _attention(case: Case) -> Iterator[Support]:
    """Answer what V0's attention below compute capability 8.0 can and cannot do."""
    arch, engine = case.arch, case.engine()[0]
    if arch is None or engine != "vllm-v0" or case.capability is None or case.capability >= 80:  # noqa: PLR2004  FlashAttention 2
        return
    where = (capability.section_source("attention"),)
    allowed = by_release(capability.facts()["attention"]["heads"], case.version)
    if arch.head_dim not in allowed and arch.positions != "none":
        error = capability.facts()["attention"]["error"].format(arch.head_dim)
        yield Support(
            "no",
            f"{case.title} does not serve heads of {arch.head_dim} elements on {case.gpu_title}: it ends with "
            f"{quoted(error)}",
            f"Below compute capability 8.0 it serves heads of {', '.join(map(str, allowed))} elements.",
            "Use a GPU with compute capability 8.0 or newer, or another model.",
            where,
        )
    if case.window_kinds:
        yield Support(
            "unknown",
            f"What {case.title} does with the sliding windows of {case.model_type} on {case.gpu_title} is not known.",
            "Its attention below compute capability 8.0 has no windows that take turns with full attention.",
            "Use a GPU with compute capability 8.0 or newer.",
            where,
        )
    own = case.model_type in capability.families()["kernels"]["types"]
    if own or any(cache.kind in {"latent", "state", "cross", "chunked"} for cache in arch.caches):
        yield Support(
            "unknown",
            f"Whether {case.title} serves {case.model_type} on {case.gpu_title} is not known.",
            "Its attention or state is computed by kernels that are hardly tried below compute capability 8.0.",
            "Use a GPU with compute capability 8.0 or newer.",
            where,
        )
    if case.capability < 75 or within(case.version, _TURING_TOO):  # noqa: PLR2004  Volta
        yield from _prefix(case)


def _experts(case: Case) -> Iterator[Support]:
    """Answer for experts below compute capability 8.0."""
    arch, table = case.arch, capability.facts()["experts"]
    if arch is None or arch.experts is None or case.capability is None or case.capability >= 80:  # noqa: PLR2004  see facts
        return
    died = case.capability < table["below"] and case.model_type in table["types"] and case.dtype in table["dtypes"]
    refused = died and within(case.version, table["refused"])
    yield Support(
        "no" if refused else "unknown",
        f"{case.title} does not serve the experts of {case.model_type} in {case.dtype} on {case.gpu_title}."
        if refused
        else f"Whether {case.title} serves the experts of {case.model_type} on {case.gpu_title} is not known.",
        "Its warm-up ends in fused_moe, in the compiler of Triton, as several people report."
        if refused
        else "Experts are computed by a kernel of Triton that is hardly tried below compute capability 8.0.",
        "Use a model without experts, llama.cpp, or a GPU with compute capability 8.0 or newer.",
        (capability.section_source("experts"),),
    )


def _prefix(case: Case) -> Iterator[Support]:
    """Answer for prefix caching and chunked prefill below Ampere: both go through a kernel of Triton."""
    found = limits.effective(case)
    for on, flag in (
        (bool(case.spec.option("enable_prefix_caching")), "--enable-prefix-caching"),
        (found.chunked, "chunked prefill"),
    ):
        if not on:
            continue
        own = case.spec.option("enable_chunked_prefill") is None and flag == "chunked prefill"
        itself = f": it switches itself on above {limits.CHUNKED_ABOVE} tokens of --max-model-len" if own else ""
        cell = capability.prefix(case.version)
        refused = cell.answer == "no" and (not own or case.readable)
        does = "does not serve with" if refused else "may not serve with"
        yield Support(
            "no" if refused else "unknown",
            f"{case.title} {does} {flag} on {case.gpu_title}{itself}.",
            f"It starts, and the first request that needs it ends the server: {quoted(cell.error)}"
            if refused
            else "It needs a Triton kernel that is reported to fail below compute capability 8.0.",
            f"Write --max-model-len {limits.CHUNKED_ABOVE} or less." if own else f"Leave {flag} away.",
            (cell.source,),
        )


def _features(case: Case) -> Iterator[Support]:
    """Leave open what no fact covers, and say what is known not to work."""
    spec = case.spec
    kv = str(spec.option("kv_cache_dtype", "auto"))
    if kv not in {"auto", "float16", "bfloat16"} and (case.capability or 0) < 89:  # noqa: PLR2004  fp8 in hardware
        yield Support(
            "unknown",
            f"Whether {case.title} serves with --kv-cache-dtype {kv} on {case.gpu_title} is not known.",
            "fp8 is computed by GPUs with compute capability 8.9 and newer; others convert it where kernels exist.",
            "Leave --kv-cache-dtype away.",
            (source("engine"),),
        )
    yield from settled.findings(case)


def _split(case: Case) -> Iterator[Support]:
    """Answer whether heads and layers can be divided among the ranks of tensor parallelism."""
    arch, ranks = case.arch, case.shards
    if arch is None:
        return
    if arch.heads % ranks:
        error = f"Total number of attention heads ({arch.heads}) must be divisible by tensor parallel size ({ranks})."
        yield _indivisible(case, f"{arch.heads} attention heads", error, _HEADS)
    elif arch.kv_heads % ranks and ranks % arch.kv_heads:
        yield _indivisible(case, f"{arch.kv_heads} K and V heads", "assert total_num_kv_heads % tp_size == 0", _LINEAR)
    if arch.intermediate % ranks:
        error = f"{arch.intermediate} is not divisible by {ranks}"
        yield _indivisible(case, f"{arch.intermediate} rows of the MLP", error, _LINEAR)
        return
    if arch.experts is not None and arch.experts.intermediate % ranks:
        error = "assert intermediate_size % self.tp_size == 0"
        yield _indivisible(case, f"{arch.experts.intermediate} rows of an expert", error, _LINEAR)
        return
    quantized = arch.quantization
    group = quantized.group_size if quantized is not None else None
    if quantized is None or quantized.method not in {"awq", "gptq"} or group is None or group <= 0:
        return
    for inputs in {arch.intermediate, arch.heads * arch.head_dim}:
        if inputs % ranks == 0 and (inputs // ranks) % group:
            error = "The input size is not aligned with the quantized weight shape. This can be caused by too large "
            what = f"{inputs} inputs in groups of {group}"
            yield _indivisible(case, what, error + "tensor parallel size.", _LINEAR)


def _indivisible(case: Case, what: str, error: str, where: Source) -> Support:
    return Support(
        "no",
        f"{what[:1].upper() + what[1:]} cannot be divided among {case.shards} ranks.",
        f"{case.title} ends with {quoted(error)}",
        f"Write --tensor-parallel-size {_best(case)}.",
        (where,),
    )


def _best(case: Case) -> int:
    """Return the largest number of ranks below the one asked for that divides heads and MLP."""
    arch = case.arch
    if arch is None:
        return 1
    fits = (
        ranks
        for ranks in range(min(case.shards - 1, arch.heads), 0, -1)
        if not arch.heads % ranks
        and not arch.intermediate % ranks
        and not (arch.kv_heads % ranks and ranks % arch.kv_heads)
    )
    return next(fits, 1)
