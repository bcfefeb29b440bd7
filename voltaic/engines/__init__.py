"""Inference engines: capability matrix, command line and memory semantics, one module each."""

from __future__ import annotations

import functools
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voltaic.engines.base import Engine

_CLASSES = MappingProxyType({"tgi": "Tgi", "vllm": "Vllm", "lmdeploy": "Lmdeploy", "llama.cpp": "LlamaCpp"})
"""Class of each engine in `voltaic.engines.<module>.engine`; the module is the name with `_` for `.`."""
_GPU_ONLY = ("sglang", "tensorrt-llm", "exllamav3", "ollama")
"""Engines of which only is known on which GPUs they start."""


def names() -> tuple[str, ...]:
    """Return the names of the engines that have facts here."""
    return (*_CLASSES, *_GPU_ONLY)


_OTHER_NAMES = MappingProxyType({"textgenerationinference": "tgi", "turbomind": "lmdeploy", "llamaserver": "llama.cpp"})
"""What people also call an engine, in small letters alone."""


def canonical(name: str) -> str:
    """Return the name that an engine has here, whatever its capitals and separators; as it is where none is meant."""
    letters = "".join(character for character in name.lower() if character.isalnum())
    spelled = {"".join(filter(str.isalnum, known)): known for known in _CLASSES}
    return spelled.get(letters) or _OTHER_NAMES.get(letters, name)


def deployable() -> tuple[str, ...]:
    """Return the names of the engines that a stack can run: those that a component is made for."""
    return ("tgi",)


@functools.cache
def engine(name: str) -> Engine | None:
    """Return an engine by name; None where nothing is known about it."""
    if name in _GPU_ONLY:
        from voltaic.engines.gpu_only.engine import GpuOnly  # noqa: PLC0415  as those below

        return GpuOnly(name)
    if name not in _CLASSES:
        return None
    # An engine's facts are loaded only when it is asked.
    module = import_module(f"voltaic.engines.{name.replace('.', '_')}.engine")
    made: Engine = getattr(module, _CLASSES[name])()
    return made
