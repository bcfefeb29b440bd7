"""What becomes of a requested quantization, of a quantized checkpoint and of --dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines.base import Support
from voltaic.engines.tgi import capability
from voltaic.engines.tgi.capability import Question
from voltaic.engines.tgi.families import families
from voltaic.engines.tgi.options import options
from voltaic.engines.tgi.support import sentence
from voltaic.engines.versions import within
from voltaic.findings import Source, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.base import Implementation
    from voltaic.engines.tgi.capability import Cell
    from voltaic.engines.tgi.case import Case

_ONLY_ONE: Final = "Only 1 can be set between `dtype` and `quantize`, as they both decide how goes the final model."
_ONLY_ONE_SOURCE: Final = Source(
    "server/text_generation_server/cli.py of 1.1.0 to 3.3.7; launcher/src/main.rs from 2.3.0"
)
_BITSANDBYTES: Final = frozenset({"bitsandbytes", "bitsandbytes-nf4", "bitsandbytes-fp4"})
_LAUNCHER_READS_CONFIG: Final = (2, 3, 0)  # from here on the launcher passes on what config.json says
_AUTO_SELECTS: Final = (2, 0, 0)  # from here on the server applies the method that config.json names
_BITSANDBYTES_WITH_DTYPE: Final = (1, 2, 0)


def findings(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Yield what is wrong about quantization, by the implementations that may serve the model."""
    if case.quantize is None and case.checkpoint_method is None:
        return
    if not ways and (refused := _refused_by_dispatcher(case)) is not None:
        yield refused
    for way in sorted(ways):
        support = _method(case, way)
        if support is not None:
            yield support


def loaded(case: Case, way: Implementation, dtype: str) -> str:
    """Return the weights format that this implementation really loads: a method, or the dtype where none is applied."""
    method, asked = case.checkpoint_method, case.quantize
    if method is not None:
        return method
    if asked is None:
        return dtype
    cell = _cell(case, way, asked, "plain")
    return asked if cell is not None and cell.answer == "ok" else dtype


def dtype(case: Case) -> Iterator[Support]:
    """Refuse --dtype beside a quantization that decides the format too."""
    asked = case.spec.option("dtype")
    if asked is None:
        return
    effective, found = case.quantize, ""
    if effective is None and case.version >= _LAUNCHER_READS_CONFIG:
        method = case.checkpoint_method
        if method in options().by_name["quantize"].values(case.version):
            effective, found = method, " (found in config.json)"
    if effective is None or (effective in _BITSANDBYTES and case.version >= _BITSANDBYTES_WITH_DTYPE):
        return
    fix = "Leave --dtype away."
    if not found:
        fix = f"Leave --dtype {asked} or --quantize {effective} away."
    yield Support(
        "no",
        f"--dtype {asked} and the quantization {effective}{found} exclude each other: the shard ends with "
        f'"{_ONLY_ONE}"',
        "Both decide in which format the weights are held.",
        fix,
        (_ONLY_ONE_SOURCE,),
    )


def _cell(case: Case, way: Implementation, value: str, checkpoint: str) -> Cell | None:
    question = Question("quantize", case.model_type, way, value, checkpoint)
    return capability.answer(question, case.version, case.arch)


def _method(case: Case, way: Implementation) -> Support | None:
    """Answer for one implementation; None where it does what was asked."""
    refused = _refused_by_dispatcher(case) if way == "transformers-fallback" else None
    if refused is not None:
        return refused
    method, asked = case.checkpoint_method, case.quantize
    if method is not None and asked not in {None, method} and way != "transformers-fallback":
        return _mixed(case, method)
    value = method or asked or ""
    checkpoint = "plain" if method is None else "same"
    cell = _cell(case, way, value, checkpoint)
    named = case.spec.model.id is not None and value.lower() in case.spec.model.id.lower()
    if cell is not None and cell.answer == "ok":
        return None
    if cell is None or cell.answer == "unknown" or (checkpoint == "plain" and cell.answer == "no" and named):
        return _unknown(case, value, way)
    if cell.answer == "ignored":
        return _ignored(case, value, cell)
    return _refused(case, value, method, cell)


def _refused_by_dispatcher(case: Case) -> Support | None:
    """Return the dispatcher's own refusal, for families without a branch of their own."""
    family, value = case.family, case.quantize
    if value is None and case.checkpoint_method in {"gptq", "awq", "exl2"} and case.version >= _AUTO_SELECTS:
        value = case.checkpoint_method  # the server selects it by itself
    if family is None or value is None:
        return None
    route = family.route(case.version)
    if route is not None and (route.flash if case.flash else route.unsharded).way != "generic":
        return None
    rows = families().generic.quantize.get(value, ())
    error = next((error for releases, error in rows if within(case.version, releases)), None)
    if error is None:
        return None
    return Support(
        "no",
        f"{case.title} refuses the quantization {value} for {case.model_title}: the shard ends with {quoted(error)}",
        "Transformers' AutoModel, which serves this family here, takes 8 bit bitsandbytes only.",
        _without(case, value),
        (families().source,),
    )


def _without(case: Case, value: str) -> str:
    if case.checkpoint_method is not None:
        return f"Choose the repository of this model that is not quantized by {value}."
    instead = ", or write --quantize bitsandbytes for 8 bit weights" if _bitsandbytes_works(case) else ""
    return f"Leave --quantize {value} away{instead}."


def _bitsandbytes_works(case: Case) -> bool:
    cell = _cell(case, "transformers-fallback", "bitsandbytes", "plain")
    return not case.flash and cell is not None and cell.answer == "ok"


def _mixed(case: Case, method: str) -> Support:
    return Support(
        "unknown",
        f"Whether {case.title} loads weights quantized by {method} with --quantize {case.quantize} is not known.",
        "The repository and the option name different methods.",
        f"Leave --quantize away, or write --quantize {method}.",
    )


def _unknown(case: Case, value: str, way: Implementation) -> Support:
    return Support(
        "unknown",
        f"Whether {case.title} serves {case.model_title} quantized by {value} on {case.gpu_title} is not known.",
        f"No fact covers this method for the {way} implementation on this GPU.",
        _without(case, value),
    )


def _ignored(case: Case, value: str, cell: Cell) -> Support:
    dtype = case.spec.option("dtype", "float16")
    return Support(
        "no",
        f"--quantize {value} does nothing: {case.title} loads {case.model_title} in {dtype} on {case.gpu_title}.",
        sentence(cell.note),
        _without(case, value),
        (cell.source,),
    )


def _refused(case: Case, value: str, method: str | None, cell: Cell) -> Support:
    what = f"weights quantized by {value}" if method is not None else f"--quantize {value}"
    ends = f': the shard ends with "{cell.error}"' if cell.error else ""
    return Support(
        "no",
        f"{case.title} cannot use {what} for {case.model_title} on {case.gpu_title}{ends}.",
        sentence(cell.note),
        _without(case, value),
        (cell.source,),
    )
