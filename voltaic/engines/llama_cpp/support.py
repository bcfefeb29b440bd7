"""Whether llama.cpp serves a spec: image on the GPU, model, file, caches, GPUs, arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.llama_cpp.case import case_of, same_model, stated_file
from voltaic.engines.llama_cpp.facts import build_of, facts, flavour_of, name_of, source, starts
from voltaic.engines.words import visible
from voltaic.findings import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.base import Answer
    from voltaic.engines.llama_cpp.case import Case
    from voltaic.models.gguf_files import GgufWeights
    from voltaic.spec import ServingSpec

_LONGEST: Final = 18
_ASK: Final = "What settles it: a run on this GPU."
_FILES: Final = ("model_file", "hf_repo", "model_url", "docker_repo", "hf_file")
UNMODELLED: Final = (
    "override_tensor",
    "cpu_moe",
    "n_cpu_moe",
    "n_cpu_ffn",
    "rpc",
    "lora",
    "lora_scaled",
    "control_vector",
    "model_draft",
    "hf_repo_draft",
    "spec_type",
    "mmproj",
    "mmproj_url",
    "models_dir",
    "models_preset",
    "device",
    "embedding",
    "rerank",
    "override_kv",
    "pooling",
    "tools",
    "agent",
    "load_mode",
)


def gpu_support(spec: ServingSpec) -> Support:
    """Answer whether this image runs on the GPU at all."""
    version, image, advice = spec.release.version, facts()["image"], facts()["recommended"]
    known, flavour = build_of(version), flavour_of(version)
    if flavour is not None and spec.gpu is not None:
        cell = starts(flavour, spec.gpu.arch)
        if cell is not None and cell.answer == "no":  # whichever build it is
            message = (
                f"The {flavour} image of llama.cpp does not run on {spec.gpu.title}: it ends with {quoted(cell.error)}"
            )
            why = cell.note[:1].upper() + cell.note[1:] + "."
            return Support("no", message, why, f"Use the image {image}:server-{advice}.", (cell.source,))
    if known is None:
        first = facts()["builds"][0]
        return Support(
            "unknown",
            f"Nothing is known about {name_of(version)}; the facts cover CUDA images of b{first} and newer.",
            "A tag such as server-cuda names another build every day, and server-cuda13 has no code for older GPUs.",
            f"Name a build, as the image tag {image}:server-{advice}.",
        )
    case = case_of(spec)
    if case is None:
        because = (spec.gpu_unknown_because or "the GPU model is not known").rstrip(".")
        message = f"Whether {name_of(version)} runs on this GPU is not known: {because}."
        why = "Kernels are compiled for certain GPU architectures."
        return Support("unknown", message, why, "Name the GPU model, for example with a profile.")
    cell = starts(known.flavour, case.gpu.arch)
    if cell is not None and cell.answer == "ok":
        return Support("ok", f"{case.title} on {case.gpu_title}: {cell.note}.", sources=(cell.source,))
    if cell is None or cell.answer == "unknown":
        message = f"Whether {case.title} runs on {case.gpu_title} is not known."
        return Support("unknown", message, "No fact covers this image on this GPU.", _ASK)
    way = f"Use the image {image}:server-cuda-b{known.number}." if case.volta else "Use another engine or GPU."
    message = f"{case.title} does not run on {case.gpu_title}: it ends with {quoted(cell.error)}"
    return Support("no", message, cell.note[:1].upper() + cell.note[1:] + ".", way, (cell.source,))


def model_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer for architecture, file and caches: all that is not `ok`."""
    case = case_of(spec)
    return () if case is None else (*_model(case), *_file(case), *_caches(case))


def _model(case: Case) -> Iterator[Support]:
    model, arch, where = case.spec.model, case.arch, (source("models"),)
    name = model.id or "this model"
    if arch is None:
        because = (model.unknown_because or "its configuration is not known").rstrip(".")
        message = f"Whether {case.title} serves {name} is not known: {because}."
        why = "Which tensors a file has, and what its layers keep, depends on the architecture."
        fix = "Name the original model of a known family with --model, or give its config.json."
        yield Support("unknown", message, why, fix, where)
        return
    row = facts()["models"]["types"].get(arch.model_type)
    if row is None or case.build.number < row["since"]:
        message = f"Whether {case.title} serves {arch.model_type} is not known."
        why = "No fact covers this family." if row is None else f"It is known of b{row['since']} and newer."
        fix = "Use another model." if row is None else f"Use b{row['since']} or newer."
        yield Support("unknown", message, why, fix, where)
    if arch.towers and case.spec.option("mmproj_auto") is not False:
        message = f"Whether {case.title} loads an encoder of {name} beside it is not known."
        why = "From a repository it takes the projector file by itself where there is one."
        yield Support("unknown", message, why, "Write --no-mmproj to serve text only.", where)


