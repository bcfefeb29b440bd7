"""What the server makes of arguments that are well formed: ranks and GPUs, limits that do not go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.vllm import capability, limits
from voltaic.engines.vllm.case import case_of
from voltaic.engines.vllm.releases import facts, holds, name_of, release, source
from voltaic.engines.words import visible
from voltaic.findings import Source, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.vllm.case import Case
    from voltaic.spec import ServingSpec

_EXECUTOR: Final = Source("vllm/executor and vllm/v1/executor of 0.4.1 to 0.19.1: one process and one GPU a rank")
_RANKS: Final = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
_RAY: Final = frozenset({"ray"})


def _no(message: str, error: str, fix: str, where: Source) -> Support:
    return Support("no", message, f"The server ends with {quoted(error)}", fix, (where,))


def shard_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer whether there are as many GPUs as ranks: all that is not `ok`."""
    if release(spec.release.version) is None:
        return ()  # the question about release and GPU says so
    return tuple(_count(spec))


def _count(spec: ServingSpec) -> Iterator[Support]:
    stated = {name: spec.option(name, 1) for name in _RANKS}
    small = next((name for name, number in stated.items() if type(number) is int and number < 1), None)
    if small is not None:
        flag = "--" + small.replace("_", "-")
        yield _no(f"{flag} is {stated[small]}.", f"{small} must be 1 or more", f"Write {flag} 1.", _EXECUTOR)
        return
    ranks = 1
    for number in stated.values():
        ranks *= number if type(number) is int else 1
    gpus, title = spec.gpus, name_of(spec.release.version)
    said = ", ".join(f"--{name.replace('_', '-')} {number}" for name, number in stated.items() if number != 1)
    if gpus is None:
        if ranks > 1:
            yield Support(
                "unknown",
                f"{title} starts {ranks} ranks ({said}); how many GPUs the pod gets is not known.",
                "Every rank needs a GPU of its own.",
                "State the number of GPUs.",
                (_EXECUTOR,),
            )
        return
    unknown_spread = (
        spec.option("distributed_executor_backend") in _RAY
        or spec.option("nnodes", 1) != 1
        or spec.option("data_parallel_size_local") is not None
    )
    if ranks > gpus:
        yield Support(
            "unknown" if unknown_spread else "no",
            f"{title} starts {ranks} ranks on {gpus} GPU{'s' if gpus > 1 else ''}: {said}.",
            "Every rank takes a GPU of its own; ranks on other machines are not judged here."
            if unknown_spread
            else 'Every rank takes a GPU of its own; the ones without end with "CUDA error: invalid device ordinal".',
            f"Write --tensor-parallel-size {gpus}, or use a profile with more GPUs.",
            (_EXECUTOR,),
        )
    else:
        yield from visible.support(spec, ranks)


def argument_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer whether well formed arguments go together: all that is not `ok`."""
    case = case_of(spec)
    if case is None:
        return ()
    return (*_port(case), *_share(case), *_length(case), *_batch(case))


def _port(case: Case) -> Iterator[Support]:
    """Refuse a VLLM_PORT that is no number, which every start reads for the ranks' own port."""
    stated = case.spec.command.env.get("VLLM_PORT", "0")
    if stated is not None and stated.strip().lstrip("+-").isdecimal():
        return
    if stated is None:
        message = "VLLM_PORT is set from somewhere else; its value is not known here."
        why = "The server takes a number, and a value that is none ends it."
        yield Support("unknown", message, why, "Remove VLLM_PORT: --port is where the server listens.", ())
        return
    table = facts()["port"]
    error = table["error_says" if holds("port", "says", case.version) else "error"].format(stated)
    yield _no(
        f"VLLM_PORT is {stated}, and it must be a number.",
        error,
        "Remove VLLM_PORT; where a Service called vllm sets it, write enableServiceLinks: false in the pod, or rename "
        "the Service.",
        source("port"),
    )


def _share(case: Case) -> Iterator[Support]:
    stated = case.spec.option("gpu_memory_utilization")
    if isinstance(stated, float) and not 0 < stated <= 1:
        yield _no(
            f"--gpu-memory-utilization is {stated}.",
            f"GPU memory utilization must be less than 1.0. Got {stated}.",
            "Write a share above 0 and up to 1, such as 0.9.",
            source("limits"),
        )
    for name in ("max_model_len", "max_num_seqs", "max_num_batched_tokens"):
        number = case.spec.option(name)
        if type(number) is int and number < 1 and not (name == "max_model_len" and number == -1):
            flag = "--" + name.replace("_", "-")
            yield _no(f"{flag} is {number}.", f"{name} must be 1 or more", f"Write {flag} 1 or more.", source("limits"))


def _length(case: Case) -> Iterator[Support]:
    """Answer whether the longest request is one that the model has positions for."""
    found = limits.effective(case)
    asked = case.spec.option("max_model_len")
    if type(asked) is not int or asked < 1 or found.derived is None or asked <= found.derived:
        return
    if not any(capability.has_class(name, case.version) for name in case.classes):
        return  # what the class reads as its length is not known
    allowed = case.spec.command.env.get("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "")
    lets = holds("limits", "long", case.version)
    if lets and allowed is not None and allowed.lower() in {"1", "true"}:
        return  # at the user's own risk, as the variable says
    error = (
        f"User-specified max_model_len ({asked}) is greater than the derived max_model_len "
        f"(max_position_embeddings={found.derived} or model_max_length=None in model's config.json)."
    )
    stretched = case.spec.option("rope_scaling") is not None or case.spec.option("hf_overrides") is not None
    yield Support(
        "unknown" if stretched or allowed is None else "no",
        f"--max-model-len is {asked}, and {case.model_type} has {found.derived} positions.",
        f"The server ends with {quoted(error)}",
        f"Write --max-model-len {found.derived} or less.",
        (source("limits"),),
    )


def _batch(case: Case) -> Iterator[Support]:
    found = limits.effective(case)
    tokens, length = found.max_num_batched_tokens, found.max_model_len
    sure = case.readable
    if tokens is not None and length is not None and not found.chunked and tokens < length and not found.automatic:
        error = f"max_num_batched_tokens ({tokens}) is smaller than max_model_len ({length})."
        yield Support(
            "no" if sure else "unknown",
            f"One pass takes {tokens} tokens (--max-num-batched-tokens), and a request may have {length}: without "
            "chunked prefill a prompt is computed in one pass.",
            f"The server ends with {quoted(error)}",
            f"Leave --max-num-batched-tokens away, or write --max-model-len {tokens}.",
            (source("limits"),),
        )
    if tokens is not None and tokens < found.max_num_seqs:
        error = (
            f"max_num_batched_tokens ({tokens}) must be greater than or equal to max_num_seqs ({found.max_num_seqs})."
        )
        yield Support(
            "no" if sure else "unknown",
            f"One pass takes {tokens} tokens, fewer than the {found.max_num_seqs} requests that may run at once.",
            f"The server ends with {quoted(error)}",
            f"Write --max-num-seqs {tokens} or less.",
            (source("limits"),),
        )
