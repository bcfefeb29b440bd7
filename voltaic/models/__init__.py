"""Model architectures and the catalogue of known models. Modules are loaded, and data is read, on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voltaic.models.architecture import Architecture, Cache, Quantization
    from voltaic.models.config import read_config
    from voltaic.models.directory import InvalidModelDir, model_dir
    from voltaic.models.errors import InvalidConfig, UnknownArchitecture
    from voltaic.models.gguf_dir import gguf_dir
    from voltaic.models.known import (
        CatalogueModel,
        broken_files,
        known_ids,
        known_model,
        known_models,
        near_ids,
        resolve,
    )
    from voltaic.models.parameters import (
        LayerGroup,
        Tensor,
        embedding_tensors,
        head_tensors,
        layer_groups,
        layer_tensors,
        parameter_count,
        tensors,
        tower_tensors,
    )
    from voltaic.models.stored import checkpoint_bytes

__all__ = [
    "Architecture",
    "Cache",
    "CatalogueModel",
    "InvalidConfig",
    "InvalidModelDir",
    "LayerGroup",
    "Quantization",
    "Tensor",
    "UnknownArchitecture",
    "broken_files",
    "checkpoint_bytes",
    "embedding_tensors",
    "gguf_dir",
    "head_tensors",
    "known_ids",
    "known_model",
    "known_models",
    "layer_groups",
    "layer_tensors",
    "model_dir",
    "near_ids",
    "parameter_count",
    "read_config",
    "resolve",
    "tensors",
    "tower_tensors",
]

_HOMES = {
    "architecture": ("Architecture", "Cache", "Quantization"),
    "config": ("read_config",),
    "directory": ("InvalidModelDir", "model_dir"),
    "errors": ("InvalidConfig", "UnknownArchitecture"),
    "gguf_dir": ("gguf_dir",),
    "known": ("CatalogueModel", "broken_files", "known_ids", "known_model", "known_models", "near_ids", "resolve"),
    "parameters": (
        "LayerGroup",
        "Tensor",
        "embedding_tensors",
        "head_tensors",
        "layer_groups",
        "layer_tensors",
        "parameter_count",
        "tensors",
        "tower_tensors",
    ),
    "stored": ("checkpoint_bytes",),
}
"""Names by the module that has them."""


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'voltaic.models' has no attribute {name!r}")
    value = getattr(import_module(f"voltaic.models.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
