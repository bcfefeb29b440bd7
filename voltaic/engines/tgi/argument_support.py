"""What launcher and router make of arguments that are well formed: shards, limits, and options that belong together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.tgi import limits, shards
from voltaic.engines.tgi.case import IMPLEMENTATIONS, case_of
from voltaic.engines.tgi.releases import name_of, release
from voltaic.engines.tgi.support import sentence
from voltaic.engines.tgi.variables import bad_values
from voltaic.findings import Source, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.versions import Version
    from voltaic.spec import ServingSpec

_LAUNCHER: Final = Source("launcher/src/main.rs, main, of 1.2.0 to 3.3.7")
_ROUTER: Final = Source("router/src/infer.rs and router/src/infer/mod.rs of 1.2.0 to 3.3.7: limit_concurrent_requests")
_HUB: Final = Source("huggingface_hub utils/_validators.py, validate_repo_id", "derived")
_ADAPTER: Final = re.compile(r"[^=@]+(=[^=@]+)?(@[^=@]+)?")
_ADAPTERS_LOADED: Final = (2, 3, 0)  # from here on the launcher loads every adapter, one without a name included
_ADAPTERS_PARSED: Final = (2, 3, 1)  # from here on launcher and server check the form
_EXL2_ALONE: Final = (2, 1, 0)


def shard_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer whether there are as many GPUs as shards: all that is not `ok`."""
    known = release(spec.release.version)
    if known is None:
        return ()  # the question about release and GPU says so
    stated = spec.option("num_shard")
    if known.version >= _EXL2_ALONE and spec.option("quantize") == "exl2" and (_shards(spec, known.version) or 1) > 1:
        exl2: tuple[Support, ...] = (
            _no(
                f"{name_of(known.text)} does not shard weights quantized by exl2, and "
                + (f"--num-shard is {stated}." if stated else f"starts {_shards(spec, known.version)} shards."),
                "Sharding is currently not supported with `exl2` quantization",
                "Write --num-shard 1.",
                _LAUNCHER,
            ),
        )
    else:
        exl2 = ()
    return (*_count(spec, known.version), *exl2, *_other_gpus(spec))


def _shards(spec: ServingSpec, version: Version) -> int | None:
    """Return how many shards start, where that is certain."""
    return shards.resolve(spec.option("sharded"), spec.option("num_shard"), spec.command.env, version, spec.gpus).count


def _no(message: str, error: str, fix: str, source: Source, *, ends: str = "The launcher ends with") -> Support:
    return Support("no", message, f"{ends} {quoted(error)}", fix, (source,))


def _count(spec: ServingSpec, version: Version) -> Iterator[Support]:
    gpus = spec.gpus
    found = shards.resolve(spec.option("sharded"), spec.option("num_shard"), spec.command.env, version, gpus)
    title = name_of(spec.release.version)
    if found.error:
        pod = f"a pod with {_gpus(gpus)}" if gpus is not None else "this pod"
        yield _no(
            f"Sharding is asked of {pod}, and the launcher finds one shard: {_asked(spec)}.",
            found.error,
            sentence(found.fix),
            shards.SOURCE,
        )
        return
    readable = not any(fault.unreadable for fault in spec.command.faults)
    stated = "num_shard" in spec.command.options
    if not found.certain or not found.possible or (not stated and not readable and gpus != 1):
        yield _uncertain(spec, title, found.possible)
        return
    count = found.possible[0]
    if gpus is None:
        if count > 1:
            yield Support(
                "unknown",
                f"{title} starts {count} shards; how many GPUs the pod gets is not known.",
                "Every shard needs a GPU of its own.",
                "State the number of GPUs.",
                (shards.SOURCE,),
            )
        return
    if count > gpus:
        yield Support(
            "no",
            f"{title} starts {count} shards on {_gpus(gpus)}: {_asked(spec)}.",
            'Every shard takes a GPU of its own; the shards without one end with "Each process is one gpu".',
            f"Write --num-shard {gpus}." if gpus > 1 else "Write --num-shard 1, or use a profile with more GPUs.",
            (shards.SOURCE,),
        )


def _other_gpus(spec: ServingSpec) -> Iterator[Support]:
    """Leave open what happens where a variable shows the server other GPUs than those of the pod."""
    gpus = spec.gpus
    for name in shards.VARIABLES if gpus is not None else ():
        listed = spec.command.env.get(name)
        if gpus is None or listed is None or shards.lists_all(name, listed, gpus):
            continue
        yield Support(
            "unknown",
            f"{name}={listed} shows the server other devices than the {_gpus(gpus)} of the pod.",
            f"The layers go to the GPUs that the server sees; the bill is made for {_gpus(gpus)}.",
            f"Leave {name} away: the device plugin lists the GPUs of the pod.",
            (shards.SOURCE,),
        )


def _uncertain(spec: ServingSpec, title: str, possible: tuple[int, ...]) -> Support:
    if not possible:
        message = f"How many shards {title} starts is not known: neither --num-shard nor the visible devices are."
    elif spec.option("sharded") is True:
        message = f"{title} starts {possible[0]} shards or ends: --sharded true without --num-shard."
    else:
        numbers = " or ".join(str(number) for number in possible)
        message = f"{title} starts {numbers} shards: --num-shard is not set."
    return Support(
        "unknown",
        message,
        "Without --num-shard the launcher counts the entries of CUDA_VISIBLE_DEVICES or NVIDIA_VISIBLE_DEVICES. The "
        "device plugin lists one entry a GPU; where the container runtime sets `all` or `void`, that counts as one.",
        _stated_shards(spec),
        (shards.SOURCE,),
    )


