"""Decoders with experts, and with latent attention."""

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


def _case(model_type: str, **more: Any) -> dict[str, Any]:
    return {"model_type": model_type, **_SIZES, **more}


_DBRX = {
    "model_type": "dbrx",
    "d_model": 64,
    "n_heads": 8,
    "n_layers": 2,
    "max_seq_len": 128,
    "vocab_size": 1000,
    "attn_config": {"kv_n_heads": 2, "clip_qkv": 8},
    "ffn_config": {"ffn_hidden_size": 96, "moe_num_experts": 5, "moe_top_k": 2},
}
_LATENT = {
    **_SIZES,
    "num_key_value_heads": 8,
    "q_lora_rank": 24,
    "kv_lora_rank": 20,
    "qk_nope_head_dim": 10,
    "qk_rope_head_dim": 6,
    "v_head_dim": 14,
    "moe_intermediate_size": 32,
    "n_routed_experts": 6,
    "n_shared_experts": 2,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
    "n_group": 2,
    "topk_group": 1,
}

VARIANTS: dict[str, dict[str, Any]] = {
    "mixtral": _case("mixtral", num_local_experts=5, num_experts_per_tok=2),
    "mixtral head_dim stated, windowed": _case(
        "mixtral", num_local_experts=5, num_experts_per_tok=2, head_dim=12, sliding_window=32, tie_word_embeddings=True
    ),
    "qwen2_moe": _case(
        "qwen2_moe",
        num_experts=5,
        num_experts_per_tok=2,
        moe_intermediate_size=32,
        shared_expert_intermediate_size=80,
    ),
    "qwen2_moe with dense layers": _case(
        "qwen2_moe",
        num_hidden_layers=6,
        num_experts=5,
        num_experts_per_tok=2,
        moe_intermediate_size=32,
        shared_expert_intermediate_size=80,
        decoder_sparse_step=2,
        mlp_only_layers=[3],
        qkv_bias=False,
        tie_word_embeddings=True,
    ),
    "qwen3_moe": _case("qwen3_moe", num_experts=5, num_experts_per_tok=2, moe_intermediate_size=32, head_dim=12),
    "qwen3_moe with dense layers, biases": _case(
        "qwen3_moe",
        num_hidden_layers=5,
        num_experts=5,
        num_experts_per_tok=2,
        moe_intermediate_size=32,
        decoder_sparse_step=2,
        mlp_only_layers=[1],
        attention_bias=True,
    ),
    "olmoe": _case("olmoe", num_experts=5, num_experts_per_tok=2),
    "olmoe biases, tied": _case(
        "olmoe", num_experts=5, num_experts_per_tok=2, attention_bias=True, tie_word_embeddings=True
    ),
    "phimoe": _case("phimoe", num_local_experts=5, num_experts_per_tok=2),
    "phimoe biases": _case(
        "phimoe", num_local_experts=5, num_experts_per_tok=2, attention_bias=True, lm_head_bias=True, sliding_window=32
    ),
    "dbrx": _DBRX,
    "gpt_oss": _case("gpt_oss", num_local_experts=5, num_experts_per_tok=2, head_dim=12),
    "gpt_oss tied": _case(
        "gpt_oss",
        num_local_experts=5,
        num_experts_per_tok=2,
        head_dim=12,
        attention_bias=False,
        tie_word_embeddings=True,
        layer_types=["sliding_attention", "full_attention", "full_attention"],
    ),
    "granitemoe": _case("granitemoe", num_local_experts=5, num_experts_per_tok=2),
    "granitemoe biases, tied": _case(
        "granitemoe", num_local_experts=5, num_experts_per_tok=2, attention_bias=True, tie_word_embeddings=True
    ),
    "granitemoeshared": _case(
        "granitemoeshared", num_local_experts=5, num_experts_per_tok=2, shared_intermediate_size=80
    ),
    "granitemoeshared without a shared expert": _case(
        "granitemoeshared", num_local_experts=5, num_experts_per_tok=2, shared_intermediate_size=0
    ),
    "glm4_moe": _case(
        "glm4_moe",
        head_dim=12,
        n_routed_experts=6,
        num_experts_per_tok=2,
        n_shared_experts=2,
        moe_intermediate_size=32,
        first_k_dense_replace=1,
        n_group=2,
        topk_group=1,
    ),
    "glm4_moe biases, normed": _case(
        "glm4_moe",
        head_dim=12,
        n_routed_experts=6,
        num_experts_per_tok=2,
        n_shared_experts=1,
        moe_intermediate_size=32,
        first_k_dense_replace=2,
        attention_bias=True,
        use_qk_norm=True,
    ),
    "hunyuan_v1_moe": _case("hunyuan_v1_moe", num_experts=5, moe_topk=2, head_dim=8, pad_token_id=0),
    "hunyuan_v1_moe lists": _case(
        "hunyuan_v1_moe", num_experts=5, moe_topk=[2, 2, 2], head_dim=12, attention_bias=True, pad_token_id=0
    ),
    "ernie4_5_moe": _case(
        "ernie4_5_moe",
        moe_num_experts=5,
        moe_k=2,
        moe_intermediate_size=32,
        moe_num_shared_experts=2,
        moe_layer_start_index=1,
        moe_layer_end_index=-1,
        moe_layer_interval=1,
    ),
    "ernie4_5_moe interval, biases": _case(
        "ernie4_5_moe",
        num_hidden_layers=6,
        moe_num_experts=5,
        moe_k=2,
        moe_intermediate_size=32,
        moe_num_shared_experts=0,
        moe_layer_start_index=1,
        moe_layer_end_index=4,
        moe_layer_interval=2,
        use_bias=True,
        tie_word_embeddings=False,
    ),
    "dots1": _case(
        "dots1",
        n_routed_experts=6,
        num_experts_per_tok=2,
        n_shared_experts=2,
        moe_intermediate_size=32,
        first_k_dense_replace=1,
        n_group=2,
        topk_group=1,
    ),
    "flex_olmo": _case("flex_olmo", num_experts=5, num_experts_per_tok=2, pad_token_id=0),
    "deepseek_v2": {"model_type": "deepseek_v2", **_LATENT},
    "deepseek_v2 without query compression": {
        "model_type": "deepseek_v2",
        **_LATENT,
        "q_lora_rank": None,
        "attention_bias": True,
    },
    "deepseek_v3": {"model_type": "deepseek_v3", **_LATENT},
    "deepseek_v3 without query compression": {
        "model_type": "deepseek_v3",
        **_LATENT,
        "q_lora_rank": None,
        "attention_bias": True,
        "tie_word_embeddings": True,
    },
    "deepseek_v3 biases": {
        "model_type": "deepseek_v3",
        **_LATENT,
        "attention_bias": True,
        "n_shared_experts": 1,
    },
    "glm4_moe_lite": {"model_type": "glm4_moe_lite", **_LATENT},
    "minicpm3": {
        "model_type": "minicpm3",
        **{key: value for key, value in _LATENT.items() if "expert" not in key and "group" not in key},
    },
    "minimax_m2": _case(
        "minimax_m2", num_local_experts=5, num_experts_per_tok=2, head_dim=12, rotary_dim=6, use_qk_norm=True
    ),
    "solar_open": _case(
        "solar_open",
        head_dim=12,
        n_routed_experts=6,
        num_experts_per_tok=2,
        n_shared_experts=1,
        moe_intermediate_size=32,
    ),
}
