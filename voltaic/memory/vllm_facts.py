"""The facts of `vllm.toml`, as vLLM's bill uses them."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic.engines import data
from voltaic.engines.versions import within
from voltaic.units import GIB

if TYPE_CHECKING:
    from voltaic.engines.versions import Version
    from voltaic.findings import Source


@cache
def table() -> dict[str, Any]:
    """Return `vllm.toml`; read once."""
    return data.table(Path(__file__).with_name("vllm.toml"))


def _row(rows: Any, version: Version) -> Any:
    return next(value for releases, value in rows if within(version, releases))


@cache
def sources() -> tuple[Source, ...]:
    """Return where the terms of the bill come from."""
    return tuple(data.source(row["source"], row["confidence"]) for name, row in table().items() if name != "margin")


@lru_cache(maxsize=1024)
def margin(version: Version, *, calibrated: bool) -> float:
    """Return the share of the budget by which the estimate may err."""
    row = table()["margin"]
    met = calibrated and within(version, row["releases"])
    return float(row["calibrated" if met else "else"])


@lru_cache(maxsize=1024)
def sampler_bytes(version: Version, *, v1: bool, least: bool = False) -> float:
    """Return the bytes that one sampled row holds for each word of the vocabulary, the most or the least reported."""
    row = table()["sampler"]
    return float(_row(row["v1_least" if least else "v1"], version) if v1 else row["v0"])


@lru_cache(maxsize=1024)
def samples(version: Version, *, v1: bool, parts: bool) -> bool:
    """Return whether the first pass samples; `parts`: prompts are computed in parts."""
    return v1 or not parts or not within(version, table()["sampler"]["v0_parts"])


@lru_cache(maxsize=1024)
def non_torch(version: Version, *, v1: bool, many: bool, upper: bool) -> int:
    """Return the bytes that the driver gives to others than PyTorch from loading on."""
    name = ("v1" if v1 else "v0") + ("_upper" if upper else "")
    rows = table()["non_torch"][name]
    found = _row(rows, version) if v1 else rows
    return int(found[many] * GIB)


@lru_cache(maxsize=1024)
def context_inside(version: Version, *, v1: bool) -> bool:
    """Return whether the share of the memory covers the context of CUDA."""
    return within(version, table()["non_torch"]["v1_inside" if v1 else "v0_inside"])


@lru_cache(maxsize=1024)
def communication(version: Version, *, v1: bool, many: bool) -> int:
    """Return the bytes that communication takes before the model is loaded, beside the share."""
    if not v1 or not many:
        return 0
    return int(_row(table()["communication"]["many"], version) * GIB)


@lru_cache(maxsize=1024)
def doubtful(version: Version, arch: str, *, v1: bool, many: bool) -> tuple[int, int, int]:
    """Return how much less may be taken than is billed: where nobody measured, and of CUDA graphs.

    Bytes of communication beside the share, of others than PyTorch inside it, and of CUDA graphs.
    """
    size = graphs(version, v1=v1)[0] - int(table()["graphs"]["v1_least" if v1 else "v0_least"] * GIB)
    row = table()["communication"]
    if not (v1 and many) or arch in row["measured"] or not within(version, row["newer"]):
        return 0, 0, size
    inside = non_torch(version, v1=True, many=True, upper=True) - int(row["least_non_torch"] * GIB)
    return communication(version, v1=True, many=True) - int(row["least"] * GIB), inside, size


@lru_cache(maxsize=1024)
def graphs(version: Version, *, v1: bool) -> tuple[int, bool]:
    """Return the bytes of CUDA graphs, and whether the share covers them."""
    row = table()["graphs"]
    return int(row["v1" if v1 else "v0"] * GIB), v1 and within(version, row["inside"])
