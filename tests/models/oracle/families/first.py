"""The families that came first: llama, Mistral, Gemma, Phi, Falcon, GPT-2, BLOOM and GPT-NeoX."""

from __future__ import annotations

from typing import Any

_LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "intermediate_size": 176,
    "vocab_size": 1000,
    "max_position_embeddings": 256,
}
_FALCON = {
    "model_type": "falcon",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "vocab_size": 1000,
}
_PHI = {
    "model_type": "phi",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "vocab_size": 1000,
}
_GEMMA = {
    "model_type": "gemma",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "intermediate_size": 128,
    "vocab_size": 1000,
}
_NEOX = {
    "model_type": "gpt_neox",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "vocab_size": 1000,
}
_GPT2 = {"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128, "vocab_size": 1000}
_BLOOM = {"model_type": "bloom", "hidden_size": 64, "n_layer": 2, "n_head": 4, "vocab_size": 1000}

VARIANTS: dict[str, dict[str, Any]] = {
    "llama": _LLAMA,
    "llama grouped": {**_LLAMA, "num_key_value_heads": 2},
    "llama head_dim stated": {**_LLAMA, "num_key_value_heads": 2, "head_dim": 16},
    "llama biases": {**_LLAMA, "attention_bias": True, "mlp_bias": True},
    "llama tied": {**_LLAMA, "tie_word_embeddings": True},
    "mistral": {**_LLAMA, "model_type": "mistral", "num_key_value_heads": 4, "sliding_window": None},
    "mistral head_dim stated": {**_LLAMA, "model_type": "mistral", "num_key_value_heads": 4, "head_dim": 24},
    "gemma": _GEMMA,
    "gemma biases, untied": {**_GEMMA, "attention_bias": True, "tie_word_embeddings": False},
    "phi": _PHI,
    "phi grouped, normed": {**_PHI, "num_key_value_heads": 2, "qk_layernorm": True, "partial_rotary_factor": 0.25},
    "falcon multi-query": _FALCON,
    "falcon multi-query, heads stated": {**_FALCON, "num_kv_heads": 8},
    "falcon all heads": {**_FALCON, "multi_query": False, "bias": True},
    "falcon all heads, in sequence, ALiBi": {**_FALCON, "multi_query": False, "parallel_attn": False, "alibi": True},
    "falcon new": {**_FALCON, "new_decoder_architecture": True, "num_kv_heads": 2},
    "falcon new, one norm": {
        **_FALCON,
        "new_decoder_architecture": True,
        "num_kv_heads": 2,
        "num_ln_in_parallel_attn": 1,
    },
    "falcon new, narrow": {
        **_FALCON,
        "new_decoder_architecture": True,
        "num_kv_heads": 4,
        "ffn_hidden_size": 96,
        "tie_word_embeddings": False,
    },
    "gpt2": _GPT2,
    "gpt2 narrow, untied": {**_GPT2, "n_inner": 96, "tie_word_embeddings": False},
    "bloom": _BLOOM,
    "bloom untied": {**_BLOOM, "tie_word_embeddings": False},
    "gpt_neox": _NEOX,
    "gpt_neox without biases": {**_NEOX, "attention_bias": False, "rotary_pct": 0.5},
}
