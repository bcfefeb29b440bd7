"""Model architectures and the catalogue of known models."""

from voltaic.models.architecture import Architecture, Quantization

__all__ = ["Architecture", "Quantization"]
