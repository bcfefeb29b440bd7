"""GGUF headers as files of real models have them, without weights."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from voltaic import models
from voltaic.engines.llama_cpp import mix
from voltaic.models.gguf import ggml_types
from voltaic.models.parameters import embedding_tensors, head_tensors, layer_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voltaic.models import Architecture

Tensors = list[tuple[str, tuple[int, ...], str]]
"""Name, shape with the fastest dimension first, type."""
NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""Names of a layer's tensors in a file, for families with llama's blocks."""


def text(value: str) -> bytes:
    """Return a text as GGUF writes it."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def entry(key: str, value: object) -> bytes:
    """Return an entry of the metadata: a text, a number, or a list of numbers."""
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, list):
        return text(key) + struct.pack(f"<IIQ{len(value)}I", 9, 4, len(value), *value)
    return text(key) + struct.pack("<II", 4, value)


def header(metadata: Mapping[str, object], tensors: Sequence[tuple[str, tuple[int, ...], str]]) -> bytes:
    """Return a file without its weights."""
    content = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    content += b"".join(entry(key, value) for key, value in metadata.items())
    for name, shape, kind in tensors:
        sizes = b"".join(struct.pack("<Q", size) for size in shape)
        content += text(name) + struct.pack("<I", len(shape)) + sizes + struct.pack("<IQ", ggml_types()[kind].id, 0)
    return content


def metadata_of(arch: Architecture, name: str = "llama") -> dict[str, object]:
    """Return what a converter writes of an architecture."""
    return {
        "general.architecture": name,
        f"{name}.block_count": arch.layers,
        f"{name}.context_length": arch.max_positions or 4096,
        f"{name}.embedding_length": arch.hidden,
        f"{name}.feed_forward_length": arch.intermediate,
        f"{name}.attention.head_count": arch.heads,
        f"{name}.attention.head_count_kv": arch.kv_heads,
    }


def tensors_of(arch: Architecture, kind: str) -> Tensors:
    """Return the tensors of a model with llama's blocks in a file of a type, as the quantizer mixes them."""
    found: Tensors = []

    def add(name: str, tensor: object, layer: int, part: str | None = None) -> None:
        role = part or mix._PARTS.get(tensor.role, tensor.role)  # type: ignore[attr-defined]
        stored = mix._type(kind, tensor, role, layer, arch).name  # type: ignore[arg-type]
        found.append((name, tuple(reversed(tensor.shape)), stored))  # type: ignore[attr-defined]

    for tensor in embedding_tensors(arch):
        add("token_embd.weight", tensor, 0, "head" if arch.tied_embeddings else "embedding")
    for layer in range(arch.layers):
        for tensor in layer_tensors(arch, layer):
            own, _, suffix = tensor.name.removeprefix(f"model.layers.{layer}.").rpartition(".")
            add(f"blk.{layer}.{NAMES[own]}.{suffix}", tensor, layer)
    for tensor in head_tensors(arch):
        add("output.weight" if tensor.role == "head" else "output_norm.weight", tensor, 0)
    return found


def file_of(model_id: str, kind: str, name: str = "llama") -> bytes:
    """Return the header of a known model in a file of a type."""
    arch = models.resolve(model_id).architecture
    assert arch is not None
    return header(metadata_of(arch, name), tensors_of(arch, kind))
