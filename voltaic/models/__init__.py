"""Model architectures and the catalogue of known models. Data is read on first use."""

from voltaic.models.architecture import Architecture, Cache, Quantization
from voltaic.models.config import read_config
from voltaic.models.directory import InvalidModelDir, model_dir
from voltaic.models.errors import InvalidConfig, UnknownArchitecture
from voltaic.models.known import CatalogueModel, broken_files, known_ids, known_model, known_models, near_ids, resolve
from voltaic.models.parameters import (
    Tensor,
    embedding_tensors,
    head_tensors,
    layer_tensors,
    parameter_count,
    tensors,
)
from voltaic.models.stored import checkpoint_bytes

__all__ = [
    "Architecture",
    "Cache",
    "CatalogueModel",
    "InvalidConfig",
    "InvalidModelDir",
    "Quantization",
    "Tensor",
    "UnknownArchitecture",
    "broken_files",
    "checkpoint_bytes",
    "embedding_tensors",
    "head_tensors",
    "known_ids",
    "known_model",
    "known_models",
    "layer_tensors",
    "model_dir",
    "near_ids",
    "parameter_count",
    "read_config",
    "resolve",
    "tensors",
]
