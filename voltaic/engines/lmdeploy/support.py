"""Whether TurboMind serves a spec: release on the GPU, model, weights, dtype, GPUs, arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.lmdeploy import facts as known
from voltaic.engines.lmdeploy.case import case_of
from voltaic.engines.lmdeploy.facts import by_release, facts, holds, name_of, source
from voltaic.engines.versions import within
from voltaic.engines.words import visible
from voltaic.engines.words.settled import open_support
from voltaic.findings import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.lmdeploy.case import Case
    from voltaic.spec import ServingSpec

_FALLBACK: Final = (
    "Models that TurboMind does not know fall back to the PyTorch engine with nothing but a warning; what that engine "
    "does on this GPU, and what it needs, is not known here."
)
_ASK: Final = "What settles it: a run on this GPU."


def gpu_support(spec: ServingSpec) -> Support:
    """Answer whether the release runs on the GPU at all."""
    version, image = spec.release.version, facts()["image"]
    if known.release(version) is None:
        first, last = facts()["versions"][0], facts()["versions"][-1]
        return Support(
            "unknown",
            f"Nothing is known about {name_of(version)}; the facts cover {first} to {last}.",
            "Kernels, models and defaults differ from release to release, and a tag such as latest moves.",
            f"Name a release, as the image tag {image}:v{facts()['recommended']}-cu12.",
        )
    case = case_of(spec)
    if case is None:
        because = (spec.gpu_unknown_because or "the GPU model is not known").rstrip(".")
        why = "Kernels are compiled for certain GPU architectures."
        message = f"Whether {name_of(version)} runs on this GPU is not known: {because}."
        return Support("unknown", message, why, "Name the GPU model, for example with a profile.")
    cell = known.starts(case.release, case.gpu.arch)
    if cell is not None and cell.answer == "ok":
        return Support("ok", f"{case.title} on {case.gpu_title}: {cell.note}.", sources=(cell.source,))
    way = f"Use the image {image}:v{facts()['recommended']}-cu12 or {image}:v0.16.0-cu12.8."
    if case.capability is None:
        way = "Use a GPU of NVIDIA, or another engine."
    if cell is None or cell.answer == "unknown":
        note = "no fact covers this release on this GPU" if cell is None else cell.note
        message = f"Whether {case.title} runs on {case.gpu_title} is not known."
        return Support("unknown", message, _sentence(note), f"{_ASK} {way}", () if cell is None else (cell.source,))
    message = f"{case.title} does not run on {case.gpu_title}: it ends with {quoted(cell.error)}"
    return Support("no", message, _sentence(cell.note), way, (cell.source,))


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:] + "."


def model_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer for class, weights, dtype and sharding: all that is not `ok`."""
    case = case_of(spec)
    if case is None:
        return ()  # the question about release and GPU says so
    found = [*_other_model(case), *_engine(case)]
    if case.arch is not None and case.in_turbomind:
        found += [*_weights(case), *_dtype(case), *_overflow(case), *_attention(case), *_split(case)]
    return tuple(found)


def _other_model(case: Case) -> Iterator[Support]:
    loaded, judged = case.spec.option("model"), case.spec.model.id
    if loaded is None or judged is None or loaded == judged or loaded.startswith(("/", ".", "~")):
        return  # a folder may hold the model that is judged
    yield Support(
        "unknown",
        f"The server loads {loaded}, and what is judged is {judged}.",
        "Shapes and sizes of one model say nothing about another.",
        f"Write {judged} as the model, or have {loaded} judged.",
    )


