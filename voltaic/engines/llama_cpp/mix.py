"""Bytes of a model's tensors in a GGUF file, from the architecture and the file's type; facts in mix.toml."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import data
from voltaic.models.gguf import ggml_types
from voltaic.models.parameters import embedding_tensors, head_tensors, layer_tensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voltaic.findings import Source
    from voltaic.models.architecture import Architecture
    from voltaic.models.gguf import GgmlType
    from voltaic.models.gguf_files import GgufWeights
    from voltaic.models.parameters import Tensor

_TYPE: Final = re.compile(
    r"(?<![A-Z0-9])(UD-)?(I?Q[0-9](?:_[A-Z0-9]+)*|[BF]?F?[F]?P?(?:16|32)|MXFP4(?:_MOE)?)(?![A-Z0-9])"
)
_PARTS: Final = MappingProxyType(
    {"gate_up": "up", "expert_gate": "gate", "expert_up": "up", "expert_gate_up": "up", "expert_down": "down"}
)
_FALCON: Final = "falcon"


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of a file's tensors, by where they lie."""

    embedding: int
    """The table of tokens, which stays in host memory."""
    layers: tuple[int, ...]
    """Each decoder layer."""
    end: int
    """What comes after the last layer: its norm and the head, a copy of the table where that is tied."""
    file: int
    """All tensors of the file."""
    largest: int
    """Elements of the largest matrix of a layer."""
    quantized: bool


@cache
def table() -> Mapping[str, Any]:
    """Return mix.toml as written."""
    return MappingProxyType(data.table(Path(__file__).with_name("mix.toml")))


@cache
def source() -> Source:
    """Return where the mixes come from."""
    return data.source(table()["source"], table()["confidence"])


@lru_cache(maxsize=1024)
def file_type(name: str) -> str | None:
    """Return the type of a file that its name or tag says, `Q4_K_M`; None where it says none that is known."""
    found = None
    for match in _TYPE.finditer(name.upper()):
        kind = table()["again"].get(match[2], match[2])
        found = None if match[1] else kind if kind in table()["base"] else found
    return found


@cache
def _rows(kind: str) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in table()["rows"]:
        if kind in row["files"]:
            found.setdefault(row["part"], []).append(row)
    return MappingProxyType({part: tuple(rows) for part, rows in found.items()})


def _holds(when: str | None, layer: int, arch: Architecture) -> bool:
    layers = arch.layers
    if when is None:
        return True
    if when == "more_bits":
        return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2  # noqa: PLR2004
    bounds = {"first_eighth": layers // 8, "first_sixteenth": layers // 16, "first_two": 2, "first_four": 4}
    if when in bounds:
        return layer < bounds[when]
    experts = arch.experts.count if arch.experts is not None else 0
    return {
        "gqa4": arch.heads // max(1, arch.kv_heads) >= 4,  # noqa: PLR2004  as the quantizer has it
        "experts8": experts == 8,  # noqa: PLR2004  as the quantizer has it
        "layers80": layers == 80 and arch.family in {"llama", "qwen2"},  # noqa: PLR2004  as the quantizer has it
    }[when]


def _type(kind: str, tensor: Tensor, part: str, layer: int, arch: Architecture) -> GgmlType:
    """Return how a tensor is stored."""
    types = ggml_types()
    if len(tensor.shape) < 2 or tensor.role in {"norm", "router", "positions"}:  # noqa: PLR2004  vectors stay as they are
        return types["F32"]
    columns = tensor.inputs or tensor.shape[-1]
    name = str(table()["base"][kind])
    if part == "head" and arch.family == _FALCON and kind not in {"F16", "F32", "BF16"}:
        name = "Q8_0"
    else:
        rows = _rows(kind).get("expert" if tensor.role.startswith("expert") and kind == "MXFP4_MOE" else part, ())
        name = next((str(row["type"]) for row in rows if _holds(row.get("when"), layer, arch)), name)
    if columns % types[name].weights:
        name = "Q8_0" if part == "head" else str(table()["fallback"].get(name, "F16"))
    if columns % types[name].weights:
        name = "F16"
    return types[name]


def _bytes(kind: str, tensors: Iterable[Tensor], layer: int, arch: Architecture) -> int:
    total = 0
    for tensor in tensors:
        part = _PARTS.get(tensor.role, tensor.role)
        total += tensor.count * _type(kind, tensor, part, layer, arch).size(prod(tensor.shape))
    return total


@lru_cache(maxsize=1024)
def weights(arch: Architecture, kind: str) -> Weights:
    """Return the bytes of a model's tensors in a file of that type."""
    before = tuple(embedding_tensors(arch))
    after = tuple(head_tensors(arch))
    tied = not any(tensor.role == "head" and len(tensor.shape) > 1 for tensor in after)
    words = [tensor for tensor in before if tensor.role == "embedding"]
    embedding = sum(
        _type(kind, tensor, "head" if tied else "embedding", 0, arch).size(prod(tensor.shape)) for tensor in words
    )
    rest = _bytes(kind, (tensor for tensor in before if tensor.role != "embedding"), 0, arch)
    end = _bytes(kind, after, 0, arch)
    layers, largest = [], 0
    for index in range(arch.layers):
        tensors = tuple(layer_tensors(arch, index))
        layers.append(_bytes(kind, tensors, index, arch))
        largest = max(largest, *(prod(tensor.shape) for tensor in tensors))
    file = embedding + rest + sum(layers) + end
    quantized = kind not in {"F16", "F32", "BF16"}
    return Weights(embedding + rest, tuple(layers), end + (embedding if tied else 0), file, largest, quantized)


def of_file(file: GgufWeights) -> Weights:
    """Return the bytes of a file whose header was read."""
    return Weights(file.embedding, file.layers, file.end, file.total, file.largest, file.quantized)
