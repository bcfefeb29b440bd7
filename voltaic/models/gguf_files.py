"""What GGUF files on this machine hold, from their headers: which file is whole, and the bytes of each layer."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, Final

from voltaic.models.fields import Fields, shown
from voltaic.models.gguf import InvalidGguf, gguf_header

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from voltaic.models.gguf import GgufHeader

MOST_FILES: Final = 4096
"""Files of a folder that are looked at, and parts of one model."""
MOST_LAYERS: Final = 10_000
MOST_BYTES: Final = 2**50
WORDS: Final = "token_embd.weight"
"""The table of tokens, elements x tokens."""
_PART: Final = re.compile(r"(?P<name>.+)-(?P<number>[0-9]{5})-of-(?P<count>[0-9]{5})\.gguf", re.ASCII)
_LAYER: Final = re.compile(r"blk\.(?P<layer>[0-9]{1,9})\.(?P<rest>.+)", re.ASCII)
_SINGLE_EXPERT: Final = re.compile(r"ffn_(?:gate|up|down)\.[0-9]+\.weight", re.ASCII)
_INPUT: Final = ("token_embd", "position_embd", "token_types", "per_layer_token_embd")
_PLAIN: Final = frozenset({"F32", "F16", "BF16", "F64"})


@dataclass(frozen=True, slots=True)
class GgufWeights:
    """What llama.cpp needs to know of a file's tensors, all sizes in bytes."""

    name: str
    """Name of the file, of the first part where there are several."""
    type: str
    """Type that most bytes of its layers have: `Q4_K`."""
    embedding: int
    """Tables of tokens and positions, which stay in host memory."""
    layers: tuple[int, ...]
    """Each decoder layer."""
    end: int
    """What comes after the last layer, a copy of the table of tokens where that is the head."""
    total: int
    """All tensors of the file."""
    largest: int
    """Elements of the largest matrix of a layer; of stacked experts, of one of them."""
    quantized: bool
    split_experts: bool = False
    """True: each expert has tensors of its own, as files of 2023 have."""
    alone: bool = False
    """True: there is no config.json beside it, and so no checkpoint for other engines; the header told the shapes."""

    def document(self) -> dict[str, Any]:
        """Return it as an object of JSON, which `weights_of` reads back."""
        return {**asdict(self), "layers": list(self.layers)}


def weights_of(content: Mapping[str, Any], faults: list[str]) -> GgufWeights | None:
    """Read a document back; None, and faults that say why, where it is not one."""
    fields = Fields(content)
    known = tuple(GgufWeights.__dataclass_fields__)
    for key in content:
        if key not in known:
            fields.fault(str(key), f"unknown key; known keys: {', '.join(known)}")
    texts = {key: fields.text([key]) for key in ("name", "type")}
    sizes = {key: fields.count([key], MOST_BYTES, needed="a size") for key in ("total", "largest")}
    wholes = {key: fields.whole([key], MOST_BYTES) for key in ("embedding", "end")}
    layers = fields.numbers(["layers"], MOST_BYTES)
    flags = {key: fields.flag([key], absent=False) for key in ("quantized", "split_experts", "alone")}
    for key, value in (texts | {"layers": layers}).items():
        if value is None and not any(fault.startswith(f"{key}:") for fault in fields.faults):
            fields.fault(key, "missing")
    faults.extend(fields.faults)
    if fields.faults:
        return None
    values: dict[str, Any] = {**texts, **sizes, **wholes, **flags, "layers": tuple(layers or ())}
    return GgufWeights(**values)


def files_of(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the GGUF files of a folder by name, the parts of a split one under the name of its first.

    Projectors (`mmproj…`) and importance matrices (`imatrix…`) are no models and are left out.
    """
    found: dict[str, tuple[Path, ...]] = {}
    files = sorted(file for file in folder.glob("*.gguf") if file.is_file())[:MOST_FILES]
    for file in files:
        if re.search(r"mmproj|imatrix", file.name.lower()):
            continue
        part = _PART.fullmatch(file.name)
        if part is None:
            found[file.name] = (file,)
        elif int(part["number"]) == 1:
            count = min(int(part["count"]), MOST_FILES)
            names = (f"{part['name']}-{number:05}-of-{part['count']}.gguf" for number in range(1, count + 1))
            found[file.name] = tuple(folder / name for name in names)
    return found


def header_of(parts: Sequence[Path]) -> GgufHeader:
    """Return the header of a file of several parts: the metadata of the first, the tensors of all.

    Raises:
        InvalidGguf: a part is missing, or is no GGUF.
        OSError: a part cannot be read.
    """
    missing = [part.name for part in parts if not part.is_file()]
    if missing:
        raise InvalidGguf(f"{parts[0]}: {missing[0]} is missing; llama.cpp loads all {len(parts)} parts or none.")
    headers = [gguf_header(part) for part in parts]
    return replace(headers[0], tensors=tuple(tensor for header in headers for tensor in header.tensors))


def summed(where: str, header: GgufHeader, layers: int) -> GgufWeights:
    """Return the bytes of a file by where llama.cpp puts them.

    Args:
        where: the file.
        header: of all its parts.
        layers: decoder layers that its metadata states.

    Raises:
        InvalidGguf: it lacks a layer or the table of tokens, or has more layers than it states.
    """
    sizes, largest, types = [0] * layers, 0, dict[str, int]()
    embedding = end = words = 0
    split = head = False
    for tensor in header.tensors:
        inner = _LAYER.fullmatch(tensor.name)
        if inner is None:
            words += tensor.bytes if tensor.name == WORDS else 0
            head |= tensor.name == "output.weight"
            if tensor.name.startswith(_INPUT):
                embedding += tensor.bytes
            else:
                end += tensor.bytes
            continue
        layer = int(inner["layer"])
        if layer >= layers:
            raise InvalidGguf(
                f"{where}: not a usable GGUF file: the tensor {shown(tensor.name)} beside {layers} layers."
            )
        sizes[layer] += tensor.bytes
        types[tensor.type.name] = types.get(tensor.type.name, 0) + tensor.bytes
        split |= _SINGLE_EXPERT.fullmatch(inner["rest"]) is not None
        largest = max(largest, prod(tensor.shape[:2]))
    if not words:
        raise InvalidGguf(f"{where}: not a usable GGUF file: it has no tensor {WORDS}.")
    if 0 in sizes:
        raise InvalidGguf(f"{where}: not a usable GGUF file: layer {sizes.index(0)} of {layers} has no tensor.")
    return GgufWeights(
        name=where.rpartition("/")[2],
        type=max(types, key=lambda kind: types[kind]),
        embedding=embedding,
        layers=tuple(sizes),
        end=end + (0 if head else words),
        total=header.tensor_bytes,
        largest=largest,
        quantized=not types.keys() <= _PLAIN,
        split_experts=split,
    )
