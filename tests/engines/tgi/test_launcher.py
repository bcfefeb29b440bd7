"""What the launcher reckons, loads and compares before a shard starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from voltaic.engines.tgi import argument_support, launcher, model_support
from voltaic.engines.tgi.limits import effective
from voltaic.hardware import gpu_model
from voltaic.models import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from voltaic.models import Architecture
    from voltaic.spec import ServingSpec

    SpecOf = Callable[..., ServingSpec]

LLAMA = "meta-llama/Llama-2-7b-chat-hf"


def llama() -> Architecture:
    """Llama 2 7B: 32 layers, 32 heads of 128, hidden 4096, intermediate 11008."""
    found = resolve(LLAMA).architecture
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("gpu", "version", "shards", "tokens"),
    [
        # 121e12 / (32 x (10 x 32 x 128 x 4096 + 6 x 4096 x 11008)) = 8627.0
        ("l4-24gb", (3, 0, 0), 1, 8626),
        ("l4-24gb", (3, 3, 7), 2, 17253),
        ("v100-16gb", (3, 0, 1), 2, 4096),
        ("h200-141gb", (3, 0, 2), 1, 4096),
        ("h200-141gb", (3, 1, 0), 1, 70513),
        ("a100-80gb", (3, 0, 1), 1, None),
        ("a100-40gb", (3, 0, 1), 1, 4096),
        ("a100-40gb", (3, 0, 2), 1, None),
        ("t4-16gb", (3, 3, 7), 1, None),
    ],
)
def test_the_prefill_budget_follows_the_speed_of_the_card(
    gpu: str, version: tuple[int, int, int], shards: int, tokens: int | None
) -> None:
    """Tokens that the shards compute in a second; 4096 for a card that the release does not know."""
    assert launcher.budget(llama(), gpu, version, shards, 4096) == tokens


def test_positions_bound_the_budget_and_statements_win() -> None:
    """The computed budget is never more than the model's positions; what is given is taken."""
    arch, gpu = llama(), gpu_model("l4-24gb")
    computed = effective({}, (3, 3, 7), arch, gpu, shards=1, flash=True).values
    assert computed["max_batch_prefill_tokens"] == 4096  # its positions
    given = effective({"max_batch_prefill_tokens": 512}, (3, 3, 7), arch, gpu, shards=1, flash=True).values
    assert given["max_batch_prefill_tokens"] == 512


def test_sizes_under_other_names_are_not_guessed() -> None:
    """Where config.json names sizes otherwise nothing is reckoned; without a readable one the launcher takes 4096."""
    falcon = resolve("tiiuae/falcon-7b-instruct").architecture
    assert launcher.budget(falcon, "l4-24gb", (3, 3, 7), 1, 4096) is None
    assert launcher.budget(None, "l4-24gb", (3, 3, 7), 1, 4096) == 4096
    assert launcher.budget(None, "l4-24gb", (2, 4, 1), 1, 4096) is None


@pytest.mark.parametrize(
    ("version", "adapters", "refused"),
    [
        ("2.2.0", "", 0),
        ("2.2.0", "a/b,c=/d", 0),
        ("2.2.0", "a@b@c", 1),
        ("2.3.0", "", 1),
        ("3.3.7", "", 1),
        ("3.3.7", "a/b@main, c=/data/d", 0),
        ("3.3.7", "a/b,", 1),
        ("3.3.7", "a=b=c,a@b@c,@main", 3),
        ("2.2.0", "a=b=c", 0),
    ],
)
def test_adapters_are_read_in_the_forms_of_the_release(
    spec_of: SpecOf, version: str, adapters: str, refused: int
) -> None:
    """An adapter is `id`, `id@revision` or `id=path`; a name that is missing ends releases that load every adapter."""
    spec = spec_of(version, "l4-24gb", LLAMA, ["--num-shard", "1", f"--lora-adapters={adapters}"])
    found = [support for support in argument_support.argument_support(spec) if "LoRA adapter" in support.message]
    assert [support.answer for support in found] == ["no"] * refused


def test_exl2_is_not_sharded_however_the_shards_come_about(spec_of: SpecOf) -> None:
    """Devices that the launcher counts by itself are shards as much as those that --num-shard asks for."""
    env = {"NVIDIA_VISIBLE_DEVICES": "0,1"}
    for args, count in ((["--num-shard", "2"], 1), ([], 1), (["--num-shard", "1"], 0)):
        spec = spec_of("3.0.1", "l4-24gb x2", LLAMA, [*args, "--quantize", "exl2"], env)
        found = [support for support in argument_support.shard_support(spec) if "exl2" in support.message]
        assert len(found) == count, args


@pytest.mark.parametrize(
    ("config", "asked", "refused"),
    [({"medusa_num_heads": 3}, "4", True), ({"medusa_num_heads": 3}, "3", False), ({"n_predict": 3}, "4", False)],
)
def test_a_speculator_has_so_many_heads(spec_of: SpecOf, config: dict[str, int], asked: str, refused: bool) -> None:  # noqa: FBT001
    """More speculative tokens than trained heads end the shard, with flash attention too."""
    shape = {
        "model_type": "llama",
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "num_key_value_heads": 32,
        "vocab_size": 32000,
        "max_position_embeddings": 4096,
    }
    spec = spec_of("3.3.7", "l4-24gb", "org/medusa", ["--num-shard", "1", "--speculate", asked], {}, shape | config)
    assert any("--speculate" in support.message for support in model_support.model_support(spec)) == refused
