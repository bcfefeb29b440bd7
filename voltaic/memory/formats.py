"""Bytes of one linear layer in the weights format in which an engine holds it; facts in `formats.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from voltaic import facts_files
from voltaic.findings import Source
from voltaic.models.quantization import is_excluded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.models.architecture import Quantization

UNQUANTIZED: Final = frozenset({"float16", "bfloat16", "float32"})


@dataclass(frozen=True, slots=True)
class Format:
    """How the weights of a linear layer are stored."""

    name: str
    bits: float
    """Bits of one weight, without scales."""
    element: int
    """Bytes of an element that is not quantized: embeddings, norms, biases, excluded modules."""
    group: int = 0
    """Inputs that share one scale; 0: all."""
    scale: int = 0
    """Bytes of one scale."""
    zeros: bool = False
    """True: a zero point of `bits` for every scale."""
    index: int = 0
    """Bytes for every input that say to which group it belongs."""
    workspace: int = 0
    """Bytes that its kernels hold beside all weights."""
    on_load: bool = False
    """True: the server converts 16-bit weights while it loads them."""
    excluded: tuple[str, ...] = ()
    """Patterns of names of modules that stay unquantized, all of them understood."""

    @property
    def quantized(self) -> bool:
        """Whether linear layers are stored otherwise than all the rest."""
        return self.name not in UNQUANTIZED

    def linear(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Return the bytes of each tensor that stands for one linear layer's weight."""
        packed = -(-int(inputs * outputs * self.bits) // 8)
        if not self.scale:
            return (packed,)
        groups = -(-inputs // self.group) if self.group else 1
        sizes = [packed, groups * outputs * self.scale]
        if self.zeros:
            sizes.append(-(-int(groups * outputs * self.bits) // 8))
        if self.index:
            sizes.append(inputs * self.index)
        return tuple(sizes)


@cache
def table() -> Mapping[str, Any]:
    """Return `formats.toml` as written."""
    return MappingProxyType(facts_files.table(Path(__file__).with_name("formats.toml")))


def source(name: str) -> Source:
    """Return where the facts of a format come from."""
    row = table()[name]
    return Source(row["source"], row["confidence"])


@lru_cache(maxsize=256)
def weights_format(name: str, quantization: Quantization | None = None, *, dtype: str = "float16") -> Format | None:
    """Return a weights format as a checkpoint has it; None where its layout, or what it leaves out, is not known.

    Args:
        name: `float16`, `gptq`, `awq`, `bitsandbytes-nf4`, …: what is really loaded.
        quantization: what the checkpoint says of itself; None: it is not quantized.
        dtype: data type of what is not quantized.
    """
    row = table().get(name)
    if row is None or dtype not in UNQUANTIZED:
        return None
    bits = row.get("bits")
    group = row.get("group")
    symmetric = excluded = None
    if quantization is not None:
        bits = quantization.bits if bits is None else bits
        group = quantization.group_size if group is None else group
        symmetric, excluded = quantization.symmetric, quantization.excluded
    if bits is None or (excluded and is_excluded("", excluded) is None):
        return None
    return Format(
        name=name,
        bits=bits,
        element=int(table()[name if name in UNQUANTIZED else dtype]["bits"]) // 8,
        group=group if group is not None and group > 0 else 0,
        scale=row.get("scale", 0),
        zeros=row.get("zeros", False) and (not symmetric or row.get("symmetric_zeros", False)),
        index=row.get("index", 0),
        workspace=row.get("workspace", 0),
        on_load=row.get("on_load", False),
        excluded=excluded or (),
    )
