"""The closed forms of the Transformers fallback, each computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voltaic import models
from voltaic.memory.fallback import Kind, Load, kept_logits, kv_per_layer, moments
from voltaic.memory.weights import GpuWeights

WHOLE = GpuWeights(reserved=0, layers=32, first=True, head=True)
MIDDLE = GpuWeights(reserved=0, layers=16, first=False, head=False)
LOAD = Load(batch=2, total=2048, input=1024, prefill=1024, warm_up_requests=1, warm_up_tokens=1024)


def kind(model: str, **changes: bool) -> Kind:
    """Return how a catalogue model runs, plainly except for the changes."""
    arch = models.resolve(model).architecture
    assert arch is not None
    return replace(Kind(arch, eager=False, int8=False, upcast=False, whole_cache=False), **changes)  # type: ignore[arg-type]


LLAMA = "meta-llama/Llama-2-7b-chat-hf"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"


def held(of: Kind, load: Load = LOAD, gpu: GpuWeights = WHOLE) -> dict[str, tuple[int, int]]:
    """Return cache and activations by moment, the larger of two of one name."""
    found: dict[str, tuple[int, int]] = {}
    for moment in sorted(moments(of, load, gpu), key=lambda moment: moment.total):
        found[moment.moment] = (moment.kv_cache, moment.activations)
    return found


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("microsoft/phi-2", 327_680),
        (MISTRAL, 131_072),
        (LLAMA, 524_288),
        ("meta-llama/Llama-2-13b-chat-hf", 819_200),
        ("meta-llama/Meta-Llama-3-8B", 131_072),
        ("tiiuae/falcon-7b", 8_192),
    ],
)
def test_kv_bytes_per_token(model: str, size: int) -> None:
    """A token costs its K and V heads in every layer, and no more."""
    of = kind(model)
    assert kv_per_layer(of.arch) * of.arch.layers == size


def test_decode_holds_the_cache_twice() -> None:
    """A decode step holds old and new cache; Llama-2-7B repeats no heads, so only 32-bit logits come on top."""
    assert held(kind(LLAMA))["decode"] == (2 * 2 * 2048 * 524_288, 4 * 2 * 32_000)


def test_decode_repeats_shared_heads() -> None:
    """With fewer K and V heads than query heads one layer's are repeated for all of them: Mistral."""
    assert held(kind(MISTRAL))["decode"] == (2 * 2 * 2048 * 131_072, 4 * 2 * 32 * 128 * 2048)


def test_one_shared_head_is_repeated_only_in_padded_batches() -> None:
    """gemma-2b has one K and V head, which one request alone does not repeat."""
    gemma = kind("google/gemma-2b")
    alone = replace(LOAD, batch=1)
    logits = 4 * 256_000
    assert held(gemma, alone)["decode"][1] == logits
    assert held(gemma)["decode"][1] == max(4 * 2 * 8 * 256 * 2048, 2 * logits)


def test_decode_of_falcon_holds_scores() -> None:
    """falcon-7b holds its attention scores in a decode step, and repeated heads beside them when padded."""
    falcon = kind("tiiuae/falcon-7b")
    assert held(falcon, replace(LOAD, batch=1))["decode"][1] == max(5 * 71 * 2048, 4 * 65_024)
    assert held(falcon)["decode"][1] == 2 * (5 * 71 * 2048 + 2 * 71 * 64 * 2048)


def test_prefill_holds_the_running_requests_too() -> None:
    """While a request is read, the others keep their cache; Llama's widest layer needs 2T(4h+3I) + 4Td bytes."""
    layer = 2 * 1024 * (4 * 4096 + 3 * 11008) + 4 * 1024 * 128
    assert held(kind(LLAMA))["prefill"] == ((2048 + 1024) * 524_288, layer)


def test_prefill_of_a_batch_holds_its_mask() -> None:
    """Two requests read at once are padded, and their mask costs 2BL^2 bytes."""
    load = replace(LOAD, prefill=2048)
    layer = 2 * 2048 * (4 * 4096 + 3 * 14336) + 2 * 2 * 1024 * 1024
    alone = (2048 + 1024) * 131_072 + 2 * 1024 * (4 * 4096 + 3 * 14336)
    both = 2 * 1024 * 131_072 + layer
    assert sum(held(kind(MISTRAL), load)["prefill"]) == max(alone, both)


def test_logits_of_every_position_are_held() -> None:
    """Where the vocabulary is wide, prefill is bound by 2T(h+V) bytes and warm-up by 2TV + 2LV: Llama-3-8B."""
    llama3 = kind("meta-llama/Meta-Llama-3-8B")
    assert held(llama3)["prefill"][1] == 2 * 1024 * (4096 + 128_256)
    assert held(llama3)["warm-up"] == (1024 * 131_072, 2 * 1024 * 128_256 * 2)


def test_releases_that_upcast_hold_logits_in_32_bits_too() -> None:
    """Up to transformers 4.45 logits are held in 16 and in 32 bits: T(2h + 6V) bytes."""
    llama3 = kind("meta-llama/Meta-Llama-3-8B", upcast=True)
    assert held(llama3)["prefill"][1] == 1024 * (2 * 4096 + 6 * 128_256)
    assert held(llama3)["warm-up"][1] == (1024 + 1024) * 128_256 * 4


def test_eager_attention_holds_all_scores() -> None:
    """TGI 1.2.0 warms Llama-2-7B up with 4 x 1024 tokens and eager attention: 2.00 GiB of cache and 8BaL^2 + 10Th."""
    load = Load(batch=4, total=2048, input=1024, prefill=4096, warm_up_requests=4, warm_up_tokens=1024)
    cache, activations = held(kind(LLAMA, eager=True, upcast=True), load)["warm-up"]
    assert cache == 2 * 2**30
    assert activations == max(8 * 4 * 32 * 1024**2 + 10 * 4096 * 4096, (4096 + 1024) * 32_000 * 4)


