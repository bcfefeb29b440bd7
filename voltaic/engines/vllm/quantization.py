"""What becomes of quantized weights and of --quantization, and which dtype goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.versions import within
from voltaic.engines.vllm import capability
from voltaic.engines.vllm.releases import by_release, facts, holds, source
from voltaic.findings import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.vllm.case import Case

AT_LOAD: Final = frozenset({"fp8", "bitsandbytes"})
"""Methods that quantize an unquantized checkpoint while it is loaded."""
_BITSANDBYTES_ALONE: Final = ">=0.8.2"
"""Releases in which --quantization bitsandbytes sets the load format that it needs."""
_SAME: Final = {
    "awq": {"awq", "awq_marlin", "auto_awq", "moe_wna16"},
    "gptq": {"gptq", "gptq_marlin", "auto_gptq", "moe_wna16", "marlin", "gptq_marlin_24"},
}
"""Methods that serve a checkpoint of one kind."""


def findings(case: Case) -> Iterator[Support]:
    """Yield what is wrong about weights format and dtype: all that is not `ok`."""
    yield from _pair(case)
    yield from _needs(case)
    yield from _dtype(case)


def _minimum(number: int) -> str:
    return f"{number // 10}.{number % 10}"


def _pair(case: Case) -> Iterator[Support]:
    """Answer whether what is asked for goes with what the checkpoint is."""
    asked, found = case.asked_method, case.checkpoint_method
    if asked is None or case.arch is None:
        return
    if found is not None and asked != found and asked not in _SAME.get(found, ()):
        error = (
            f"Quantization method specified in the model config ({found}) does not match the quantization method "
            f"specified in the `quantization` argument ({asked})."
        )
        yield Support(
            "no",
            f"The weights are quantized by {found}, and --quantization is {asked}.",
            f"The server ends with {quoted(error)}",
            "Leave --quantization away: the checkpoint says how it is quantized.",
            (capability.section_source("methods"),),
        )
    elif found is None and asked not in AT_LOAD and capability.method(asked, case.version).known:
        yield Support(
            "no"
            if asked in {"awq", "awq_marlin", "gptq", "gptq_marlin", "marlin", "squeezellm", "aqlm"}
            else "unknown",
            f"--quantization is {asked}, and the checkpoint is not quantized.",
            f"{asked} reads weights that were quantized before; there is no description of them in this checkpoint: "
            '"Cannot find the config file for" it.',
            f"Choose a checkpoint that is quantized by {asked}, or leave --quantization away.",
            (capability.section_source("methods"),),
        )


def _needs(case: Case) -> Iterator[Support]:
    """Answer whether the GPU has the compute capability that the method needs."""
    name = case.method
    if name is None or case.capability is None:
        return
    method = capability.method(name, case.version)
    where = (capability.section_source("methods"),)
    if not method.known:
        yield Support(
            "unknown",
            f"Whether {case.title} serves weights quantized by {name} on {case.gpu_title} is not known.",
            "No fact covers this quantization.",
            "Use awq, gptq or an unquantized checkpoint.",
            where,
        )
        return
    if method.needs is None:
        yield Support(
            "no",
            f"{case.title} has no quantization method {name}.",
            "The methods that a release has are built into it.",
            "Use another release, or another checkpoint.",
            where,
        )
        return
    if case.capability < method.needs:
        error = facts_error("error").format(name, method.needs, case.capability)
        yield Support(
            "no",
            f"{case.title} does not serve {name} weights on {case.gpu_title}: it ends with {quoted(error)}",
            f"The kernels of {name} need compute capability {_minimum(method.needs)}.",
            _instead(case),
            where,
        )
    elif name == "compressed-tensors":
        yield from _schemes(case)
    elif name == "bitsandbytes" and not _formatted(case):
        yield Support(
            "unknown",
            f"Whether {case.title} serves bitsandbytes weights without --load-format bitsandbytes is not known.",
            "Newer releases set the load format by themselves.",
            "Write --load-format bitsandbytes.",
            where,
        )
    elif name == "bitsandbytes":
        yield from _packed(case)


def _packed(case: Case) -> Iterator[Support]:
    """Answer for models that bitsandbytes does not know how to pack, and for experts, which few releases pack."""
    lacks = capability.families()["no_bitsandbytes"].get(case.model_type)
    if lacks is not None and within(case.version, lacks):
        name = case.classes[0] if case.classes else case.model_type
        error = f"Model {name} does not support BitsAndBytes quantization yet."
        yield Support(
            "no",
            f"{case.title} does not quantize {case.model_type} by bitsandbytes.",
            f"It ends with {quoted(error)}",
            "Leave --quantization away." if case.checkpoint_method is None else "Use another checkpoint.",
            (capability.families_source(),),
        )
    elif case.arch is not None and case.arch.experts is not None:
        yield Support(
            "unknown",
            f"Whether {case.title} serves the experts of {case.model_type} by bitsandbytes is not known.",
            "Experts are packed apart from other layers, which releases learned one after the other.",
            "Leave --quantization away." if case.checkpoint_method is None else "Use another checkpoint.",
            (capability.families_source(),),
        )


def _formatted(case: Case) -> bool:
    return case.spec.option("load_format") == "bitsandbytes" or within(case.version, _BITSANDBYTES_ALONE)


def facts_error(key: str) -> str:
    """Return an error of the quantization methods, with places for numbers."""
    return str(capability.facts()["methods"][key])


def _schemes(case: Case) -> Iterator[Support]:
    arch = case.arch
    if arch is None or arch.quantization is None or case.capability is None:
        return
    table = capability.facts()["methods"]["schemes"]
    rows = table.get(str(arch.quantization.bits))
    least = max(by_release(rows, case.version) for rows in (table["4"], table["8"]))
    needed = by_release(rows, case.version) if rows is not None else None
    if needed is None:
        if case.capability < least:
            yield Support(
                "unknown",
                f"Whether {case.title} serves these compressed-tensors weights on {case.gpu_title} is not known.",
                "What their scheme needs depends on the bits of weights and activations.",
                "Use an unquantized checkpoint, or one by GPTQ.",
                (capability.section_source("methods"),),
            )
    elif case.capability < needed:
        error = table["error"].format(needed, case.capability)
        yield Support(
            "no",
            f"{case.title} does not serve {arch.quantization.bits}-bit compressed-tensors weights on {case.gpu_title}: "
            f"it ends with {quoted(error)}",
            f"Their kernels need compute capability {_minimum(needed)}.",
            _instead(case),
            (capability.section_source("methods"),),
        )


def _instead(case: Case) -> str:
    """Return what serves on this GPU instead."""
    gptq = capability.method("gptq", case.version).needs
    other = "one by GPTQ, or " if gptq is not None and (case.capability or 0) >= gptq else ""
    if case.asked_method is not None and case.checkpoint_method is None:
        return "Leave --quantization away."
    return f"Use another checkpoint: {other}one that is not quantized."


def _dtype(case: Case) -> Iterator[Support]:
    """Answer whether the dtype that will be used works on this GPU, with this family and these weights."""
    table, dtype = facts()["dtype"], case.dtype
    wide = case.capability is None or case.capability >= table["bfloat16"]
    said = "--dtype bfloat16" if case.asked_dtype == "bfloat16" else "the checkpoint is bfloat16, and --dtype is auto"
    if dtype == "bfloat16" and not wide:
        yield Support(
            "no",
            f"{case.title} does not serve bfloat16 on {case.gpu_title}: {said}.",
            f"It ends with {quoted(table['error'])} It asks for --dtype=half.",
            "Write --dtype half." if not case.float16_refused else "Use a GPU with compute capability 8.0 or newer.",
            (source("dtype"),),
        )
    if dtype == "float16" and case.float16_refused:
        yield Support(
            "no",
            f"{case.title} does not serve the model type {case.model_type} in float16.",
            f"It ends with {quoted(f'The model type {case.model_type!r} ' + table['no_float16_error'])}",
            "Leave --dtype away." if wide else "Use a GPU with compute capability 8.0 or newer.",
            (source("dtype"),),
        )
    if dtype is not None and case.method is not None and (dtype != "bfloat16" or wide):
        yield from _of_activations(case, case.method, dtype)


def _of_activations(case: Case, name: str, dtype: str) -> Iterator[Support]:
    """Answer whether the method that serves the weights takes activations of this dtype."""
    method, where = capability.method(name, case.version), (capability.section_source("methods"),)
    said = f"--dtype is {dtype}" if case.asked_dtype == dtype else f"the checkpoint is {dtype}, and --dtype is auto"
    if method.dtypes is None and method.known:
        fix = "Write --dtype half."
        message = f"Whether {case.title} serves {name} weights with activations in {dtype} is not known."
        if dtype == "float32":
            yield Support("unknown", message, "Releases before do not, and newer ones do.", fix, where)
    elif method.dtypes is not None and method.known and dtype not in method.dtypes:
        allowed = ", ".join(f"torch.{known}" for known in method.dtypes)
        error = f"torch.{dtype} is not supported for quantization method {name}. Supported dtypes: [{allowed}]"
        yield Support(
            "no",
            f"{case.title} serves {name} weights in {' or '.join(method.dtypes)} only, and {said}.",
            f"It ends with {quoted(error)}",
            f"Write --dtype {'half' if 'float16' in method.dtypes else method.dtypes[0]}.",
            where,
        )


def quantizes_at_load(case: Case) -> bool:
    """Return whether bitsandbytes is applied to an unquantized checkpoint in this release on this GPU."""
    needs = capability.method("bitsandbytes", case.version).needs
    enough = needs is not None and (case.capability or 0) >= needs and within(case.version, _BITSANDBYTES_ALONE)
    return enough and not any(_packed(case))


def auto_falls_back(case: Case) -> bool:
    """Return whether --dtype auto takes another dtype where the checkpoint's does not work."""
    return holds("dtype", "auto_falls_back", case.version)
