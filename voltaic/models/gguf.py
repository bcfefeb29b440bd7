"""GGUF files: the types of their tensors, and their headers. Weights are never read."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any

from voltaic import facts_files
from voltaic.findings import Source
from voltaic.models.fields import shown

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

MOST_HEADER_BYTES = 128 * 2**20
"""Bytes of metadata and tensor table that are read: the vocabulary and merges of a published file are a tenth of it."""
MOST_ENTRIES = 2**20
"""Metadata entries, and tensors, of one file."""
MOST_TEXT_BYTES = 4 * 2**20
"""Bytes of one text: the longest chat template is a hundredth of it."""
MOST_KEPT = 4096
"""Elements of an array that are kept; of a longer one (a vocabulary) only the length is."""
MOST_DIMENSIONS = 4
"""Dimensions of a tensor of ggml."""
MOST_TENSOR_BYTES = 2**50
_CHUNK = 2**20
_VERSIONS = (2, 3)
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _ARRAY = 8, 9


class InvalidGguf(ValueError):  # noqa: N818  (named for what it says, as its siblings are)
    """A file that is no GGUF, or whose header cannot be used."""


@dataclass(frozen=True, slots=True)
class GgmlType:
    """How the weights of one tensor are stored: in blocks, each with its scales."""

    name: str
    """`Q4_K`."""
    id: int
    """Number in the file."""
    weights: int
    """Weights in a block."""
    bytes: int
    """Bytes of a block."""

    @property
    def bits_per_weight(self) -> float:
        """Bits that a weight takes, its share of the scales included."""
        return 8 * self.bytes / self.weights

    def size(self, elements: int) -> int:
        """Return the bytes of this many elements; rows are whole blocks."""
        return -(-elements // self.weights) * self.bytes


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor of a file."""

    name: str
    shape: tuple[int, ...]
    """Elements in each dimension, the fastest first, as the file has it: inputs before outputs."""
    type: GgmlType

    @property
    def bytes(self) -> int:
        """Bytes of the tensor."""
        return self.type.size(prod(self.shape))


@dataclass(frozen=True, slots=True)
class LongArray:
    """An array of the metadata of which only the length is kept."""

    length: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says before its weights."""

    version: int
    metadata: Mapping[str, Any]
    """Values by key: numbers, texts, truth values, tuples of these, or `LongArray`."""
    tensors: tuple[GgufTensor, ...]

    @property
    def tensor_bytes(self) -> int:
        """Bytes of all tensors, without the padding between them."""
        return sum(tensor.bytes for tensor in self.tensors)


@cache
def _table() -> Mapping[str, Any]:
    return MappingProxyType(facts_files.table(Path(__file__).with_name("gguf_types.toml")))


@cache
def ggml_types() -> Mapping[str, GgmlType]:
    """Return the types of stored tensors by their names."""
    return MappingProxyType({name: GgmlType(name, **row) for name, row in _table()["types"].items()})


@cache
def _by_number() -> Mapping[int, GgmlType]:
    return MappingProxyType({kind.id: kind for kind in ggml_types().values()})


@cache
def ggml_types_source() -> Source:
    """Return where the table of types comes from."""
    return Source(_table()["source"], _table()["confidence"])


class _Reader:
    """Takes values from a file one after the other, never more than the bound, never past its end."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self._stream = stream
        self.where = where
        self._buffer = b""
        self._at = 0
        self._read = 0

    def fail(self, why: str) -> InvalidGguf:
        return InvalidGguf(f"{self.where}: not a usable GGUF file: {why}.")

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._buffer):
            self._fill(count)
            end = count
        found = self._buffer[self._at : end]
        self._at = end
        return found

    def _fill(self, count: int) -> None:
        rest = self._buffer[self._at :]
        content = self._stream.read(max(_CHUNK, count - len(rest)))
        self._read += len(content)
        if self._read > MOST_HEADER_BYTES + _CHUNK:
            raise self.fail(f"its header is larger than {MOST_HEADER_BYTES // 2**20} MiB")
        self._buffer, self._at = rest + content, 0
        if len(self._buffer) < count:
            raise self.fail("it ends within its header")

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def count(self, what: str, most: int = MOST_ENTRIES) -> int:
        found: int = self.number("<Q")
        if found > most:
            raise self.fail(f"{found} {what}, at most {most} are read")
        return found

    def text(self) -> str:
        return self.take(self.count("bytes of text", MOST_TEXT_BYTES)).decode("utf-8", errors="replace")

    def value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self.text()
        if kind == _ARRAY:
            return self.array()
        layout = _SCALARS.get(kind)
        if layout is None:
            raise self.fail(f"a value of the unknown type {kind}")
        return self.number(layout)

    def array(self) -> tuple[Any, ...] | LongArray:
        kind = self.number("<I")
        if kind == _ARRAY:
            raise self.fail("an array of arrays")
        length = self.count("elements of an array", MOST_HEADER_BYTES)
        if length <= MOST_KEPT:
            return tuple(self.value(kind) for _ in range(length))
        if kind == _TEXT:
            for _ in range(length):
                self.take(self.count("bytes of text", MOST_TEXT_BYTES))
        elif kind in _SCALARS:
            left = length * struct.calcsize(_SCALARS[kind])
            while left:
                left -= len(self.take(min(left, _CHUNK)))
        else:
            raise self.fail(f"an array of the unknown type {kind}")
        return LongArray(length)


def gguf_header(path: str | os.PathLike[str]) -> GgufHeader:
    """Read metadata and tensor table of a GGUF file, of which nothing behind them need be there.

    Raises:
        InvalidGguf: not GGUF of version 2 or 3, cut short, of a tensor type that is not known, or absurd.
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as stream:
        return _header(_Reader(stream, str(path)))


def _header(reader: _Reader) -> GgufHeader:
    if reader.take(4) != b"GGUF":
        raise reader.fail("it does not begin with GGUF")
    version = reader.number("<I")
    if version not in _VERSIONS:
        other = ", or written for a big-endian machine" if version >> 16 else ""
        raise reader.fail(f"version {version}{other}; versions 2 and 3 are read")
    tensor_count = reader.count("tensors")
    entry_count = reader.count("metadata entries")
    metadata: dict[str, Any] = {}
    for _ in range(entry_count):
        key = reader.text()
        if key in metadata:
            raise reader.fail(f"{shown(key)} twice in its metadata")
        metadata[key] = reader.value(reader.number("<I"))
    return GgufHeader(version, MappingProxyType(metadata), tuple(_tensors(reader, tensor_count)))


def _tensors(reader: _Reader, count: int) -> Iterator[GgufTensor]:
    names = set()
    for _ in range(count):
        name = reader.text()
        if name in names:
            raise reader.fail(f"the tensor {shown(name)} twice")
        names.add(name)
        dimensions = reader.number("<I")
        if not 1 <= dimensions <= MOST_DIMENSIONS:
            raise reader.fail(f"a tensor of {dimensions} dimensions; ggml knows 1 to {MOST_DIMENSIONS}")
        shape = tuple(reader.number("<Q") for _ in range(dimensions))
        kind = _by_number().get(number := reader.number("<I"))
        reader.number("<Q")  # where its weights begin
        if kind is None:
            raise reader.fail(f"the tensor {shown(name)} is of type {number}, which is not known")
        if shape[0] % kind.weights or not 1 <= prod(shape) <= MOST_TENSOR_BYTES:
            raise reader.fail(f"the tensor {shown(name)} of type {kind.name} cannot be {' x '.join(map(shown, shape))}")
        yield GgufTensor(name, shape, kind)
