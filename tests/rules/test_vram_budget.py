"""What the budget says, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic.document import spec_from_line
from voltaic.rules.vram_budget import RULE

if TYPE_CHECKING:
    from voltaic.findings import Finding

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"
WITHOUT_FLASH = {"USE_FLASH_ATTENTION": "false"}
NAMES = ("input-tokens", "total-tokens", "batch-prefill-tokens", "batch-size")


def ask(*limits: int, more: tuple[str, ...] = (), **changes: Any) -> tuple[Finding, ...]:
    """Return what the rule says of a line; limits are input, total and prefill tokens, and the batch size."""
    told = [word for name, limit in zip(NAMES, limits, strict=False) for word in (f"--max-{name}", str(limit))]
    line = {
        "gpu": "v100-16gb",
        "gpus": 1,
        "engine": "tgi",
        "engine_version": "3.0.1",
        "model": MISTRAL,
        "args": ["--num-shard", "1", *told, *more],
        "env": WITHOUT_FLASH,
    }
    return RULE.check(spec_from_line(line | changes))


def test_what_fits_is_not_spoken_of() -> None:
    """A spec that fits has no finding, however tight."""
    assert ask(1024, 2048, 1024, 2) == ()


def test_weights_alone() -> None:
    """Weights that exceed the budget are said to, with the whole bill."""
    (finding,) = ask(512, 1024, 512, 1, model=LLAMA_13B)
    assert finding.message == (
        "Needs 27.18 GiB on the GPU, which has 15.77 GiB: 11.41 GiB too much at the worst moment (decode). "
        "Bill: context 0.44 GiB, weights 24.37 GiB, KV cache 1.56 GiB, activations 0.03 GiB, planning margin 0.78 GiB."
    )
    assert finding.why == (
        "The weights alone do not fit: 24.37 GiB beside 0.44 GiB of context, of 15.77 GiB. The server dies while "
        "loading, whatever the limits are."
    )
    assert finding.fix == "Serve a smaller model, or use GPUs with more memory or more of them."
    assert (finding.level, finding.outcome) == ("mandatory", "violation")


def test_the_cache() -> None:
    """A cache that is too large is said to be, with the limits that make it."""
    (finding,) = ask(1024, 1536, 1024, 2, model="meta-llama/Llama-2-7b-chat-hf")
    assert finding.message == (
        "Needs 17.30 GiB on the GPU, which has 15.77 GiB: 1.53 GiB too much at the worst moment (decode). "
        "Bill: context 0.44 GiB, weights 12.55 GiB, KV cache 3.00 GiB, activations 0.06 GiB, planning margin 1.25 GiB."
    )
    assert finding.why == (
        "Beside context and weights 2.78 GiB are left. The KV cache takes 3.00 GiB (held twice while decoding): 3072 "
        "tokens at 524288 bytes each over all GPUs, which is max_batch_size 2 x max_total_tokens 1536. The planning "
        "margin covers what the caching allocator cannot reuse. Beyond the budget the engine ends with a CUDA out of "
        "memory error."
    )
    assert finding.fix == (
        "Lower max_batch_size or max_total_tokens. Serve a smaller model, or use GPUs with more memory or more of them."
    )


def test_activations() -> None:
    """Where the activations are what is too large, they and their moment are named."""
    (finding,) = ask(1024, 1100, 1024, 1, model="meta-llama/Meta-Llama-3-8B")
    assert "at the worst moment (warm-up)" in finding.message
    assert " The activations of a warm-up pass take 0.49 GiB. " in finding.why


def test_every_gpu_of_a_split() -> None:
    """Under a layer split the fullest GPU is named, and the total of each."""
    (finding,) = ask(8192, 16384, 8192, 8, gpus=2)
    assert finding.message.startswith("Needs 32.04 GiB on GPU 0, which has 15.77 GiB: 16.27 GiB too much")
    assert finding.message.endswith(" Totals of GPU 0 to 1: 32.04 GiB, 32.04 GiB.")


def test_a_batch_without_a_bound() -> None:
    """Without max_batch_size the finding says what bounds the batch instead."""
    (finding,) = ask(1024, 2048, 1024)
    assert (
        "262144 tokens at 131072 bytes each over all GPUs, since without max_batch_size nothing but "
        "max_concurrent_requests 128 bounds the batch, and every request may reach max_total_tokens 2048."
    ) in finding.why


def test_concurrency_may_bound_more_than_the_batch_size() -> None:
    """Where fewer requests are let in than a batch may hold, they are the bound."""
    assert ask(1024, 2048, 1024, 64, more=("--max-concurrent-requests", "2")) == ()


def test_a_batch_size_that_the_release_does_not_keep_to() -> None:
    """Up to 2.2.0 max_batch_size does not hold when requests join: only the requests that are let in count."""
    (finding,) = ask(1024, 1536, 1024, 1, engine_version="2.0.4")
    assert (
        "since tgi 2.0.4 does not keep to max_batch_size 1 when requests join, and nothing but max_concurrent_requests "
        "128 bounds the batch, and every request may reach max_total_tokens 1536."
    ) in finding.why
    assert finding.fix.startswith("Lower max_concurrent_requests or max_total_tokens. ")
    (finding,) = ask(1024, 1536, 1024, engine_version="2.0.4")
    assert "since in tgi 2.0.4 nothing but max_concurrent_requests 128 bounds the batch" in finding.why
    assert ask(1024, 1536, 1024, 1, engine_version="2.0.4", more=("--max-concurrent-requests", "1")) == ()


def test_logits_are_not_kept_before_the_first_request() -> None:
    """The warm-up is billed with its own logits once; what sampled requests keep comes after it."""
    assert ask(6144, 8192, 6144, 1, model="google/gemma-2b") == ()


def test_what_is_not_modelled_is_unknown() -> None:
    """Where a term of the bill has no model, the answer is unknown, with what would settle it."""
    (finding,) = ask(1024, 2048, 1024, 2, gpu="a100-80gb", env={}, model="bigscience/bloom-7b1")
    assert finding.outcome == "unknown"
    assert finding.message == (
        "Whether it fits is not known: the memory of the native-tensor-parallel implementation of tgi 3.0.1 is not "
        "modelled. Context and weights need at least 13.72 GiB on a GPU."
    )
    assert finding.why == "A term of the VRAM bill has no model here, and a guess would be no promise."
    assert finding.fix == "What would settle it: a measurement of its peak on this GPU."


def test_what_is_not_modelled_may_still_be_too_heavy() -> None:
    """Weights that exceed the budget refuse whatever else is not known."""
    bloom = {"model_type": "bloom", "vocab_size": 250_880, "hidden_size": 8192, "n_layer": 30, "n_head": 64}
    (finding,) = ask(1024, 2048, 1024, 2, gpu="a10g-24gb", env={}, model=None, config=bloom)
    assert finding.outcome == "violation"
    assert finding.message == "Needs at least 49.38 GiB on a GPU, which has 21.98 GiB."
    assert finding.why == (
        "Context and weights alone exceed the budget, so the server dies while loading, whatever the limits are. "
        "The rest of the bill is not known: the memory of the native-tensor-parallel implementation of tgi 3.0.1 is "
        "not modelled."
    )
    assert finding.sources


def test_what_cannot_be_read_is_unknown() -> None:
    """A bill that is too large by what can be read is no refusal while some of it cannot be read."""
    (finding,) = ask(1024, 2048, 1024, env=WITHOUT_FLASH | {"MAX_BATCH_SIZE": None})
    assert finding.outcome == "unknown"
    assert finding.message.startswith(
        "Whether it fits is not known: MAX_BATCH_SIZE cannot be read here. With what can be read it would need "
    )
    assert finding.fix == "State max_batch_size, max_total_tokens and the other limits as arguments that can be read."
    assert ask(1024, 2048, 1024, 2, env=WITHOUT_FLASH | {"MAX_TOP_N_TOKENS": None}) == ()


@pytest.mark.parametrize("name", ["input", "total", "prefill", "size"])
def test_limits_of_nothing_do_not_break_the_bill(name: str) -> None:
    """A limit of 0 is for the launcher's rule to refuse; the budget still answers."""
    limits = {"input": 1024, "total": 2048, "prefill": 1024, "size": 2} | {name: 0}
    assert {finding.outcome for finding in ask(*limits.values())} <= {"unknown"}


