"""Sizes of published models that naive rules get wrong, by hand and from the publishers' own counts."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic.models import read_config
from voltaic.models.parameters import layer_groups, parameter_count

_DEEPSEEK = {
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
}
V2_LITE: dict[str, Any] = {
    "model_type": "deepseek_v2",
    **_DEEPSEEK,
    "hidden_size": 2048,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "intermediate_size": 10944,
    "vocab_size": 102400,
    "q_lora_rank": None,
    "n_routed_experts": 64,
    "n_shared_experts": 2,
    "num_experts_per_tok": 6,
    "moe_intermediate_size": 1408,
    "first_k_dense_replace": 1,
}
V3: dict[str, Any] = {
    "model_type": "deepseek_v3",
    **_DEEPSEEK,
    "hidden_size": 7168,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "intermediate_size": 18432,
    "vocab_size": 129280,
    "q_lora_rank": 1536,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 2048,
    "first_k_dense_replace": 3,
}
MIXTRAL: dict[str, Any] = {
    "model_type": "mixtral",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 32000,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
}
QWEN3_30B: dict[str, Any] = {
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "intermediate_size": 6144,
    "vocab_size": 151936,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
}
GEMMA_3N: dict[str, Any] = {
    "model_type": "gemma3n_text",
    "hidden_size": 2048,
    "num_hidden_layers": 35,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "intermediate_size": [16384] * 35,
    "vocab_size": 262400,
    "num_kv_shared_layers": 15,
}
QWEN3_NEXT: dict[str, Any] = {
    "model_type": "qwen3_next",
    "hidden_size": 2048,
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "intermediate_size": 5120,
    "vocab_size": 151936,
    "num_experts": 512,
    "num_experts_per_tok": 10,
    "moe_intermediate_size": 512,
    "shared_expert_intermediate_size": 512,
}


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (MIXTRAL, 46_702_792_704),
        (QWEN3_30B, 30_532_122_624),
        (V2_LITE, 15_706_484_224),
        # The checkpoint has one more number for each routed expert, which its class holds as a buffer.
        (V3, 671_026_419_200 - 58 * 256),
    ],
)
def test_published_counts_of_models_with_experts_are_met(config: dict[str, Any], count: int) -> None:
    """Parameters of models with experts and latent attention are the published ones, to the parameter."""
    assert parameter_count(read_config(config)) == count


@pytest.mark.parametrize(("config", "size"), [(V2_LITE, 276_480), (QWEN3_30B, 98_304), (GEMMA_3N, 40_960)])
def test_bytes_of_keys_and_values_are_those_by_hand(config: dict[str, Any], size: int) -> None:
    """Unequal heads of K and V, stated head sizes and shared layers are counted as they are, at two bytes."""
    assert 2 * read_config(config).kv_elements_per_token == size


@pytest.mark.parametrize(("config", "size"), [(V2_LITE, 31_104), (V3, 70_272)])
def test_bytes_of_latents_are_those_by_hand(config: dict[str, Any], size: int) -> None:
    """What an engine with a latent cache keeps of a token, at two bytes, over all layers."""
    assert 2 * sum(cache.layers * cache.latent for cache in read_config(config).caches) == size


def test_linear_attention_keeps_a_state_in_place_of_tokens() -> None:
    """Of 48 layers a quarter keeps tokens, and each of the others a state whose size the sequence does not change."""
    full, state = sorted(read_config(QWEN3_NEXT).caches, key=lambda cache: cache.kind)
    assert (full.kind, full.layers, 2 * full.elements_per_token) == ("full", 12, 24_576)
    assert (state.kind, state.layers, state.recurrent_state) == ("state", 36, 2**19)
    assert 2 * state.conv_state // state.kernel * (state.kernel - 1) == 49_152
    assert state.elements_per_token == 0


def test_layers_are_grouped_by_what_they_hold() -> None:
    """Dense layers, and those with experts, are a group each, with the number of its first layer and its count."""
    arch = read_config(V3)
    groups = layer_groups(arch)
    assert [(group.count, group.first) for group in groups] == [(3, 0), (58, 3)]
    assert arch.experts is not None
    assert (arch.experts.count, arch.experts.per_token, arch.experts.layers) == (256, 8, 58)
    routed = [tensor for tensor in groups[1].tensors if tensor.role == "expert_gate"]
    assert [(tensor.count, tensor.shape) for tensor in routed] == [(256, (2048, 7168))]
