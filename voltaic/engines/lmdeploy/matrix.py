"""What LMDeploy does, for one release on one architecture of GPUs, as a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.engines.base import MatrixCell
from voltaic.engines.lmdeploy import facts as known
from voltaic.engines.lmdeploy.facts import by_release, facts, holds, source
from voltaic.engines.versions import within

if TYPE_CHECKING:
    from collections.abc import Iterator


def cells(version: str, arch: str) -> Iterator[MatrixCell]:
    """Yield every answer for a release on an architecture, the one on `starts` first."""
    release = known.release(version)
    cell = None if release is None else known.starts(release, arch)
    if release is None or cell is None:
        return
    message = cell.error or (cell.note if cell.answer == "unknown" else "")
    yield MatrixCell("starts", "", cell.answer, cell.source, how="turbomind" * (cell.answer == "ok"), message=message)
    if cell.answer == "no":
        return
    number, at = int(arch.removeprefix("sm_")), release.version
    yield MatrixCell("dtype", "float16", "ok", source("dtype"))
    if number >= 80:  # noqa: PLR2004  bfloat16
        yield MatrixCell("dtype", "bfloat16", "ok", source("dtype"))
    else:
        own = holds("dtype", "own_check", at)
        what = "float16 instead" if own else "it asks torch, which says yes where bfloat16 is emulated"
        yield MatrixCell("dtype", "bfloat16", "differs" if own else "unknown", source("dtype"), message=what)
    for form in ("awq", "gptq", "fp8", "mxfp4"):
        needs = by_release(facts()["weights"][form], at)
        answer = "ok" if needs is not None and number >= needs else "no"
        message = "" if needs is None or number >= needs else f"needs compute capability {needs / 10:g}"
        yield MatrixCell("weights", form, "ok" if answer == "ok" else "no", source("weights"), message=message)
    for model_type, name in facts()["classes"]["types"].items():
        served = any(within(at, text) for text in known.class_releases(name))
        message = "" if served else "falls back to the PyTorch engine"
        how = name if served else ""
        yield MatrixCell(
            "model", model_type, "ok" if served else "differs", source("classes"), how=how, message=message
        )
    quantized = holds("cache", "kv_quantized", at)
    needs_heads = "heads of 128 elements" if quantized else ""
    answer_kv = "ok" if quantized else "unknown"
    yield MatrixCell(
        "feature",
        "KV cache in 4 or 8 bits",
        "ok" if answer_kv == "ok" else "unknown",
        source("cache"),
        needs=needs_heads,
    )
    yield MatrixCell("feature", "tensor parallel", "ok", source("split"), needs="a power of two GPUs")
