"""Composite models: a decoder, a tower that sees, and what joins them."""

from __future__ import annotations

from typing import Any

_TEXT = {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 176,
    "vocab_size": 1000,
    "max_position_embeddings": 256,
}
_LLAMA = {"model_type": "llama", **_TEXT}
_VISION = {
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 28,
    "patch_size": 14,
}
_CLIP = {"model_type": "clip_vision_model", **_VISION, "projection_dim": 32}
_SIGLIP = {"model_type": "siglip_vision_model", **_VISION}
_PIXTRAL = {"model_type": "pixtral", **_VISION}

VARIANTS: dict[str, dict[str, Any]] = {
    "llava": {"model_type": "llava", "text_config": _LLAMA, "vision_config": _CLIP},
    "llava siglip, qwen2, layers": {
        "model_type": "llava",
        "text_config": {"model_type": "qwen2", **_TEXT, "tie_word_embeddings": True},
        "vision_config": _SIGLIP,
        "vision_feature_layer": [-2, -1],
        "multimodal_projector_bias": False,
    },
    "llava pixtral": {
        "model_type": "llava",
        "text_config": {"model_type": "mistral", **_TEXT},
        "vision_config": _PIXTRAL,
    },
    "llava_next": {"model_type": "llava_next", "text_config": _LLAMA, "vision_config": _CLIP},
    "paligemma": {
        "model_type": "paligemma",
        "text_config": {"model_type": "gemma", **_TEXT, "head_dim": 12},
        "vision_config": _SIGLIP,
        "projection_dim": 64,
    },
    "paligemma gemma2": {
        "model_type": "paligemma",
        "text_config": {"model_type": "gemma2", **_TEXT, "head_dim": 12},
        "vision_config": _SIGLIP,
        "projection_dim": 64,
    },
    "gemma3": {
        "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", **_TEXT, "head_dim": 12},
        "vision_config": {**_SIGLIP, "vision_use_head": False},
    },
    "qwen2_vl": {
        "model_type": "qwen2_vl",
        **_TEXT,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        "vision_config": {"depth": 2, "embed_dim": 48, "hidden_size": 64, "mlp_ratio": 3, "num_heads": 4},
    },
    "qwen2_5_vl": {
        "model_type": "qwen2_5_vl",
        **_TEXT,
        "tie_word_embeddings": True,
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        "vision_config": {
            "depth": 2,
            "hidden_size": 48,
            "out_hidden_size": 64,
            "intermediate_size": 80,
            "num_heads": 4,
        },
    },
    "mllama": {
        "model_type": "mllama",
        "text_config": {
            "model_type": "mllama_text_model",
            **_TEXT,
            "num_hidden_layers": 5,
            "cross_attention_layers": [1, 3],
            "rope_scaling": {"rope_type": "default"},
            "pad_token_id": 0,
        },
        "vision_config": {
            "hidden_size": 48,
            "intermediate_size": 80,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": 4,
            "image_size": 28,
            "patch_size": 14,
            "vision_output_dim": 144,
            "intermediate_layers_indices": [0, 1],
            "max_num_tiles": 4,
            "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
        },
    },
    "idefics2": {
        "model_type": "idefics2",
        "text_config": {"model_type": "mistral", **_TEXT, "pad_token_id": 0},
        "vision_config": _VISION,
        "perceiver_config": {
            "hidden_size": 64,
            "resampler_n_latents": 5,
            "resampler_depth": 2,
            "resampler_n_heads": 4,
            "resampler_head_dim": 12,
            "num_key_value_heads": 2,
        },
    },
    "idefics3": {
        "model_type": "idefics3",
        "text_config": {**_LLAMA, "pad_token_id": 0},
        "vision_config": _VISION,
        "scale_factor": 2,
    },
    "smolvlm": {
        "model_type": "smolvlm",
        "text_config": {**_LLAMA, "pad_token_id": 0},
        "vision_config": _VISION,
        "scale_factor": 2,
        "tie_word_embeddings": True,
    },
    "mistral3": {
        "model_type": "mistral3",
        "text_config": {"model_type": "mistral", **_TEXT, "head_dim": 12},
        "vision_config": _PIXTRAL,
    },
    "llama4": {
        "model_type": "llama4",
        "text_config": {
            "model_type": "llama4_text",
            **_TEXT,
            "num_hidden_layers": 4,
            "head_dim": 12,
            "intermediate_size_mlp": 112,
            "num_local_experts": 5,
            "num_experts_per_tok": 1,
            "interleave_moe_layer_step": 2,
            "pad_token_id": 0,
        },
        "vision_config": {
            **_VISION,
            "vision_output_dim": 40,
            "projector_input_dim": 40,
            "projector_output_dim": 40,
            "pixel_shuffle_ratio": 0.5,
        },
    },
    "qwen3_vl": {
        "model_type": "qwen3_vl",
        "text_config": {
            "model_type": "qwen3_vl_text",
            **_TEXT,
            "rope_scaling": {"rope_type": "default", "mrope_section": [2, 1, 1]},
        },
        "vision_config": {
            "depth": 3,
            "hidden_size": 48,
            "out_hidden_size": 64,
            "intermediate_size": 80,
            "num_heads": 4,
            "deepstack_visual_indexes": [0, 2],
            "num_position_embeddings": 36,
        },
    },
    "llama4_text": {
        "model_type": "llama4_text",
        **_TEXT,
        "num_hidden_layers": 4,
        "head_dim": 12,
        "intermediate_size_mlp": 112,
        "num_local_experts": 5,
        "num_experts_per_tok": 1,
        "interleave_moe_layer_step": 1,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
    },
    "gemma3 defaults of the decoder's class": {
        "model_type": "gemma3",
        "text_config": {
            "model_type": "gemma3_text",
            "hidden_size": 64,
            "intermediate_size": 176,
            "num_hidden_layers": 7,
        },
        "vision_config": {**_SIGLIP, "vision_use_head": False},
    },
    "llava defaults of both classes": {
        "model_type": "llava",
        "text_config": {"model_type": "llama", "num_hidden_layers": 2, "vocab_size": 1000},
        "vision_config": {"model_type": "clip_vision_model", "num_hidden_layers": 1},
    },
    "qwen2_vl decoder apart": {
        "model_type": "qwen2_vl",
        "text_config": {
            "model_type": "qwen2_vl_text",
            **_TEXT,
            "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]},
        },
        "vision_config": {"depth": 1},
    },
}
