"""The serving spec: everything that decides whether a server starts.

It comes from settings (our stacks) or is read back from Kubernetes objects (anybody's). Only this type is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voltaic.hardware import GpuModel
    from voltaic.models import Architecture
    from voltaic.models.gguf_files import GgufWeights

NO_VALUES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Release:
    """A version of an engine."""

    engine: str
    """`tgi`, `vllm`, …"""
    version: str | None
    """`3.0.1`; None where it could not be read (a tag such as `latest`)."""

    def __str__(self) -> str:
        """Return `tgi 3.0.1`."""
        return f"{self.engine} {self.version or '(version unknown)'}"


@dataclass(frozen=True, slots=True)
class Model:
    """What is served: the name that the engine is given, and what its configuration says."""

    id: str | None
    """Repository id or local path as the engine is given it."""
    architecture: Architecture | None
    """None where the configuration is not known or not understood; `unknown_because` says why."""
    unknown_because: str | None = None
    weights_bytes: int | None = None
    """Size of the checkpoint's weights where known from headers; None: derived from the architecture."""
    revision: str | None = None
    config: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """`config.json` as given, so that the spec can be handed on; None for a model known by its id alone."""
    gguf: GgufWeights | None = None
    """The GGUF file that llama.cpp serves, where its header was read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An argument or variable with which the launcher would exit, or that could not be read."""

    where: str
    """The option or variable as written, for example `--max-model-len`."""
    message: str
    """What is wrong, with the value found and the values allowed."""
    fix: str
    unreadable: bool = False
    """True: not certainly wrong, only not readable (for example a value from a ConfigMap elsewhere)."""
    path: str | None = field(default=None, compare=False)
    """Field of the manifest's document in which it stands, where it was read from one."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Launcher arguments and environment as given, and as the launcher of this release reads them."""

    args: tuple[str, ...]
    env: Mapping[str, str | None]
    """Variables by name; None: set, but its value is not known here (a Secret, a downward API field)."""
    options: Mapping[str, Any] = field(default_factory=lambda: NO_VALUES)
    """Effective values by canonical option name (`max_total_tokens`), arguments over environment; only what is set."""
    faults: tuple[Fault, ...] = ()


class Origin(Protocol):
    """The configuration that a spec was derived from: a change of it derives the spec anew."""

    def states(self, key: str) -> bool:
        """Return whether it states a value for this key, which was not derived then."""
        ...

    def changed(self, change: Mapping[str, Any]) -> ServingSpec | None:
        """Return the spec with these keys set, or removed where None; None where that is not valid."""
        ...


@dataclass(frozen=True, slots=True)
class ServingSpec:
    """One server process group on the GPUs of one pod."""

    release: Release
    gpu: GpuModel | None
    """None: the GPU model could not be read; `gpu_unknown_because` says what would settle it."""
    gpus: int | None
    """GPUs that the pod gets; None: not readable."""
    model: Model
    command: CommandLine
    id: str | None = None
    """Name given by the caller, handed through to the plan document."""
    gpu_unknown_because: str | None = None
    origin: Origin | None = field(default=None, compare=False, repr=False)
    """The stack that it comes from; None for a command line of somebody's own."""

    def told(self, command: CommandLine) -> ServingSpec:
        """Return the spec with another command line: `replace` in a third of its time, for those who try many."""
        return ServingSpec(
            self.release,
            self.gpu,
            self.gpus,
            self.model,
            command,
            self.id,
            self.gpu_unknown_because,
            self.origin,
        )

    def option(self, name: str, default: Any = None) -> Any:
        """Return the effective value of a launcher option, or `default` where it is not set."""
        return self.command.options.get(name, default)