def _engine(case: Case) -> Iterator[Support]:
    model, where = case.spec.model, (source("classes"),)
    name = model.id or "this model"
    if case.spec.option("backend") == "pytorch":
        message = f"--backend pytorch asks for the PyTorch engine of {case.title}, of which nothing is known here."
        yield Support("unknown", message, _FALLBACK, "Write --backend turbomind, or leave --backend away.", where)
    elif case.arch is None:
        because = (model.unknown_because or "its configuration is not known").rstrip(".")
        message = f"Whether {case.title} serves {name} is not known: {because}."
        yield Support("unknown", message, _FALLBACK, "Give the model's config.json, or choose a known model.", where)
    elif not case.in_turbomind:
        ranges = known.class_releases(case.name or "")
        which = " or ".join(text.replace(",", ", ") for text in ranges)
        message = (
            f"TurboMind of {case.title} does not serve {case.name or case.arch.model_type}: the server falls back to "
            "its PyTorch engine without asking."
        )
        fix = f"Use a release whose TurboMind has it: {which}." if which else "Use another model or engine."
        if any(within(case.version, text) for text in ranges):
            message = (
                message[:-1]
                + f", as models of {case.arch.layers} layers with heads of {case.arch.head_dim} elements are not there."
            )
            fix = "Use another release, model or engine."
        yield Support("unknown", message, _FALLBACK, fix, where)


def _weights(case: Case) -> Iterator[Support]:
    arch, table, where = case.arch, facts()["weights"], (source("weights"),)
    if arch is None:
        return
    form, stated = case.weights, case.spec.option("model_format")
    held = arch.quantization.method if arch.quantization is not None else None
    if form in {"float16", "bfloat16", "float32"} and stated in {None, "hf", "llama"}:
        return
    plain = "Use a checkpoint that is not quantized, or one by AWQ."
    if stated not in {None, "hf", "llama"} and held is not None and stated != held:
        message = f"The weights are quantized by {held}, and --model-format is {stated}."
        yield Support("no", message, "The tensors that the format needs are not there.", "Leave it away.", where)
        return
    if stated not in {None, "hf", "llama"} and held is None:
        message = f"--model-format is {stated}, and the checkpoint is not quantized."
        fix = f"Leave --model-format away, or choose a checkpoint quantized by {stated}."
        yield Support("no", message, "LMDeploy reads weights that were quantized before.", fix, where)
        return
    if form not in table or form in {"source", "bits"}:
        message = f"Whether {case.title} serves weights quantized by {form} is not known."
        yield Support("unknown", message, "No fact covers this quantization in TurboMind.", plain, where)
        return
    needs = by_release(table[form], case.version)
    if needs is None:
        message = f"{case.title} has no {form} weights."
        yield Support("no", message, "The formats that a release reads are built into it.", plain, where)
    elif (case.capability or 0) < needs:
        message = f"{case.title} has no kernels for {form} weights on {case.gpu_title}."
        yield Support("no", message, f"They need compute capability {needs // 10}.{needs % 10}.", plain, where)
    elif form in {"awq", "gptq"}:
        yield from _four_bits(case)


def _four_bits(case: Case) -> Iterator[Support]:
    table, where = facts()["weights"], (source("weights"),)
    quantization = case.arch.quantization if case.arch is not None else None
    if case.name in table["not_for"]:
        yield Support(
            "no",
            f"{case.title} does not serve {case.name} with 4-bit weights.",
            "Its table of models says no for this family, though others of the same shape are served.",
            "Use a checkpoint that is not quantized, or llama.cpp with a GGUF file.",
            where,
        )
    if quantization is None:
        return
    if quantization.bits not in table["bits"]:
        message = f"{case.title} does not serve {quantization.bits}-bit {quantization.method} weights."
        yield Support("no", message, "TurboMind has kernels for 4 bits only.", "Use a 4-bit checkpoint.", where)
    sizes = by_release(table["group_sizes"], case.version)
    if quantization.group_size not in sizes:
        message = f"Whether {case.title} serves groups of {quantization.group_size} inputs is not known."
        allowed = ", ".join(map(str, sizes))
        yield Support("unknown", message, f"Its kernels know groups of {allowed}.", "Use such a checkpoint.", where)
    if quantization.act_order:
        message = f"Whether {case.title} serves GPTQ weights with act order is not known."
        yield Support("unknown", message, "TurboMind reads no order of columns.", "Use one without act order.", where)


