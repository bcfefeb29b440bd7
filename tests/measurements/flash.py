"""Measure what a prefill of TGI's flash path holds on a GPU: tensors of the same lives, random fp16 weights.

TGI's kernels are not run. A stand-in allocates what each returns; the linear layers and activation functions
are PyTorch's, as in TGI; names live as long as in v3.0.1 `flash_llama_modeling.py`.

    python flash.py FILE
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from fallback import about
from served import settings_of
from torch.nn.functional import gelu, linear, silu

MODELS = (
    "meta-llama/Llama-2-7b-hf",
    "mistralai/Mistral-7B-Instruct-v0.2",
    "meta-llama/Meta-Llama-3-8B",
    "qwen2.5-7b",
    "qwen2.5-14b (8 layers)",
    "google/gemma-7b",
    "qwen2.5-0.5b",
    "mistral-nemo (10 layers)",
)
TOKENS = (512, 2048, 4096, 8192)
LAYERS = 3


class Norm:
    """The fused norm: returns a normed tensor and, where there is a residual, a new sum."""

    def __call__(self, hidden_states: torch.Tensor, residual: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both, of the shape [tokens, hidden]."""
        normed = torch.empty_like(hidden_states)
        return normed, hidden_states if residual is None else torch.empty_like(hidden_states)


class Layer:
    """One decoder layer with random weights."""

    def __init__(self, config: Any) -> None:
        hidden, heads = config.hidden_size, config.num_attention_heads
        self.heads, self.kv_heads = heads, config.num_key_value_heads
        self.head = getattr(config, "head_dim", None) or hidden // heads
        self.intermediate = config.intermediate_size
        self.act = gelu if "gelu" in config.hidden_act else silu
        wide = (heads + 2 * self.kv_heads) * self.head
        self.qkv = random(wide, hidden)
        self.out = random(hidden, heads * self.head)
        self.gate_up = random(2 * self.intermediate, hidden)
        self.down = random(hidden, self.intermediate)
        self.norm = Norm()

    def attention(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Project, rotate in place, attend into a new tensor, project."""
        qkv = linear(hidden_states, self.qkv)
        query, kv = qkv.split([self.heads * self.head, 2 * self.kv_heads * self.head], dim=1)
        query = query.view(-1, self.heads, self.head)
        kv = kv.view(-1, 2, self.kv_heads, self.head)
        output = torch.empty(query.shape, dtype=query.dtype, device=query.device)
        sums = torch.empty(self.heads, len(query), dtype=torch.float32, device=query.device)
        del sums
        return linear(output.view(-1, self.heads * self.head), self.out)

    def mlp(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Gate and up in one, the activation and the product as new tensors."""
        gate_up_states = linear(hidden_states, self.gate_up)
        gate_up_states = gate_up_states.view(-1, 2, self.intermediate)
        return linear(self.act(gate_up_states[:, 0]) * gate_up_states[:, 1], self.down)

    def forward(self, hidden_states: torch.Tensor, residual: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return output and residual."""
        normed_hidden_states, res = self.norm(hidden_states, residual)
        attn_output = self.attention(normed_hidden_states)
        normed_attn_res_output, attn_res = self.norm(attn_output, res)
        mlp_output = self.mlp(normed_attn_res_output)
        return mlp_output, attn_res


def random(*shape: int) -> torch.Tensor:
    """Return random 16-bit numbers."""
    return torch.empty(*shape, dtype=torch.float16, device="cuda").normal_(0, 0.02)


def measure(model: str) -> dict[str, Any]:
    """Return the peaks of the layers and of the head, above weights, for every number of tokens."""
    settings = settings_of(model)
    config = transformers.AutoConfig.for_model(settings.pop("model_type"), **settings)
    layers = [Layer(config) for _ in range(LAYERS)]
    embedding, head = random(config.vocab_size, config.hidden_size), random(config.vocab_size, config.hidden_size)
    found: dict[str, Any] = {"model": model, "cases": []}
    linear(random(8, config.hidden_size), layers[0].qkv)  # workspaces
    for tokens in TOKENS:
        torch.cuda.empty_cache()
        base, reserved = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
        ids = torch.randint(3, 30_000, (tokens,), device="cuda")
        torch.cuda.reset_peak_memory_stats()
        inputs_embeds = torch.nn.functional.embedding(ids, embedding)
        hidden_states, residual = inputs_embeds, None
        for layer in layers:
            hidden_states, residual = layer.forward(hidden_states, residual)
        hidden_states, _ = layers[0].norm(hidden_states, residual)
        in_layers = torch.cuda.max_memory_allocated() - base
        del residual, _
        torch.cuda.reset_peak_memory_stats()
        out = linear(hidden_states, head)
        torch.log_softmax(out, -1, out=out)
        in_head = torch.cuda.max_memory_allocated() - base
        reserved = torch.cuda.memory_reserved() - reserved
        found["cases"].append({"tokens": tokens, "layers": in_layers, "head": in_head, "reserved": reserved})
        del out, hidden_states, inputs_embeds, ids
    return found


def main() -> None:
    """Measure, and write what was found."""
    with torch.inference_mode():
        results = [measure(model) for model in MODELS]
    Path(sys.argv[1]).write_text(json.dumps({"about": about(), "results": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
