"""Decoders with names of their own, from before llama, and encoder-decoders."""

from __future__ import annotations

from typing import Any

_EMBD = {"n_embd": 64, "n_layer": 3, "n_head": 8, "n_positions": 128, "vocab_size": 1000}
_OPT = {
    "model_type": "opt",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "ffn_dim": 176,
    "vocab_size": 1000,
    "max_position_embeddings": 128,
}
_MPT = {"model_type": "mpt", "d_model": 64, "n_layers": 3, "n_heads": 8, "vocab_size": 1000, "max_seq_len": 128}
_NEO = {
    "model_type": "gpt_neo",
    "hidden_size": 64,
    "num_layers": 3,
    "num_heads": 8,
    "vocab_size": 1000,
    "max_position_embeddings": 128,
    "attention_types": [[["global", "local"], 1], [["global"], 1]],
}
_XGLM = {
    "model_type": "xglm",
    "d_model": 64,
    "num_layers": 3,
    "attention_heads": 8,
    "ffn_dim": 176,
    "vocab_size": 1000,
    "max_position_embeddings": 128,
}
_T5 = {
    "d_model": 64,
    "d_kv": 12,
    "d_ff": 176,
    "num_layers": 3,
    "num_decoder_layers": 2,
    "num_heads": 8,
    "vocab_size": 1000,
    "relative_attention_num_buckets": 16,
}

VARIANTS: dict[str, dict[str, Any]] = {
    "gpt_bigcode": {"model_type": "gpt_bigcode", **_EMBD},
    "gpt_bigcode all heads, narrow, untied": {
        "model_type": "gpt_bigcode",
        **_EMBD,
        "multi_query": False,
        "n_inner": 96,
        "tie_word_embeddings": False,
    },
    "gptj": {"model_type": "gptj", **_EMBD, "rotary_dim": 4},
    "gptj narrow": {"model_type": "gptj", **_EMBD, "rotary_dim": 8, "n_inner": 96},
    "codegen": {"model_type": "codegen", **_EMBD, "n_ctx": 128, "rotary_dim": 4},
    "codegen narrow": {"model_type": "codegen", **_EMBD, "n_ctx": 128, "rotary_dim": 4, "n_inner": 96},
    "opt": _OPT,
    "opt projected, after": {**_OPT, "word_embed_proj_dim": 48, "do_layer_norm_before": False},
    "opt without biases": {**_OPT, "enable_bias": False},
    "opt without biases and affine norms": {**_OPT, "enable_bias": False, "layer_norm_elementwise_affine": False},
    "opt without the last norm, untied": {**_OPT, "_remove_final_layer_norm": True, "tie_word_embeddings": False},
    "mpt": _MPT,
    "mpt wide": {**_MPT, "expansion_ratio": 3},
    "mpt untied": {**_MPT, "tie_word_embeddings": False},
    "gpt_neo": _NEO,
    "gpt_neo narrow, untied": {**_NEO, "intermediate_size": 96, "tie_word_embeddings": False},
    "xglm": _XGLM,
    "t5": {"model_type": "t5", **_T5},
    "t5 gated, untied": {
        "model_type": "t5",
        **_T5,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "num_decoder_layers": None,
    },
    "mt5": {"model_type": "mt5", **_T5},
    "umt5": {"model_type": "umt5", **_T5},
}