def _dtype(case: Case) -> Iterator[Support]:
    if case.dtype is None or ((case.capability or 80) < 80 and case.dtype == "bfloat16"):  # noqa: PLR2004  bfloat16
        said = case.spec.option("dtype", "auto")
        option = holds("dtype", "option", case.version)
        fix = "Write --dtype float16." if option and said != "float16" else "Use 0.6.2 or newer."
        yield Support(
            "unknown",
            f"Which data type {case.title} takes on {case.gpu_title} with --dtype {said} is not known.",
            "This release asks torch whether bfloat16 works, which answers yes for GPUs that only emulate it.",
            fix,
            (source("dtype"),),
        )


def _overflow(case: Case) -> Iterator[Support]:
    """Answer for families whose values float16 does not hold."""
    table = facts()["overflow"]
    narrow = (case.capability or 0) < 80 or case.spec.option("dtype") == "float16"  # noqa: PLR2004  bfloat16
    if case.arch is None or case.arch.model_type not in table["types"] or not narrow:
        return
    seen = (case.capability or 0) < table["below"]
    yield Support(
        "no" if seen else "unknown",
        f"{case.title} starts with {case.arch.model_type} on {case.gpu_title}, and its requests end it in float16."
        if seen
        else f"Whether {case.title} serves {case.arch.model_type} in float16 is not known.",
        f"float16 overflows in this family; the log shows {quoted(table['error'])}"
        if seen
        else "Its values overflow in float16, which ended servers on other GPUs.",
        "Use a GPU with compute capability 8.0 or newer, llama.cpp, or another model.",
        (source("overflow"),),
    )


def _attention(case: Case) -> Iterator[Support]:
    arch, where = case.arch, (source("heads"),)
    if arch is None:
        return
    session, policy = case.session, case.number("quant_policy", 0)
    window = min((cache.window for cache in arch.caches if cache.window is not None), default=None)
    if window is not None and case.name != "GptOssForCausalLM" and (session is None or session > window):
        yield Support(
            "no",
            f"TurboMind has no sliding window, the model looks back {window} tokens, and a session may have {session}.",
            "It computes full attention instead, for which the model was not trained: the documentation sends such "
            "models to the PyTorch engine.",
            f"Write --session-len {window}, or use a model without a window.",
            where,
        )
    if arch.latent is None and arch.positions != "none" and arch.head_dim not in facts()["heads"]["kernels"]:
        message = f"Whether {case.title} serves heads of {arch.head_dim} elements is not known."
        allowed = ", ".join(map(str, facts()["heads"]["kernels"]))
        yield Support("unknown", message, f"Its kernels are made for {allowed}.", "Use another model.", where)
    if any(cache.kind not in {"full", "sliding"} for cache in arch.caches) or arch.towers:
        message = f"Whether {case.title} serves {arch.model_type} on {case.gpu_title} is not known."
        yield Support("unknown", message, "No run of latent, linear or visual parts was met.", _ASK, where)
    if not policy:
        return
    if not holds("cache", "kv_quantized", case.version):
        message = f"--quant-policy {policy} needs scales that are computed apart in {case.title}."
        yield Support("unknown", message, "Newer releases compute them themselves.", "Use 0.4.0 or newer.", where)
    if arch.head_dim not in facts()["heads"]["kv_quantized"]:
        yield Support(
            "no",
            f"--quant-policy {policy} needs heads of 128 elements, and this model's have {arch.head_dim}.",
            "TurboMind has no kernels for a quantized KV cache of other heads.",
            "Write --quant-policy 0.",
            where,
        )


