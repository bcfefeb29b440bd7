"""The data type in which a model is served, and where flash attention does not take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.engines.base import Support
from voltaic.engines.tgi.support import sentence
from voltaic.engines.versions import within
from voltaic.findings import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.base import Implementation
    from voltaic.engines.tgi.case import Case


def dtype_of(case: Case, implementation: Implementation) -> str:
    """Return the data type of what is not quantized: that asked for, else the family's own wish, else float16."""
    asked = case.spec.option("dtype")
    if isinstance(asked, str):
        return asked
    family = case.family
    quantized = case.quantize or case.checkpoint_method
    if implementation == "flash" and family is not None and family.bf16 is not None:
        # Methods that only work with 16 bit floats of the other kind come before the family's own wish.
        wished = within(case.version, family.bf16) and quantized not in {"awq", "gptq", "exl2", "marlin"}
        return "bfloat16" if wished else "float16"
    return "float16"


def flash_bfloat16(case: Case, ways: set[Implementation]) -> Iterator[Support]:
    """Refuse bfloat16 where flash attention does not take it."""
    if "flash" not in ways or dtype_of(case, "flash") != "bfloat16":
        return
    cell = case.ask("flash-bfloat16")
    if cell is None or cell.answer == "ok":
        return
    own = "" if case.spec.option("dtype") else f", which {case.model_title} is served in unless told otherwise"
    yield Support(
        "no",
        f"{case.title} cannot use bfloat16{own} on {case.gpu_title}: the shard ends with {quoted(cell.error)}",
        sentence(cell.note),
        "Write --dtype float16.",
        (cell.source,),
    )
