"""The lines in which `families/*.toml` writes tensors, and the tensors that they mean for given sizes.

A line is `NAME ROLE SHAPE [OPTION…]`:

- `in>out` in SHAPE is a linear layer, kept outputs x inputs; `in>>out` one that is kept inputs x outputs;
  `a,b` a table or norm. Each dimension is a sum of products of sizes and numbers: `queries+2*keys`.
- NAME has `.weight` added, unless it ends in `!`.
- `+flag` a bias where the flag is on, `+` always; a norm has one where `norm_bias` is on, unless `-` is there.
- `?flag` the tensor is there only where the flag is on, `?!flag` where it is off.
- `*size` so many alike, numbered at `{}` in NAME.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Place = Literal["embedding", "head", "tower"] | int
"""`tower`: a vision or audio encoder and its projector, or the encoder of an encoder-decoder."""
Role = Literal[
    "embedding",
    "positions",
    "head",
    "norm",
    "router",
    "query",
    "key",
    "value",
    "query_key_value",
    "attention_output",
    "latent_down",
    "latent_up",
    "gate",
    "up",
    "gate_up",
    "down",
    "expert_gate",
    "expert_up",
    "expert_gate_up",
    "expert_down",
    "mixer",
    "other",
]
"""What a tensor is for, which decides how tensor parallel splits it: outputs of queries, keys, values, gate and up;
inputs of attention output and down; rows of embedding and head; norms, routers and `latent_down` are in full
everywhere. A bias has the role of its weight. `mixer`: a recurrent or linear attention block."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One parameter of a model as its class holds it."""

    name: str
    """Name in the state dictionary: `model.layers.0.self_attn.q_proj.weight`."""
    shape: tuple[int, ...]
    """Elements in each dimension, in the order of the checkpoint."""
    place: Place
    """`embedding`, the layer number, or `head`: where a split over GPUs puts it."""
    role: Role
    inputs: int | None = None
    """Inputs of a linear layer's weight; None for tables, norms and biases, which quantizers leave alone."""
    count: int = 1
    """Tensors alike, as those of the experts of one layer; `{}` in the name stands for their number."""

    @property
    def elements(self) -> int:
        """Number of elements of all `count` of them."""
        return self.count * prod(self.shape)


@dataclass(frozen=True, slots=True)
class Line:
    """One line, taken apart."""

    name: str
    role: Role
    shape: tuple[str, ...]
    """Dimensions in the order of the checkpoint."""
    inputs: str | None
    """Inputs of a linear layer; None: no linear layer."""
    outputs: str
    """Outputs of a linear layer, which are as many biases; the first dimension otherwise."""
    suffix: str
    bias: str
    """Flag under which it has a bias; `+`: always; empty: never."""
    flags: tuple[str, ...]
    absent_flags: tuple[str, ...]
    count: str | None


@lru_cache(maxsize=4096)
def line_of(text: str) -> Line:
    """Take a line apart."""
    name, role, shape, *options = text.split()
    ends = shape.split(">>") if ">>" in shape else shape.split(">")
    linear = len(ends) > 1
    dimensions = tuple(ends if ">>" in shape else reversed(ends)) if linear else tuple(shape.split(","))
    bias = "norm_bias" if role == "norm" and "-" not in options else ""
    for option in options:
        if option.startswith("+"):
            bias = option[1:] or "+"
    return Line(
        name=name.removesuffix("!"),
        role=cast("Role", role),
        shape=dimensions,
        inputs=ends[0] if linear else None,
        outputs=ends[-1] if linear else dimensions[0],
        suffix="" if name.endswith("!") else ".weight",
        bias=bias,
        flags=tuple(option[1:] for option in options if option.startswith("?") and not option.startswith("?!")),
        absent_flags=tuple(option[2:] for option in options if option.startswith("?!")),
        count=next((option[1:] for option in options if option.startswith("*")), None),
    )


def value(expression: str, sizes: Mapping[str, int]) -> int:
    """Return what a sum of products means for these sizes."""
    total = 0
    for term in expression.split("+"):
        product = 1
        for factor in term.split("*"):
            product *= int(factor) if factor.isdigit() else sizes[factor]
        total += product
    return total


def tensors_of(
    lines: tuple[str, ...], prefix: str, place: Place, sizes: Mapping[str, int], flags: Collection[str]
) -> Iterator[Tensor]:
    """Yield the tensors of these lines."""
    for line in map(line_of, lines):
        if not all(flag in flags for flag in line.flags) or any(flag in flags for flag in line.absent_flags):
            continue
        name = prefix + line.name
        shape = tuple(value(part, sizes) for part in line.shape)
        inputs = None if line.inputs is None else value(line.inputs, sizes)
        count = 1 if line.count is None else value(line.count, sizes)
        yield Tensor(name + line.suffix, shape, place, line.role, inputs, count)
        if line.bias and (line.bias == "+" or line.bias in flags):
            yield Tensor(f"{name}.bias", (value(line.outputs, sizes),), place, line.role, None, count)