def _split(case: Case) -> Iterator[Support]:
    arch, ranks = case.arch, case.shards
    if arch is None or ranks <= 1:
        return
    where = (source("split"),)
    fix = "Write --tp with a power of two that divides heads and MLP."
    uneven = next((what for what, size in (("heads", arch.heads), ("MLP rows", arch.intermediate)) if size % ranks), "")
    if uneven == "heads":
        message = f"{arch.heads} attention heads cannot be divided among {ranks} GPUs."
        yield Support("no", message, "The converter ends with an assertion.", fix, where)
    elif uneven:
        message = f"Whether {arch.intermediate} rows of the MLP are padded for {ranks} GPUs is not known."
        yield Support("unknown", message, "Newer releases pad them.", fix, where)
    elif arch.kv_heads % ranks:
        repeats = holds("split", "repeats_kv", case.version) and ranks % arch.kv_heads == 0
        if not repeats:
            message = f"{arch.kv_heads} K and V heads cannot be divided among {ranks} GPUs."
            yield Support("no", message, "The converter ends with an assertion.", fix, where)


def shard_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer whether there are as many GPUs as ranks: all that is not `ok`."""
    if known.release(spec.release.version) is None:
        return ()
    stated = spec.option("tp", 1)
    ranks = stated if type(stated) is int else 1
    where, gpus, title = (source("split"),), spec.gpus, name_of(spec.release.version)
    found = []
    if ranks < 1 or ranks & (ranks - 1):
        message = f"--tp is {ranks}, which is not a power of two."
        least = 1 << max(0, ranks.bit_length() - 1)
        why = f"{title} ends with {quoted(facts()['split']['error'])}"
        found.append(Support("no", message, why, f"Write --tp {least}.", where))
    if gpus is None and ranks > 1:
        message = f"{title} starts {ranks} ranks; how many GPUs the pod gets is not known."
        found.append(Support("unknown", message, "Every rank needs a GPU of its own.", "State the number of GPUs."))
    elif gpus is not None and ranks > gpus:
        message = f"{title} starts {ranks} ranks on {gpus} GPU{'s' if gpus > 1 else ''}: --tp {ranks}."
        why = 'Every rank takes a GPU of its own; the ones without end with "CUDA error: invalid device ordinal".'
        found.append(Support("no", message, why, f"Write --tp {gpus}, or use a profile with more GPUs.", where))
    else:
        found += visible.support(spec, ranks)
    return tuple(found)


def argument_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer whether well formed arguments go together: all that is not `ok`."""
    case = case_of(spec)
    return () if case is None else tuple(_arguments(case))


def _arguments(case: Case) -> Iterator[Support]:
    table, where = facts()["cache"], (source("cache"),)
    block = case.number("cache_block_seq_len", table["block"])
    below = case.capability is not None and case.capability < table["block_multiple_below"]
    if below and (block <= 0 or block % table["block"]):
        message = f"--cache-block-seq-len is {block}, and on {case.gpu_title} it is a multiple of {table['block']}."
        why = "The attention kernels below compute capability 8.0 read blocks of 64 tokens."
        yield Support("no", message, why, f"Write --cache-block-seq-len {table['block']}.", where)
    if case.ratio <= 0:
        message = f"--cache-max-entry-count is {case.ratio:g}, and it must be more than 0."
        why = 'The server ends with "invalid cache_max_entry_count".'
        yield Support("no", message, why, "Write --cache-max-entry-count 0.8.", where)
    elif case.ratio >= 1:
        counts = within(case.version, table["count_allowed"])
        message = f"--cache-max-entry-count is {case.ratio:g}, a number of blocks instead of a share."
        why = "What a pool of so many blocks needs is not judged here."
        if not counts:
            why = "This release takes a share between 0 and 1 only and ends otherwise."
        yield Support("unknown" if counts else "no", message, why, "Write a share such as 0.8.", where)
    for name in ("session_len", "max_batch_size", "max_prefill_token_num"):
        stated = case.spec.option(name)
        if type(stated) is int and stated < 1:
            flag = "--" + name.replace("_", "-")
            yield Support("no", f"{flag} is {stated}.", "Nothing could be served.", f"Leave {flag} away.", where)
    yield from open_support(case.spec.command.options, facts()["settled"], case.title, source("settled"))