def _file(case: Case) -> Iterator[Support]:
    if case.file is not None:
        yield from _experts(case.file)
    elif case.spec.model.gguf is not None:
        read, stated = case.spec.model.gguf.name, stated_file(case.spec.command.options)
        yield Support(
            "unknown",
            f"The server loads {stated or 'a file of a repository'}, and what is judged is {read}.",
            "Shapes and sizes of one file say nothing about another.",
            f"Leave the file away, or name {read} with -m.",
        )
    elif not any(case.spec.option(name) is not None for name in _FILES):
        yield Support(
            "unknown",
            "Which GGUF file is served is not known: no -m and no -hf is given.",
            "The size of the weights depends on the type of the file.",
            "Write -hf USER/REPOSITORY:Q4_K_M, or -m with a file whose name says its type.",
        )
    elif not same_model(case):
        yield Support(
            "unknown",
            f"The server loads {case.spec.option('hf_repo')}, and what is judged is {case.spec.model.id}.",
            "Shapes and sizes of one model say nothing about another.",
            "Name the original model of that file with --model.",
        )
    elif case.file_type is None:
        said = next(str(case.spec.option(name)) for name in reversed(_FILES) if case.spec.option(name) is not None)
        yield Support(
            "unknown",
            f"The type of the weights in {said} is not known.",
            "Its size follows from a type such as Q4_K_M in the name or tag. Without a tag the server takes Q4_K_M or, "
            "where the repository has none, its first file. Mixes of single publishers (UD-…) and Q2_K differ.",
            "Name a file of type Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q4_0, IQ4_XS, Q3_K_M, F16 …: -hf USER/REPOSITORY:Q4_K_M.",
        )


def _experts(file: GgufWeights) -> Iterator[Support]:
    if file.split_experts:
        yield Support(
            "no",
            f"{file.name} is a file of before April 2024, with tensors of its own for each expert.",
            f"The server ends with {quoted(facts()['split_experts']['error'])}",
            "Download a newer file of the same model, or convert it anew.",
            (source("split_experts"),),
        )


def _caches(case: Case) -> Iterator[Support]:
    arch, table = case.arch, facts()["flash"]
    where = (source("flash"),)
    quantized = case.cache_type("v") not in {"F16", "F32", "BF16"}
    if quantized and case.flash is False:
        yield Support(
            "no",
            f"-ctv {case.cache_type('v').lower()} needs flash attention, and it is off.",
            f"The server ends with {quoted(table['quantized_v'])}",
            "Write -fa on." if case.since("flash_auto_from") else "Write -fa.",
            where,
        )
    pair = [case.cache_type("k"), case.cache_type("v")]
    if pair not in facts()["pairs"]["known"] and case.flash is not False:
        yield Support(
            "unknown",
            f"Whether {case.title} keeps K in {pair[0].lower()} and V in {pair[1].lower()} on the GPU is not known.",
            "Flash attention of its images computes with K and V both in f16, q8_0 or q4_0; with others it moves to "
            "the CPU or is switched off.",
            "Write the same for both: -ctk q8_0 -ctv q8_0.",
            (source("pairs"),),
        )
    if arch is None:
        return
    odd = any(cache.key_dim not in table["heads"] for cache in arch.caches if cache.key_dim)
    if case.volta and odd and case.flash is not False:
        yield Support(
            "unknown",
            f"Whether flash attention serves heads of {arch.head_dim} elements on {case.gpu_title} is not known.",
            f"Heads other than {', '.join(map(str, table['heads']))} are reported to end in an error there.",
            "Write -fa off, and no quantized V.",
            where,
        )
    for which in ("k", "v"):
        kind = case.cache_type(which)
        if case.volta and kind == "BF16":
            message = f"Whether {case.title} keeps a cache in bfloat16 on {case.gpu_title} is not known."
            yield Support("unknown", message, "The GPU has no bfloat16.", f"Write -ct{which} f16.", where)


