"""What becomes of options beside those that decide about model, GPU and memory."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import data
from voltaic.engines.base import Support
from voltaic.engines.versions import within
from voltaic.engines.words.settled import open_support
from voltaic.findings import Source, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.vllm.case import Case

_TOOLS: Final = Source("vllm/entrypoints/openai/cli_args.py, validate_parsed_serve_args, of 0.8.5 to 0.19.1")
_MULTI_STEP: Final = Source("vllm/worker/multi_step_model_runner.py of 0.8.5, MULTI_STEP_ATTENTION_BACKENDS")
_PACKED: Final = Source("vllm/config.py of 0.5.5, verify_with_parallel_config; vllm PR 8434")
_BACKENDS: Final = Source("vllm/platforms/cuda.py and vllm/attention/selector.py of 0.8.5")
_KNOWN: Final = {True: ("XFORMERS",), False: ("FLASH_ATTN", "XFORMERS")}
"""Attention of V0 that VLLM_ATTENTION_BACKEND may name, below compute capability 8.0 and from there on."""


@functools.cache
def table() -> dict[str, Any]:
    """Return settled.toml; read once."""
    return data.table(Path(__file__).with_name("settled.toml"))


@functools.cache
def source() -> Source:
    """Return where settled.toml comes from."""
    return data.source(table()["source"], table()["confidence"])


def findings(case: Case) -> Iterator[Support]:
    """Answer for options that end the server, and leave open those of which no fact says anything."""
    yield from open_support(case.spec.command.options, table(), case.title, source())
    yield from _tools(case)
    yield from _steps(case)
    yield from _packed_and_split(case)
    yield from _backend(case)


def _tools(case: Case) -> Iterator[Support]:
    option = case.spec.option
    if option("enable_auto_tool_choice") is True and option("tool_call_parser") is None:
        yield Support(
            "no" if case.readable else "unknown",
            "--enable-auto-tool-choice is set, and no --tool-call-parser.",
            f"The server ends with {quoted('Error: --enable-auto-tool-choice requires --tool-call-parser')}",
            "Write --tool-call-parser with the parser of the model, such as hermes, or leave the switch away.",
            (_TOOLS,),
        )


def _steps(case: Case) -> Iterator[Support]:
    steps = case.spec.option("num_scheduler_steps", 1)
    if steps == 1:
        return
    volta = (case.capability or 80) < 80  # noqa: PLR2004  flash attention 2
    why = "Several steps at once are for FLASH_ATTN and FLASHINFER; below compute capability 8.0 there is XFormers."
    other = "No fact covers what several steps at once need."
    fix = "Leave --num-scheduler-steps away."
    message = f"--num-scheduler-steps is {steps}, and {case.title} serves with XFormers on {case.gpu_title}."
    if volta and case.engine()[0] != "vllm-v1":
        yield Support("no", message, why, fix, (_MULTI_STEP,))
    else:
        message = f"Whether {case.title} starts with --num-scheduler-steps {steps} here is not known."
        yield Support("unknown", message, other, fix, (_MULTI_STEP,))


def _packed_and_split(case: Case) -> Iterator[Support]:
    """Answer for bitsandbytes over several GPUs, which early releases refuse."""
    if case.method != "bitsandbytes" or case.shards * case.stages == 1 or not within(case.version, "<=0.6.1"):
        return
    sure = within(case.version, "<=0.5.5")
    yield Support(
        "no" if sure else "unknown",
        f"{case.title} does not split bitsandbytes weights over GPUs."
        if sure
        else f"Whether {case.title} splits bitsandbytes weights over GPUs is not known.",
        f"It ends with {quoted('BitAndBytes quantization with TP or PP is not supported yet.')}"
        if sure
        else "0.5.5 does not, and it was added about then.",
        "Write --tensor-parallel-size 1, or use 0.6.2 or newer.",
        (_PACKED,),
    )


def _backend(case: Case) -> Iterator[Support]:
    """Leave open what becomes of an attention backend that is named, but for those that V0 takes anyway."""
    env = case.spec.command.env
    stated = case.spec.option("attention_backend") or env.get("VLLM_ATTENTION_BACKEND")
    below = (case.capability or 80) < 80  # noqa: PLR2004  flash attention 2
    if not stated or (case.engine()[0] == "vllm-v0" and stated in _KNOWN[below]):
        return
    yield Support(
        "unknown",
        f"Whether {case.title} serves with the attention backend {stated} on {case.gpu_title} is not known.",
        "A name that a release has not ends it, and backends need packages and compute capabilities of their own.",
        "Leave VLLM_ATTENTION_BACKEND and --attention-backend away.",
        (_BACKENDS,),
    )
