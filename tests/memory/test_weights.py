"""Bytes of weights on the GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from voltaic import models
from voltaic.memory.weights import Weights, weights_of

if TYPE_CHECKING:
    from voltaic.models import Architecture

GIB = 2**30
PLENTY = 10**12


def arch_of(model: str) -> Architecture:
    """Return the architecture of a catalogue model."""
    arch = models.resolve(model).architecture
    assert arch is not None
    return arch


def weights(
    model: str,
    fmt: str = "float16",
    gpus: int = 1,
    transformers: tuple[int, int, int] | None = (4, 46, 3),
    stated: int | None = None,
) -> Weights:
    """Return the weights of a catalogue model with room for all of it."""
    found = weights_of(arch_of(model), fmt=fmt, gpus=gpus, free=PLENTY, transformers=transformers, stated=stated)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "gib"),
    [
        ("meta-llama/Llama-2-7b-chat-hf", 12.55),
        ("meta-llama/Llama-2-13b-chat-hf", 24.24),
        ("meta-llama/Meta-Llama-3-8B", 14.96),
        ("mistralai/Mistral-7B-Instruct-v0.2", 13.49),
    ],
)
def test_loads_what_the_parameters_weigh(model: str, gib: float) -> None:
    """A float16 model holds two bytes a parameter."""
    assert weights(model).loaded / GIB == pytest.approx(gib, abs=0.005)


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("mistralai/Mistral-7B-Instruct-v0.2", (0.12, 0.2)),
        ("meta-llama/Meta-Llama-3-8B", (0.12, 0.2)),
        ("microsoft/phi-2", (0.12, 0.2)),
        ("meta-llama/Llama-2-7b-chat-hf", (0.0, 0.01)),
    ],
)
def test_reserves_more_than_it_loads(model: str, more: tuple[float, float]) -> None:
    """Mistral, Llama-3 and phi-2 reserve 0.12 to 0.2 GiB more than their tensors, as measured; Llama-2-7B does not."""
    found = weights(model)
    assert more[0] <= (found.per_gpu[0].reserved - found.loaded) / GIB <= more[1]


def test_int8_keeps_embedding_and_head() -> None:
    """In int8 linear layers weigh a byte a weight and four a row, embedding and head stay 16-bit: Llama-2-7B."""
    linears = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008)
    rows = 32 * (4 * 4096 + 2 * 11008 + 4096)
    others = 2 * (2 * 32000 * 4096 + 65 * 4096)
    assert weights("meta-llama/Llama-2-7b-chat-hf", "bitsandbytes").loaded == linears + 4 * rows + others


def test_old_releases_keep_rotary_tables_in_every_layer() -> None:
    """Before transformers 4.42 every layer of Mistral holds 2 x 32768 x 128 cosines and sines: 0.5 GiB in all."""
    now = weights("mistralai/Mistral-7B-Instruct-v0.2").loaded
    before = weights("mistralai/Mistral-7B-Instruct-v0.2", transformers=(4, 41, 1)).loaded
    assert before - now == 32 * 2 * 32768 * 128 * 2


def test_a_release_that_is_not_known_counts_the_tables() -> None:
    """Where the release of transformers is not known, the dearer answer is taken."""
    model = "mistralai/Mistral-7B-Instruct-v0.2"
    assert weights(model, transformers=None).loaded == weights(model, transformers=(4, 41, 1)).loaded


def test_gpt2_holds_causal_masks() -> None:
    """Every layer of gpt2 holds a mask of 1024 x 1024 bytes beside its parameters."""
    assert weights("openai-community/gpt2").loaded == 2 * 124_439_808 + 12 * 1024 * 1024


def test_a_larger_checkpoint_counts_in_full() -> None:
    """Bytes that a checkpoint states beyond the class's own are counted."""
    model = "mistralai/Mistral-7B-Instruct-v0.2"
    plain = weights(model)
    larger = weights(model, stated=plain.loaded + GIB)
    assert larger.per_gpu[0].reserved - plain.per_gpu[0].reserved == GIB
    assert weights(model, stated=1).per_gpu == plain.per_gpu


def test_a_copy_of_a_tied_head_is_not_held() -> None:
    """falcon-7b's checkpoint stores its tied head, which the class does not hold again."""
    plain = weights("tiiuae/falcon-7b")
    head = 65024 * 4544 * 2
    assert weights("tiiuae/falcon-7b", stated=plain.loaded + head).per_gpu == plain.per_gpu


def test_other_formats_have_no_size_here() -> None:
    """Formats that the fallback cannot load are not guessed."""
    assert weights_of(arch_of("microsoft/phi-2"), fmt="awq", gpus=1, free=PLENTY, transformers=None) is None


WITH_WEIGHTS = [
    entry.id
    for entry in models.known_models()
    if entry.architecture.quantization is None
    and weights_of(entry.architecture, fmt="float16", gpus=1, free=PLENTY, transformers=(4, 46, 3)) is not None
]
"""Models whose layers are all alike and all there is."""


def test_layers_that_differ_are_not_spread_by_guess() -> None:
    """A model with layers of several kinds or with towers has no weights here."""
    left = {entry.id for entry in models.known_models() if entry.architecture.quantization is None} - set(WITH_WEIGHTS)
    assert {"deepseek-ai/DeepSeek-V2-Lite-Chat", "Qwen/Qwen2.5-VL-7B-Instruct", "google/flan-t5-base"} <= left
    assert len(WITH_WEIGHTS) > 2 * len(left)


@pytest.mark.parametrize("gpus", [2, 3, 4, 8])
@pytest.mark.parametrize("model", WITH_WEIGHTS)
def test_a_split_loses_nothing(model: str, gpus: int) -> None:
    """Over any number of GPUs the layers are all there once, and no GPU holds more than the whole model."""
    arch = arch_of(model)
    whole, parts = weights(model), weights(model, gpus=gpus)
    assert sum(gpu.layers for gpu in parts.per_gpu) == arch.layers
    assert sum(gpu.head for gpu in parts.per_gpu) == 1
    assert max(gpu.reserved for gpu in parts.per_gpu) <= whole.per_gpu[0].reserved
    assert sum(gpu.reserved for gpu in parts.per_gpu) >= parts.loaded == whole.loaded


def test_more_layers_weigh_more() -> None:
    """A model with one more layer weighs that layer more."""
    arch = arch_of("meta-llama/Llama-2-7b-chat-hf")
    more = weights_of(replace(arch, layers=33), fmt="float16", gpus=1, free=PLENTY, transformers=(4, 46, 3))
    assert more is not None
    layer = 2 * (4 * 4096 * 4096 + 3 * 4096 * 11008 + 2 * 4096)
    assert more.loaded - weights("meta-llama/Llama-2-7b-chat-hf").loaded == layer
