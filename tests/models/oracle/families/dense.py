"""Decoders whose layers have one MLP each, with the names and blocks that llama brought."""

from __future__ import annotations

from typing import Any

_SIZES = {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 176,
    "vocab_size": 1000,
    "max_position_embeddings": 256,
}
_HEAD = {**_SIZES, "head_dim": 12}


def _case(model_type: str, base: dict[str, Any] = _SIZES, **more: Any) -> dict[str, Any]:
    return {"model_type": model_type, **base, **more}


_PATTERN = ["sliding_attention", "full_attention", "sliding_attention"]

VARIANTS: dict[str, dict[str, Any]] = {
    "qwen2": _case("qwen2"),
    "qwen2 tied, windowed above the first layer": _case(
        "qwen2", tie_word_embeddings=True, use_sliding_window=True, sliding_window=32, max_window_layers=1
    ),
    "qwen2 layer types": _case("qwen2", use_sliding_window=True, sliding_window=32, layer_types=_PATTERN),
    "qwen3": _case("qwen3"),
    "qwen3 biases, head_dim stated": _case("qwen3", _HEAD, attention_bias=True, tie_word_embeddings=True),
    "gemma2": _case("gemma2", _HEAD),
    "gemma2 absent head_dim, biases, untied": _case("gemma2", attention_bias=True, tie_word_embeddings=False),
    "gemma3_text": _case("gemma3_text", _HEAD, num_hidden_layers=8),
    "gemma3_text biases, pattern": _case("gemma3_text", attention_bias=True, sliding_window_pattern=2),
    "gemma3_text layer types": _case("gemma3_text", layer_types=_PATTERN, sliding_window=32),
    "phi3": _case("phi3", pad_token_id=0),
    "phi3 windowed, tied": _case(
        "phi3", sliding_window=32, tie_word_embeddings=True, partial_rotary_factor=0.75, pad_token_id=0
    ),
    "starcoder2": _case("starcoder2"),
    "starcoder2 without biases, untied": _case(
        "starcoder2", use_bias=False, tie_word_embeddings=False, sliding_window=32
    ),
    "stablelm": _case("stablelm"),
    "stablelm biases, normed": _case("stablelm", use_qkv_bias=True, qk_layernorm=True, partial_rotary_factor=0.5),
    "stablelm parallel, tied": _case("stablelm", use_parallel_residual=True, tie_word_embeddings=True),
    "cohere": _case("cohere"),
    "cohere normed, biases": _case("cohere", use_qk_norm=True, attention_bias=True),
    "cohere2": _case("cohere2", num_hidden_layers=6),
    "cohere2 layer types, biases": _case("cohere2", _HEAD, layer_types=_PATTERN, attention_bias=True),
    "granite": _case("granite"),
    "granite biases, tied": _case("granite", attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    "olmo": _case("olmo", pad_token_id=1),
    "olmo biases, tied": _case("olmo", attention_bias=True, tie_word_embeddings=True, pad_token_id=1),
    "olmo2": _case("olmo2", pad_token_id=1),
    "olmo2 biases": _case("olmo2", attention_bias=True, pad_token_id=1),
    "olmo3": _case("olmo3", num_hidden_layers=5, pad_token_id=1),
    "olmo3 layer types": _case("olmo3", layer_types=_PATTERN, sliding_window=32, pad_token_id=1),
    "nemotron": _case("nemotron"),
    "nemotron biases, head_dim stated": _case(
        "nemotron", _HEAD, attention_bias=True, mlp_bias=True, partial_rotary_factor=0.25
    ),
    "exaone4": _case("exaone4", num_hidden_layers=5),
    "exaone4 without a window": _case(
        "exaone4", sliding_window=None, sliding_window_pattern=None, layer_types=["full_attention"] * 3
    ),
    "exaone4 pattern as text, layer types": _case("exaone4", sliding_window_pattern="LLG", layer_types=_PATTERN),
    "glm": _case("glm", _HEAD, pad_token_id=0),
    "glm biases": _case("glm", attention_bias=True, tie_word_embeddings=True, pad_token_id=0),
    "glm4": _case("glm4", _HEAD, pad_token_id=0),
    "glm4 biases": _case("glm4", attention_bias=True, pad_token_id=0),
    "smollm3": _case("smollm3", pad_token_id=0),
    "smollm3 biases, untied": _case(
        "smollm3", attention_bias=True, mlp_bias=True, tie_word_embeddings=False, pad_token_id=0
    ),
    "seed_oss": _case("seed_oss", _HEAD),
    "seed_oss biases": _case("seed_oss", _HEAD, attention_bias=False, attention_out_bias=True, mlp_bias=True),
    "apertus": _case("apertus"),
    "apertus biases": _case("apertus", attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    "persimmon": _case("persimmon"),
    "persimmon without norms": _case("persimmon", qk_layernorm=False, tie_word_embeddings=True),
    "hunyuan_v1_dense": _case("hunyuan_v1_dense", head_dim=8, pad_token_id=0),
    "hunyuan_v1_dense biases": _case(
        "hunyuan_v1_dense", _HEAD, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, pad_token_id=0
    ),
    "ernie4_5": _case("ernie4_5"),
    "ernie4_5 biases": _case("ernie4_5", _HEAD, use_bias=True, tie_word_embeddings=False),
    "helium": _case("helium", head_dim=8),
    "helium biases": _case("helium", head_dim=8, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    "arcee": _case("arcee"),
    "arcee biases": _case("arcee", _HEAD, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    "ministral": _case("ministral", head_dim=8),
    "ministral head_dim stated": _case("ministral", _HEAD, sliding_window=32, tie_word_embeddings=True),
    "ministral3": _case("ministral3", _HEAD),
    "vaultgemma": _case("vaultgemma", _HEAD),
    "internlm3": _case("internlm3"),
    "internlm3 biases": _case("internlm3", _HEAD, qkv_bias=True, bias=True, tie_word_embeddings=True),
    "cwm": _case("cwm", num_hidden_layers=6),
    "diffllama": _case("diffllama"),
    "diffllama biases": _case("diffllama", attention_bias=True, tie_word_embeddings=True),
    "jais2": _case("jais2"),
    "nanochat": _case("nanochat"),
    "smollm3 windowed where positions are not rotated": _case(
        "smollm3",
        num_hidden_layers=5,
        use_sliding_window=True,
        sliding_window=32,
        no_rope_layer_interval=2,
        pad_token_id=0,
    ),
    "smollm3 windowed, layers named": _case(
        "smollm3", use_sliding_window=True, sliding_window=32, no_rope_layers=[1, 0, 1], pad_token_id=0
    ),
}
