"""What is said of one known model, for documents and for people."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voltaic.models import CatalogueModel

BILLION = 1_000_000_000
CACHE_BYTES = 2
"""Bytes of one element of the KV cache: float16 or bfloat16."""


def facts(model: CatalogueModel) -> dict[str, Any]:
    """Return the facts of a model as in the documents; sizes in bytes, lengths in tokens."""
    from voltaic.models import checkpoint_bytes, parameter_count

    arch = model.architecture
    quantization = arch.quantization
    weights = model.weights_bytes if model.weights_bytes is not None else checkpoint_bytes(arch)
    return {
        "id": model.id,
        "aliases": list(model.aliases),
        "added": model.added,
        "file": str(model.file) if model.added else None,
        "family": arch.model_type,
        "parameters": parameter_count(arch),
        "layers": arch.layers,
        "hidden": arch.hidden,
        "heads": arch.heads,
        "kv_heads": arch.kv_heads,
        "head_dim": arch.head_dim,
        "vocabulary": arch.vocab,
        "context": arch.max_positions,
        "dtype": arch.dtype,
        "quantization": None if quantization is None else quantization.method,
        "weights_bytes": weights,
        "largest_file_bytes": model.largest_file_bytes,
        "kv_bytes_per_token": arch.kv_elements_per_token * CACHE_BYTES,
        "kv_latent_bytes_per_token": sum(cache.layers * cache.latent for cache in arch.caches) * CACHE_BYTES or None,
        "license": model.license,
        "gated": model.gated,
        "chat_template": model.chat_template,
        "sources": {
            fact: {"text": source.text, "confidence": source.confidence} for fact, source in model.sources.items()
        },
    }


@lru_cache(maxsize=4096)
def starts(model_id: str, profile: str) -> str:
    """Return the verdict on a stack of this profile and model with nothing else set."""
    from voltaic import settings
    from voltaic.verdict import judge

    try:
        spec = settings.serving_spec(settings.read({"profile": profile, "model": model_id}, where="voltaic models"))
    except settings.InvalidSettings:
        return "unknown"
    return judge(spec).verdict


def billions(count: int) -> str:
    """Return a number of parameters as people say it: `7.24 B`, `560 M`."""
    return f"{count / BILLION:.2f} B" if count >= BILLION else f"{count / 1e6:.0f} M"


def kib(size: int) -> str:
    """Return bytes per token: `128 KiB`, `22.5 KiB`."""
    return f"{size / 1024:.1f}".removesuffix(".0") + " KiB"
