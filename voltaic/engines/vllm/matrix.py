"""The facts about vLLM as a matrix, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltaic.engines.base import MatrixCell
from voltaic.engines.versions import within
from voltaic.engines.vllm import capability
from voltaic.engines.vllm.releases import by_release, facts, holds, release, source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.versions import Version

_NVIDIA = "sm_"
_FLASH = 80
"""Compute capability from which FlashAttention 2 is used."""


def cells(text: str, arch: str) -> Iterator[MatrixCell]:
    """Yield every answer for a release on an architecture, the one on `starts` first."""
    known = release(text)
    if known is None:
        return
    version = known.version
    cell = capability.starts(version, arch)
    if cell is None:
        yield MatrixCell("starts", "", "unknown", source("engine"), message="no fact covers it")
        return
    number = int(arch.removeprefix(_NVIDIA)) if arch.startswith(_NVIDIA) else 0
    how = _engine(version, number) if cell.answer == "ok" else ""
    yield MatrixCell("starts", "", cell.answer, cell.source, how=how, message=cell.error or _note(cell))
    if cell.answer != "ok":
        return
    yield from _dtypes(version, number)
    yield from _weights(version, number)
    yield from _models(version, number)
    answer = "ok" if version >= (0, 5, 2) else "no"
    yield MatrixCell("route", "vllm serve", "ok" if answer == "ok" else "no", source("entry"))
    yield MatrixCell("feature", "tensor parallel", "ok", source("engine"), needs="heads and MLP divide evenly")


def _note(cell: capability.Cell) -> str:
    return cell.note if cell.answer == "unknown" else ""


def _engine(version: Version, number: int) -> str:
    if holds("engine", "v1_only", version):
        return "vllm-v1"
    if not holds("engine", "v1_default", version):
        return "vllm-v0"
    return "vllm-v1" if number >= by_release(facts()["engine"]["v1_capability"], version) else "vllm-v0"


def _dtypes(version: Version, number: int) -> Iterator[MatrixCell]:
    table = facts()["dtype"]
    yield MatrixCell("dtype", "float16", "ok", source("dtype"))
    if number >= table["bfloat16"]:
        yield MatrixCell("dtype", "bfloat16", "ok", source("dtype"))
    else:
        yield MatrixCell("dtype", "bfloat16", "no", source("dtype"), message=table["error"])
        fallen = holds("dtype", "auto_falls_back", version)
        yield MatrixCell(
            "dtype",
            "auto, of a bfloat16 checkpoint",
            "differs" if fallen else "no",
            source("dtype"),
            how="float16" if fallen else "",
            needs="" if fallen else "--dtype half",
            message="" if fallen else table["error"],
        )


def _weights(version: Version, number: int) -> Iterator[MatrixCell]:
    where = capability.section_source("methods")
    table = capability.facts()["methods"]
    for name in table["needs"]:
        needs = capability.method(name, version).needs
        if needs is None:
            continue
        enough = number >= needs
        message = "" if enough else table["error"].format(name, needs, number)
        yield MatrixCell("weights", name, "ok" if enough else "no", where, message=message)


def _models(version: Version, number: int) -> Iterator[MatrixCell]:
    where = capability.registry_source()
    families = capability.families()
    narrow = number < _FLASH
    odd = {*families["window"]["types"], *families["kernels"]["types"]} if narrow else set()
    wide = facts()["dtype"]["no_float16_types"] if narrow and holds("dtype", "no_float16", version) else ()
    for model_type, name in families["types"].items():
        if not capability.has_class(name, version):
            later = within(version, ">=0.7.2")
            message = f"no class {name}" + ("; that of Transformers may serve it" if later else "")
            yield MatrixCell("model", model_type, "unknown" if later else "no", where, message=message)
            continue
        trust = families["trust"].get(model_type)
        needs = "--trust-remote-code" if trust is not None and within(version, trust) else ""
        if model_type in odd and _engine(version, number) == "vllm-v0":
            message = "its kernels are hardly tried below compute capability 8.0"
            yield MatrixCell("model", model_type, "unknown", where, how=name, needs=needs, message=message)
        elif model_type in wide:
            yield MatrixCell("model", model_type, "differs", where, how=name, needs=needs, message="in float32")
        else:
            yield MatrixCell("model", model_type, "ok", where, how=name, needs=needs)
