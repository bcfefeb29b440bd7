"""Build models whose class is in their own repository on the meta device, and write what they hold.

The code is not part of this project: give a folder with a folder for each name in `CODE`, each with the modeling and
configuration files of a model repository. Needs torch and a transformers of the time (4.46.3). Only counts, names and
shapes are kept, in `custom_code.json`.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import json
import re
import sys
import types
from pathlib import Path
from typing import Any

CODE = {
    "baichuan": ("modeling_baichuan.BaichuanForCausalLM", "configuration_baichuan.BaichuanConfig"),
    "internlm2": ("modeling_internlm2.InternLM2ForCausalLM", "configuration_internlm2.InternLM2Config"),
    "qwen": ("modeling_qwen.QWenLMHeadModel", "configuration_qwen.QWenConfig"),
    "chatglm": ("modeling_chatglm.ChatGLMForConditionalGeneration", "configuration_chatglm.ChatGLMConfig"),
    "phi-msft": (
        "modeling_mixformer_sequential.MixFormerSequentialForCausalLM",
        "configuration_mixformer_sequential.MixFormerSequentialConfig",
    ),
    "minicpm": ("modeling_minicpm.MiniCPMForCausalLM", "configuration_minicpm.MiniCPMConfig"),
}
"""Class of the model and of its configuration, by `model_type`."""
_LLAMA = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 1000}
_GLM = {
    "num_layers": 3,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "kv_channels": 16,
    "ffn_hidden_size": 176,
    "padded_vocab_size": 1000,
    "seq_length": 256,
    "original_rope": True,
}
_PHI = {"n_embd": 64, "n_layer": 3, "n_head": 4, "vocab_size": 1024, "n_positions": 256, "rotary_dim": 8}
CASES: dict[str, dict[str, Any]] = {
    "Baichuan-13B": {
        "model_type": "baichuan",
        "hidden_size": 5120,
        "intermediate_size": 13696,
        "num_attention_heads": 40,
        "num_hidden_layers": 40,
        "vocab_size": 64000,
        "model_max_length": 4096,
    },
    "Baichuan2-13B": {
        "model_type": "baichuan",
        "hidden_size": 5120,
        "intermediate_size": 13696,
        "num_attention_heads": 40,
        "num_hidden_layers": 40,
        "vocab_size": 125696,
        "model_max_length": 4096,
    },
    "baichuan small": {"model_type": "baichuan", **_LLAMA, "intermediate_size": 176},
    "internlm2-7b": {
        "model_type": "internlm2",
        "bias": False,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "num_key_value_heads": 8,
        "vocab_size": 92544,
    },
    "internlm2 biases, no groups": {"model_type": "internlm2", **_LLAMA, "intermediate_size": 176},
    "Qwen-7B": {
        "model_type": "qwen",
        "hidden_size": 4096,
        "intermediate_size": 22016,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "kv_channels": 128,
        "vocab_size": 151936,
        "seq_length": 8192,
        "max_position_embeddings": 32768,
    },
    "qwen biases": {
        "model_type": "qwen",
        **_LLAMA,
        "kv_channels": 16,
        "intermediate_size": 176,
        "no_bias": False,
        "seq_length": 256,
    },
    "chatglm2-6b": {
        "model_type": "chatglm",
        "add_qkv_bias": True,
        "ffn_hidden_size": 13696,
        "hidden_size": 4096,
        "kv_channels": 128,
        "multi_query_attention": True,
        "multi_query_group_num": 2,
        "num_attention_heads": 32,
        "num_layers": 28,
        "padded_vocab_size": 65024,
        "seq_length": 32768,
        "original_rope": True,
    },
    "chatglm heads alike, no biases": {"model_type": "chatglm", **_GLM},
    "chatglm biases, no last norm": {
        "model_type": "chatglm",
        **_GLM,
        "add_bias_linear": True,
        "post_layer_norm": False,
        "multi_query_attention": True,
        "multi_query_group_num": 1,
    },
    "phi-1.5": {
        "model_type": "phi-msft",
        "n_embd": 2048,
        "n_head": 32,
        "n_inner": None,
        "n_layer": 24,
        "n_positions": 2048,
        "rotary_dim": 32,
        "vocab_size": 51200,
    },
    "phi-msft inner": {"model_type": "phi-msft", **_PHI, "n_inner": 176},
    "MiniCPM-2B": {
        "model_type": "minicpm",
        "hidden_size": 2304,
        "intermediate_size": 5760,
        "num_attention_heads": 36,
        "num_key_value_heads": 36,
        "num_hidden_layers": 40,
        "vocab_size": 122753,
    },
    "minicpm groups, biases, untied": {
        "model_type": "minicpm",
        **_LLAMA,
        "num_key_value_heads": 2,
        "intermediate_size": 176,
        "attention_bias": True,
        "tie_word_embeddings": False,
    },
}
SHAPES = Path(__file__).with_name("custom_code.json")


def folded(named: dict[str, list[int]]) -> dict[str, dict[str, int]]:
    """Return names with `{}` for numbers, and of each how many tensors have which shape."""
    found: dict[str, dict[str, int]] = {}
    for name, shape in named.items():
        counts = found.setdefault(re.sub(r"(?<=\.)\d+(?=\.)", "{}", name), {})
        text = "x".join(map(str, shape))
        counts[text] = counts.get(text, 0) + 1
    return found


def main() -> None:
    """Write the shapes of every case."""
    import torch

    sys.path.insert(0, sys.argv[1])
    torch.autocast = lambda *_args, **_kwargs: contextlib.nullcontext()  # type: ignore[assignment,misc]
    for name, attribute in (("einops", "rearrange"), ("einops", "repeat"), ("accelerate", "init_empty_weights")):
        module = sys.modules.setdefault(name, types.ModuleType(name))
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        setattr(module, attribute, contextlib.nullcontext)
    found = {}
    for name, config in CASES.items():
        kind = config["model_type"]
        sys.path.insert(1, f"{sys.argv[1]}/{kind}")
        (module, cls), (own, settings) = (path.split(".") for path in CODE[kind])
        folder = importlib.import_module(kind)
        values = {key: value for key, value in config.items() if key != "model_type"}
        built = getattr(importlib.import_module(f".{own}", folder.__name__), settings)(**values)
        built._attn_implementation = "eager"
        with torch.device("meta"):
            model = getattr(importlib.import_module(f".{module}", folder.__name__), cls)(built)
        model.tie_weights()
        named = {key: list(parameter.shape) for key, parameter in model.named_parameters()}
        total = sum(parameter.numel() for parameter in model.parameters())
        found[name] = {"parameters": total, "tensors": folded(named)}
    SHAPES.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