def test_weights_that_do_not_fit_are_said_before_the_pool_of_an_engine() -> None:
    """Where the weights alone are too much, no pool is ever made: the message is about the weights, in all engines."""
    for engine, version in (("vllm", "0.8.5"), ("lmdeploy", "0.13.0")):
        line = {"gpu": "t4-16gb", "gpus": 1, "engine": engine, "engine_version": version, "env": {}}
        line |= {"model": "01-ai/Yi-1.5-34B-Chat", "args": ["--dtype", "half" if engine == "vllm" else "float16"]}
        (finding,) = RULE.check(spec_from_line(line))
        assert finding.message.startswith("Needs ")
        assert finding.why.startswith(
            "The weights alone do not fit: 64.06 GiB beside 0.55 GiB of context, of 14.56 GiB."
        )


def test_other_engines_are_not_told_in_the_words_of_tgi() -> None:
    """What the cache is for is said in tokens where the engine has no batch of a stated size."""
    line = {"gpu": "a10g-24gb", "gpus": 1, "engine": "lmdeploy", "engine_version": "0.13.0", "env": {}}
    line |= {"model": "Qwen/Qwen2.5-32B-Instruct-GPTQ-Int4", "args": []}
    (finding,) = RULE.check(spec_from_line(line))
    assert "None" not in finding.message + finding.why
    assert "max_total_tokens" not in finding.why
    assert " tokens at 262144 bytes each over all GPUs." in finding.why