def test_falcon_attention_is_quadratic() -> None:
    """No fused kernel takes falcon-7b's one K and V head: 5BaL^2 + 2L^2 + 12Th bytes."""
    assert held(kind("tiiuae/falcon-7b"))["warm-up"][1] == 5 * 71 * 1024**2 + 2 * 1024**2 + 12 * 1024 * 4544


def test_phi_holds_its_wide_mlp() -> None:
    """phi-2's activation function holds four tensors of the MLP's width beside residual, norm and attention output."""
    assert held(kind("microsoft/phi-2"))["warm-up"][1] == max(
        8 * 1024 * (2560 + 10_240), 2 * 1024 * (2560 + 51_200), 2 * 2 * 1024 * 51_200
    )


def test_int8_turns_one_matrix_back() -> None:
    """In int8 one matrix of the MLP is held in 16 bits while it is used, in prefill and in decode."""
    plain, int8 = held(kind(LLAMA)), held(kind(LLAMA, int8=True))
    matrix = 2 * 4096 * 11008
    assert int8["prefill"][1] == matrix + 2 * 1024 * (5 * 4096 + 3 * 11008)
    assert int8["decode"][1] - plain["decode"][1] == matrix


def test_a_join_holds_old_and_new_layer_by_layer() -> None:
    """Joining holds the old caches and one layer of the new one, or the new one and one layer of the old."""
    old, new = (2048 + 1024) * 524_288, 2 * 2048 * 524_288
    assert held(kind(LLAMA))["join"] == (max(old + new // 64, new + old // 64, new - new // 64 + old // 32), 0)


def test_one_request_is_never_joined() -> None:
    """With a batch size of one nothing is joined."""
    assert "join" not in held(kind(LLAMA), replace(LOAD, batch=1))


def test_a_gpu_in_the_middle_holds_its_layers_alone() -> None:
    """Under a layer split a GPU holds the cache of its layers, and no logits."""
    middle = held(kind(LLAMA), gpu=MIDDLE)
    assert middle["decode"] == (2 * 2 * 2048 * 524_288 // 2, 0)
    assert middle["warm-up"] == (1024 * 524_288 // 2, 2 * 1024 * (4 * 4096 + 3 * 11008) + 4 * 1024 * 128)


def test_a_gpu_without_layers_may_return_logits() -> None:
    """The first GPU is given the logits even where it has no layer."""
    first = held(kind(LLAMA), gpu=GpuWeights(reserved=0, layers=0, first=True, head=False))
    assert first["decode"] == (0, 4 * 2 * 32_000)
    assert first["prefill"][1] == 2 * 1024 * (4096 + 32_000)


def test_falcon_carries_its_whole_cache_to_every_gpu() -> None:
    """Falcon's class does not keep its cache in place, so each GPU of a split is billed all layers of it."""
    split = held(kind("tiiuae/falcon-7b", whole_cache=True), gpu=MIDDLE)
    assert split["decode"][0] == 2 * 2 * 2048 * 8_192


@pytest.mark.parametrize(("upcast", "width"), [(False, 2), (True, 4)])
def test_one_sampling_setting_keeps_its_prefill_logits(upcast: bool, width: int) -> None:  # noqa: FBT001
    """The first request of a sampling setting keeps the logits of its prefill."""
    assert kept_logits(kind(LLAMA, upcast=upcast), LOAD) == width * 1024 * 32_000


def test_a_prompt_longer_than_the_prefill_limit_is_read_whole() -> None:
    """A prompt is never cut: the logits of its whole length are kept."""
    assert kept_logits(kind(LLAMA), replace(LOAD, prefill=10)) == 2 * 1024 * 32_000


def test_gpt2_keeps_the_queries_of_a_fresh_prompt() -> None:
    """The cache of a prompt of gpt2 is a view of queries, keys and values, until the first decode step copies it."""
    gpt2, token = kind("openai-community/gpt2"), 2 * 2 * 12 * 768
    load, gpu = replace(LOAD, total=1024, input=1000, prefill=1000), GpuWeights(0, layers=12, first=True, head=True)
    found = held(gpt2, load, gpu)
    assert found["warm-up"][0] == 1024 * token * 3 // 2
    assert found["prefill"][0] == 1024 * token + 1000 * token * 3 // 2
    assert found["decode"][0] == 2 * 2 * 1024 * token
    old, new = 1024 * token + 1000 * token * 3 // 2, 2 * 1024 * token
    assert found["join"][0] == max(old + new // 24, new + old // 24, new - new // 24 + 2 * (old // 24))
    together = held(gpt2, replace(load, prefill=2000), gpu)
    assert together["decode"][0] == 2 * 1000 * token * 5 // 2


def test_eager_attention_repeats_shared_heads() -> None:
    """Eager attention holds one layer's repeated K and V beside the scores where heads are shared: Mistral."""
    assert held(kind(MISTRAL, eager=True))["warm-up"][1] == 8 * 32 * 1024**2 + 10 * 1024 * 4096 + 4 * 1024 * 4096


def test_eager_phi_computes_in_32_bits() -> None:
    """Eager phi-2 holds 32-bit scores before and after the softmax, and a 32-bit copy of one layer's keys."""
    found = held(kind("microsoft/phi-2", eager=True))
    assert found["warm-up"][1] == 10 * 32 * 1024**2 + 14 * 1024 * 2560
    assert found["decode"][1] == 2 * 32 * 2048 * (10 + 4 * 80)
