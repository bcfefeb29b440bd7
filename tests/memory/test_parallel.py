"""Weights of one rank of a tensor-parallel group, and formats of weights."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import models
from voltaic.memory.formats import weights_format
from voltaic.memory.parallel import Rank, Rule, kv_heads, rank_weights, rotary_table
from voltaic.models import Architecture, Quantization, parameter_count

GIB = 2**30
VLLM = Rule(vocabulary_multiple=64)
QWEN = "Qwen/Qwen2.5-7B-Instruct"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_13B = "meta-llama/Llama-2-13b-hf"


def arch_of(model: str) -> Architecture:
    """Return the architecture of a catalogue model."""
    arch = models.resolve(model).architecture
    assert arch is not None
    return arch


def rank(model: str, shards: int, fmt: str = "float16", quantization: Quantization | None = None) -> Rank:
    """Return the weights of a rank under vLLM's rule, with its table of rotary positions."""
    arch, found = arch_of(model), weights_format(fmt, quantization)
    assert found is not None
    return rank_weights(arch, shards, VLLM, found, (rotary_table(arch),))


@pytest.mark.parametrize(
    ("model", "shards", "gib"),
    [
        (QWEN, 1, 14.249),  # by hand: 446.5 MiB x 28, norms, two tables of 1040 MiB, 8 MiB of positions
        (QWEN, 2, 7.12),
        (MISTRAL, 2, 6.75),
        (LLAMA_13B, 2, 12.26),
        (LLAMA_13B, 4, 6.11),
        ("meta-llama/Meta-Llama-3-8B", 1, 14.96),
    ],
)
def test_weights_of_a_rank_as_allocated(model: str, shards: int, gib: float) -> None:
    """Each fused tensor is divided, then rounded as the allocator does: within 0.01 GiB of the sums by hand."""
    assert rank(model, shards).allocated / GIB == pytest.approx(gib, abs=0.01)


def test_four_bits_leave_the_vocabulary_alone() -> None:
    """Llama-3-8B in AWQ with groups of 128: 6.979e9 weights at 4.156 bits, two tables in 16 bits."""
    found = rank("meta-llama/Meta-Llama-3-8B", 1, "awq", Quantization("awq", 4, 128))
    assert found.bytes == pytest.approx(6.979e9 * 4.156 / 8 + 2 * 128_256 * 4096 * 2, rel=0.002)


def test_unknown_formats_have_no_layout() -> None:
    """A format whose bits are not known has no size: GPTQ without a checkpoint's word, or one never heard of."""
    assert weights_format("gptq") is None
    assert weights_format("q4_0_of_tomorrow") is None


def test_kv_heads_of_a_rank() -> None:
    """Heads are divided; below one, an engine repeats them or has none; a single one is everywhere."""
    assert [kv_heads(8, shards, replicate=True) for shards in (1, 2, 8, 16)] == [8, 4, 1, 1]
    assert [kv_heads(8, shards, replicate=False) for shards in (8, 16)] == [1, 0]
    assert kv_heads(1, 8, replicate=False) == 1


@given(
    st.sampled_from((QWEN, MISTRAL, LLAMA_13B, "mistralai/Mixtral-8x7B-Instruct-v0.1")), st.sampled_from((1, 2, 4, 8))
)
def test_ranks_hold_all_of_a_model_together(model: str, shards: int) -> None:
    """All ranks together hold every parameter at least once, one rank less of them the more there are."""
    found, whole = rank(model, shards), rank(model, 1)
    assert whole.elements == parameter_count(arch_of(model))
    assert shards * found.elements >= whole.elements
    assert found.bytes <= found.allocated <= found.reserved
    if shards > 1:
        assert found.reserved < rank(model, shards // 2).reserved


def test_modules_left_out_of_the_quantization_are_matched_as_names() -> None:
    """A name in a list of exclusions means that module: one layer's MLP stays in 16 bits, not that of ten others."""
    arch = models.resolve("mistralai/Mistral-7B-Instruct-v0.2").architecture
    assert arch is not None

    def held(*excluded: str) -> int:
        fmt = weights_format("awq", Quantization("awq", bits=4, group_size=128, excluded=excluded), dtype="float16")
        assert fmt is not None
        return rank_weights(arch, 1, Rule(), fmt).bytes

    mlp = 3 * 4096 * 14336
    saved = 2 - 4.156 / 8
    assert held("model.layers.1.mlp") - held() == pytest.approx(mlp * saved, rel=0.01)
    assert held("mlp") - held() == pytest.approx(32 * mlp * saved, rel=0.01)
    assert weights_format("awq", Quantization("awq", bits=4, group_size=128, excluded=("re:(a|b)+",))) is None
