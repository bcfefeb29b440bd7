"""What every engine module answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from voltaic.findings import Source
    from voltaic.memory.bill import Bill, NoBill
    from voltaic.spec import CommandLine, ServingSpec

Implementation = Literal[
    "flash",
    "transformers-fallback",
    "native-tensor-parallel",
    "vllm-v0",
    "vllm-v1",
    "turbomind",
    "llama.cpp",
]
Answer = Literal["ok", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Support:
    """Whether something works on this release and GPU, and why (not)."""

    answer: Answer
    message: str = ""
    """What was found; of an `ok`, what it rests on."""
    why: str = ""
    fix: str = ""
    sources: tuple[Source, ...] = ()
    differs: bool = False
    """True of an `ok`: it starts, and something else becomes of an option than was asked."""
    where: str = ""
    """Option or variable that it is about, as written, where it is about one."""


@dataclass(frozen=True, slots=True)
class Runs:
    """How a spec runs, once it is known to run."""

    implementation: Implementation
    shards: int
    """Tensor-parallel processes that the launcher starts."""
    layer_split: bool
    """True: one process spreads the layers over all GPUs of the pod."""
    dtype: str
    """Data type of weights that are not quantized, activations and KV cache: `float16`, `bfloat16`, `float32`."""
    weights: str
    """Weights format that is really loaded: `float16`, `bitsandbytes`, `awq`, …"""
    attention: str
    """`sdpa`, `eager`, `flash`, `paged`, …"""
    limits: Mapping[str, int]
    """Effective limits by option name after the launcher's own arithmetic, in tokens or requests; absent: unbounded."""
    transformers: tuple[int, int, int] | None = None
    """Release of transformers that runs the model, `(4, 46, 3)`; None: not this library, or not known."""
    notes: tuple[Support, ...] = ()
    """What is `ok`, and worth knowing: that it is only reported, or that an option becomes another."""

    def within(self, limits: Mapping[str, int]) -> Runs:
        """Return the same run with other limits: `replace` in a third of its time, for those who try many."""
        return Runs(
            self.implementation,
            self.shards,
            self.layer_split,
            self.dtype,
            self.weights,
            self.attention,
            limits,
            self.transformers,
        )


@runtime_checkable
class Slow(Protocol):
    """An engine of which is known what it serves more slowly than it could."""

    def slow(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Return what serves and is slow, as `ok` with a way out; for verdicts that are shown."""
        ...


Topic = Literal["starts", "model", "weights", "dtype", "feature", "route"]
CellAnswer = Literal["ok", "no", "differs", "unknown"]
"""`differs`: it starts and does something that was not asked."""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One answer of an engine's capability matrix, for one release on one architecture of GPUs."""

    topic: Topic
    subject: str
    """What is asked about: a model family, a weights format, a dtype, a route; empty for `starts`."""
    answer: CellAnswer
    source: Source
    setting: str = ""
    """Under which setting, where a subject has several answers: `1 shard`, `several shards`."""
    how: str = ""
    """What serves it, where something does: `flash`, `turbomind`, …"""
    needs: str = ""
    """What must be set for it: `USE_FLASH_ATTENTION=false`."""
    message: str = ""
    """The engine's own error, or what happens instead; empty where all is as asked."""


@runtime_checkable
class HasMatrix(Protocol):
    """An engine whose facts can be printed as a matrix. Nothing here is asked in a verdict."""

    def archs(self) -> tuple[str, ...]:
        """Return the architectures of GPUs that the facts cover: `sm_70`, `gfx942`."""
        ...

    def matrix(self, version: str, arch: str) -> Iterable[MatrixCell]:
        """Yield every answer for one of `releases()` on one of `archs()`, the one on `starts` first."""
        ...


@runtime_checkable
class Ignores(Protocol):
    """An engine that accepts options and variables which then do nothing."""

    def ignored(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Return what is set and does nothing, as `ok` that differ from what is asked; for verdicts that are shown."""
        ...


class Engine(Protocol):
    """One inference engine: its facts, its command line and its meaning of memory."""

    name: str

    def releases(self) -> tuple[str, ...]:
        """Return every release that the facts cover, oldest first."""
        ...

    def parse(self, version: str | None, args: Sequence[str], env: Mapping[str, str | None]) -> CommandLine:
        """Read arguments and environment as the launcher of this release does; never raises."""
        ...

    def build(self, version: str, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the arguments that set these canonical options; the inverse of `parse`."""
        ...

    def gpu_support(self, spec: ServingSpec) -> Support:
        """Answer whether this release runs on this GPU at all."""
        ...

    def model_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer for architecture, weights format, dtype and sharding on that GPU: all that is not `ok`."""
        ...

    def shard_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer whether there are as many GPUs as shards: all that is not `ok`."""
        ...

    def gpus_used(self, spec: ServingSpec) -> int | None:
        """Return how many of the pod's GPUs compute, were it to start; None where that is not known."""
        ...

    def argument_support(self, spec: ServingSpec) -> tuple[Support, ...]:
        """Answer whether well formed arguments go together: all that is not `ok`."""
        ...

    def environment(self, spec: ServingSpec) -> Mapping[str, str]:
        """Return the variables that must be set so that this spec runs, without secrets."""
        ...

    def required_options(self, spec: ServingSpec) -> Mapping[str, Any]:
        """Return the canonical options that must be set so that this spec runs, beside those that are."""
        ...

    def batch_bound(self, version: str | None) -> str:
        """Return the canonical option that bounds the requests of a running batch in this release."""
        ...

    def runs(self, spec: ServingSpec) -> Runs | None:
        """Return how the spec runs; None where it does not, or where that is not known."""
        ...

    def bill(self, spec: ServingSpec) -> Bill | NoBill:
        """Return the VRAM bill, or why there is none."""
        ...
