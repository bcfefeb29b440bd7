"""What llama.cpp does, for one build on one architecture of GPUs, as a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.engines.base import MatrixCell
from voltaic.engines.llama_cpp import facts as known
from voltaic.engines.llama_cpp import mix
from voltaic.engines.llama_cpp.facts import facts, source

if TYPE_CHECKING:
    from collections.abc import Iterator


def cells(version: str, arch: str) -> Iterator[MatrixCell]:
    """Yield every answer for a build on an architecture, the one on `starts` first."""
    build = known.build_of(version)
    cell = None if build is None else known.starts(build.flavour or "cuda", arch)
    if build is None or cell is None:
        return
    needs = "the CUDA 12 image; driver 570 or newer" if cell.answer == "ok" and arch == "sm_70" else ""
    how = "llama.cpp" if cell.answer == "ok" else ""
    yield MatrixCell("starts", "", cell.answer, cell.source, how=how, needs=needs, message=cell.error)
    if cell.answer == "no":
        return
    for kind in mix.table()["base"]:
        yield MatrixCell("weights", kind, "ok", mix.source())
    for model_type, row in facts()["models"]["types"].items():
        old = build.number < row["since"]
        message = f"known of b{row['since']} and newer" if old else ""
        answer = "unknown" if old else "ok"
        yield MatrixCell(
            "model",
            model_type,
            "unknown" if answer == "unknown" else "ok",
            source("models"),
            how=row["gguf"],
            message=message,
        )
    table, where = facts()["defaults"], source("defaults")
    yield MatrixCell("feature", "layers split over GPUs", "ok", where)
    if build.number >= table["row_gone"]:
        yield MatrixCell("feature", "rows split over GPUs", "no", source("flash"), message=facts()["flash"]["row"])
    else:
        yield MatrixCell("feature", "rows split over GPUs", "unknown", source("flash"))
    yield MatrixCell("feature", "tensors split over GPUs", "unknown", where, message="experimental")