def shard_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer for how the model is split over GPUs: all that is not `ok`."""
    case = case_of(spec)
    if case is None:
        return ()
    mode, gpus = spec.option("split_mode", "layer"), spec.gpus
    where, found = (source("flash"),), []
    table = facts()["defaults"]
    if mode == "row" and (gpus or 2) > 1 and case.build.number > table["row_until"]:
        gone = case.build.number >= table["row_gone"]
        message = f"--split-mode row: {case.title} " + ("does not load it on CUDA." if gone else "may not load it.")
        why = f"It ends with {quoted(facts()['flash']['row'])}"
        found.append(Support("no" if gone else "unknown", message, why, "Write --split-mode layer.", where))
    elif mode in {"row", "tensor"} and (gpus or 2) > 1:
        message = f"What --split-mode {mode} of {case.title} needs on each GPU is not known."
        why = "It is experimental, and no run of it was met." if mode == "tensor" else "Only whole layers are modelled."
        found.append(Support("unknown", message, why, "Write --split-mode layer.", where))
    shares = spec.option("tensor_split")
    if isinstance(shares, str) and gpus is not None:
        numbers = shares.replace("/", ",").split(",")
        if not all(_number(text) for text in numbers):
            message = f"--tensor-split {shares} is no list of numbers."
            found.append(Support("no", message, "The server exits.", "Write one number for each GPU: 1,1.", where))
        elif len(numbers) > gpus:
            message = f"--tensor-split names {len(numbers)} GPUs, and the pod gets {gpus}."
            fix = f"Write {gpus} numbers, or use a profile with more GPUs."
            found.append(Support("unknown", message, "What becomes of the further shares is not known.", fix, where))
    main = spec.option("main_gpu", 0)
    if type(main) is int and gpus is not None and not 0 <= main < gpus:
        message = f"--main-gpu is {main}, and the pod gets {gpus} GPU{'s' if gpus > 1 else ''}."
        why = 'The server ends with "invalid value for main_gpu" where it keeps the model on one GPU.'
        answer: Answer = "no" if mode == "none" else "unknown"
        found.append(Support(answer, message, why, "Write --main-gpu 0.", where))
    found += visible.support(spec, 1, spread=True)
    return tuple(found)


def _number(text: str) -> bool:
    return len(text) <= _LONGEST and text.strip().replace(".", "", 1).isdecimal()


def argument_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer whether well formed arguments go together: all that is not `ok`."""
    case = case_of(spec)
    return () if case is None else tuple(_arguments(case))


def _arguments(case: Case) -> Iterator[Support]:
    where = (source("defaults"),)
    if case.layers is None:
        stated = case.spec.option("n_gpu_layers")
        said = "no -ngl is given" if stated is None else f"-ngl is {stated}"
        yield Support(
            "unknown",
            f"How many layers {case.title} keeps on the GPU is not known: {said}.",
            "Builds before --fit kept all layers in host memory by themselves, where they are slow.",
            "Write -ngl 999.",
            where,
        )
    if case.context is None and case.arch is not None:
        yield Support(
            "unknown",
            f"How long a context {case.title} takes by itself is not known.",
            "The default changed from 4096 tokens to what the model was trained with.",
            "Write -c with the tokens of all slots together.",
            where,
        )
    for name in ("batch_size", "ubatch_size"):
        stated = case.spec.option(name)
        if type(stated) is int and stated < 1:
            flag = "--" + name.replace("_", "-")
            yield Support("no", f"{flag} is {stated}.", "Nothing could be computed.", f"Leave {flag} away.", where)
    for name, values in facts()["values"].items():
        stated = case.spec.option(name)
        if name not in {"source", "confidence"} and stated is not None and stated not in values:
            flag = "--" + name.replace("_", "-")
            message = f"Whether {case.title} starts with {flag} {stated} is not known."
            yield Support(
                "unknown", message, f"Known are {', '.join(values)}.", f"Leave {flag} away.", (source("values"),)
            )
    for name in UNMODELLED:
        if case.spec.option(name) not in (None, False, 0):
            flag = "--" + name.replace("_", "-")
            message = f"What {flag} makes of the memory of the GPU is not known."
            yield Support("unknown", message, "No fact covers it.", f"Leave {flag} away.")
