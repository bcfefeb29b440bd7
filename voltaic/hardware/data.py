"""The GPU models of `gpus.toml`, by name and by node label."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from voltaic import facts_files
from voltaic.findings import Source
from voltaic.hardware.gpu import GpuModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GIB = 2**30
"""Bytes of one GiB."""
PRODUCT_LABEL = "nvidia.com/gpu.product"
_SHARED = "-SHARED"
_MIG = "-MIG-"


class UnknownGpuModel(LookupError):  # noqa: N818  (named for what it says, as its siblings are)
    """A GPU model that the facts do not cover."""

    def __init__(self, name: str) -> None:
        allowed = tuple(gpu.name for gpu in gpu_models())
        wanted = name.strip().lower()
        sizes = [known for known in allowed if wanted and known.startswith(f"{wanted}-")]
        close = sizes or get_close_matches(wanted, allowed, n=1)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else "."
        super().__init__(f"unknown GPU model {name!r}{hint} Known: {', '.join(allowed)}.")
        self.name = name
        self.suggestion = close[0] if close else None
        self.allowed = allowed


@cache
def table() -> Mapping[str, Any]:
    """Return `gpus.toml` as written, numbers with a point as decimals."""
    return MappingProxyType(facts_files.table(Path(__file__).with_name("gpus.toml"), decimals=True))


def _bytes(fact: Mapping[str, Any], rounding: str) -> int:
    return int((fact["gib"] * GIB).to_integral_value(rounding))


def _source(fact: Mapping[str, Any]) -> Source:
    return Source(fact["source"], fact["confidence"])


def _label_values(row: Mapping[str, Any]) -> tuple[str, ...]:
    values = tuple(row["label_values"])
    if row["label"] != PRODUCT_LABEL:
        return values
    with_vendor = tuple(f"NVIDIA-{value}" for value in values if not value.startswith("NVIDIA-"))
    return tuple(dict.fromkeys((*values, *with_vendor)))


def _model(row: Mapping[str, Any], warm_up: Mapping[str, Any]) -> GpuModel:
    capability = row.get("compute_capability")
    return GpuModel(
        name=row["name"],
        title=row["title"],
        vendor=row["vendor"],
        compute_capability=None if capability is None else (capability[0], capability[1]),
        gfx=row.get("gfx"),
        # A budget is rounded down and a cost up: whoever hits the edge must not be promised the last byte.
        usable_bytes=_bytes(row["usable"], ROUND_FLOOR),
        context_bytes=_bytes(row["context"], ROUND_CEILING),
        sampling_warm_up_bytes=_bytes(warm_up, ROUND_CEILING),
        resource_name=row["resource_name"],
        node_label=row["label"],
        node_label_values=_label_values(row),
        usable_source=_source(row["usable"]),
        context_source=_source(row["context"]),
        sampling_warm_up_source=_source(warm_up),
    )


@cache
def gpu_models() -> tuple[GpuModel, ...]:
    """Return all GPU models, in the order of the data file."""
    data = table()
    return tuple(_model(row, data["sampling_warm_up"]) for row in data["gpu"])


def _slices(row: Mapping[str, Any]) -> Iterator[GpuModel]:
    whole = next(gpu for gpu in gpu_models() if gpu.name == row["of"])
    for profile, gib in row["gib"].items():
        yield replace(
            whole,
            name=f"{whole.name}-mig-{profile}",
            title=f"{whole.title}, MIG {profile}",
            usable_bytes=int((gib * GIB).to_integral_value(ROUND_FLOOR)),
            usable_source=_source(row),
            # With the strategy `single` nodes keep the resource of whole GPUs and say the profile in the product.
            node_label_values=tuple(f"{value}-MIG-{profile}" for value in whole.node_label_values),
            slice_of=whole.name,
        )


@cache
def gpu_slices() -> tuple[GpuModel, ...]:
    """Return the slices (MIG) of the GPU models: `a100-40gb-mig-3g.20gb`."""
    return tuple(slice_ for row in table()["mig"] for slice_ in _slices(row))


@cache
def _by_name() -> Mapping[str, GpuModel]:
    return MappingProxyType({gpu.name: gpu for gpu in (*gpu_models(), *gpu_slices())})


def gpu_model(name: str) -> GpuModel:
    """Return the GPU model of this name, for example `v100-16gb`.

    Raises:
        UnknownGpuModel: no such model; the message has the nearest name and all names.
    """
    found = _by_name().get(name.strip().lower())
    if found is None:
        raise UnknownGpuModel(name)
    return found


@cache
def _by_label() -> Mapping[tuple[str, str], GpuModel]:
    every = (*gpu_models(), *gpu_slices())
    found = {(gpu.node_label, value): gpu for gpu in every for value in gpu.node_label_values}
    for label, values in table()["also"].items():
        if label not in {"source", "confidence"}:
            named = (label, *(other for other, meant in table()["same"].items() if meant == label))
            found.update({(own, value): _by_name()[name] for own in named for value, name in values.items()})
    return MappingProxyType(found)


def gpu_by_label(label: str, value: str) -> GpuModel | None:
    """Return the GPU model that a node label means; None where it means none, or a shared or divided GPU.

    Read are the product labels of NVIDIA and AMD, and those of clouds whose values mean one card.
    """
    return _by_label().get((label, value))


def label_problem(label: str, value: str) -> str | None:
    """Return why a node label names no whole GPU model of ours; None where it does name one."""
    if gpu_by_label(label, value) is not None:
        return None
    if label == PRODUCT_LABEL and value.endswith(_SHARED):
        return f"{label}={value}: the GPU is shared by time slicing, so its memory is not one workload's own"
    if label == PRODUCT_LABEL and _MIG in value:
        return f"{label}={value}: a MIG slice, whose memory is not that of the whole GPU"
    return f"{label}={value}: not a GPU model that voltaic knows"