def _stated_shards(spec: ServingSpec) -> str:
    """Return the numbers of shards to choose from: those with which the model is served."""
    case, gpus = case_of(spec), spec.gpus
    if case is None or gpus is None:
        return "Write --num-shard 1, or the number of GPUs to shard over."
    way = case.outcome(1).way
    many = f"--num-shard {gpus} to shard" if case.outcome(gpus).way in IMPLEMENTATIONS else ""
    one = ""
    if way in IMPLEMENTATIONS:
        one = "--num-shard 1 to " + (f"spread the layers over the {gpus} GPUs" if way == "fallback" else "use one GPU")
    return f"Write {', or '.join(filter(None, (one, many))) or '--num-shard'}."


def _gpus(count: int) -> str:
    return f"{count} GPU" if count == 1 else f"{count} GPUs"


def _asked(spec: ServingSpec) -> str:
    sharded, count = spec.option("sharded"), spec.option("num_shard")
    parts = [f"--sharded {str(sharded).lower()}"] if sharded is not None else []
    parts += [f"--num-shard {count}"] if count is not None else []
    return " ".join(parts) if parts else "neither --sharded nor --num-shard is set"


def argument_support(spec: ServingSpec) -> tuple[Support, ...]:
    """Answer whether well formed arguments go together: all that is not `ok`."""
    known = release(spec.release.version)
    if known is None:
        return ()
    return (
        *_names(spec),
        *_together(spec, known.version),
        *bad_values(spec.command.env, known.version),
        *_limits(spec, known.version),
    )


def _together(spec: ServingSpec, version: Version) -> Iterator[Support]:
    if spec.option("num_shard") == 0 and spec.option("sharded") is not True:
        yield _no("--num-shard is 0.", "`num_shard` cannot be < 1", "Write --num-shard 1.", _LAUNCHER)
    if spec.option("validation_workers") == 0:
        fix = "Leave --validation-workers away, or write 1 or more."
        yield _no("--validation-workers is 0.", "`validation_workers` must be > 0", fix, _LAUNCHER)
    if spec.option("max_concurrent_requests") == 0:
        yield _no(
            "--max-concurrent-requests is 0: the server starts and lets no request in.",
            "Model is overloaded",
            "Leave --max-concurrent-requests away, or write 1 or more.",
            _ROUTER,
            ends="The router answers every request with",
        )
    if spec.option("ngrok"):
        for name in ("ngrok_authtoken", "ngrok_edge"):
            flag = name.replace("_", "-")
            if name not in spec.command.options and name.upper() not in spec.command.env:
                error = f"`{flag}` must be set when using ngrok tunneling"
                yield _no(
                    f"--ngrok is set without --{flag}.", error, f"Add --{flag}, or leave --ngrok away.", _LAUNCHER
                )
    adapters = spec.option("lora_adapters")
    for adapter in adapters.split(",") if isinstance(adapters, str) else ():
        yield from _adapter(adapter.strip(), version)


def _adapter(adapter: str, version: Version) -> Iterator[Support]:
    """Refuse an adapter that is not named in one of the forms that the release reads."""
    if adapter == "" and version < _ADAPTERS_LOADED:
        return
    parsed = version >= _ADAPTERS_PARSED
    if _ADAPTER.fullmatch(adapter) if parsed else ("=" in adapter or adapter.count("@") <= 1) and adapter != "":
        return
    yield _no(
        f"The LoRA adapter {adapter!r} is not of the form id, id@revision or id=path.",
        f"Invalid LoRA adapter format: {adapter}",
        "Write each adapter as id, id@revision or id=path." if adapter else "Leave --lora-adapters away.",
        _LAUNCHER,
    )


def _names(spec: ServingSpec) -> Iterator[Support]:
    """Refuse names that are set and empty: to the launcher an empty variable is a value."""
    if spec.option("model_id") == "":
        fix = "Write --model-id with a repository id or a folder."
        yield _no(
            "--model-id is empty.", "Repo id must use alphanumeric chars", fix, _HUB, ends="The download ends with"
        )
    if spec.option("revision") == "":
        yield Support(
            "unknown",
            "--revision is empty: the launcher hands the empty name on, and does not take the main branch.",
            "Whether a repository answers for a revision without a name is not known.",
            "Leave --revision and the variable REVISION away, or name a branch or commit.",
            (_LAUNCHER,),
        )


def _limits(spec: ServingSpec, version: Version) -> Iterator[Support]:
    case = case_of(spec)
    possible = case.shards.possible if case is not None and case.shards.possible else (1,)
    # Without a known GPU the fewer questions of a flash server are asked.
    flash = True
    if case is not None:
        outcome = case.outcome(possible[0])
        flash = outcome.way == "flash" or (case.flash and outcome.way not in {"fallback", "native"})
    arch = spec.model.architecture
    found = limits.effective(spec.command.options, version, arch, spec.gpu, shards=possible[0], flash=flash)
    readable = not any(fault.unreadable for fault in spec.command.faults)
    for fault in found.faults:
        yield Support(
            "no" if readable or not fault.derived else "unknown",
            sentence(fault.message),
            f"The server does not get ready: {quoted(fault.error)}",
            sentence(fault.fix),
            (limits.SOURCE,),
        )
