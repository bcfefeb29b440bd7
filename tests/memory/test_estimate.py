"""The bill as a whole: the recommended limits of two V100, and how it grows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import models
from voltaic.memory import facts
from voltaic.memory.bill import Bill, NoBill
from voltaic.memory.estimate import estimate
from voltaic.spec import Model

if TYPE_CHECKING:
    from collections.abc import Callable

GIB = 2**30
PHI = "microsoft/phi-2"
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_7B = "meta-llama/Llama-2-7b-chat-hf"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"
LLAMA3 = "meta-llama/Meta-Llama-3-8B"


def setup(model: str, gpu: str, gpus: int, limits: tuple[int, int, int], size: int) -> dict[str, Any]:
    """Return the arguments of a priced spec; limits are input, total and prefill tokens."""
    tokens = dict(zip(("input", "total", "prefill"), limits, strict=True))
    return {"model": model, "gpu": gpu, "gpus": gpus, "size": size, **tokens}


ACCEPTED = [
    # What each takes beside the context, GiB, by hand: weights as reserved, 1.35 x what decoding holds at the largest
    # cache (1.5 x the cache where a layer holds 1 to 20 MiB of keys), and the logits that one sampling setting keeps.
    pytest.param(
        setup(PHI, "v100-16gb", 1, (1536, 2048, 2048), 4), 5.365 + 1.35 * 5.0 + 0.195, False, id="phi-2 on one"
    ),
    pytest.param(
        setup(MISTRAL, "v100-16gb", 1, (1024, 2048, 1024), 2),
        13.615 + 1.0625 + 0.5 * 1.0 + 0.061,
        True,
        id="Mistral on one",
    ),
    pytest.param(
        setup(MISTRAL, "v100-16gb", 2, (4096, 6144, 4096), 4), 6.809 + 1.35 * 3.375 + 0.244, False, id="Mistral on two"
    ),
    pytest.param(
        setup(LLAMA_7B, "v100-16gb", 1, (1024, 1536, 1024), 1), 12.553 + 1.5 * 1.5 + 0.061, True, id="7B on one"
    ),
    pytest.param(
        setup(LLAMA_7B, "v100-16gb", 2, (3072, 4096, 4096), 3), 6.277 + 1.35 * 6.0 + 0.244, True, id="7B on two"
    ),
    pytest.param(
        setup(LLAMA_13B, "v100-16gb", 2, (1024, 1536, 1024), 1), 12.184 + 1.5 * 1.172 + 0.061, False, id="13B on two"
    ),
    pytest.param(
        setup(LLAMA_13B, "v100-32gb", 1, (2048, 3072, 2048), 1), 24.365 + 1.35 * 4.688 + 0.122, True, id="13B on 32 GB"
    ),
]
TABLE = [
    # The same setups as published with the closed forms, GiB; the forms were applied to rounded weights, without the
    # kept logits, and the split of 13B over two was not known: one layer more was assumed on the fuller GPU. They plan
    # with 1.35 throughout; two setups have keys of a middling size, of which measurements of ours ask for more.
    (0, 12.1, 0.02),
    (1, 15.05, 0.015),
    (2, 11.5, 0.01),
    (3, 14.6, 0.02),
    (4, 14.4, 0.02),
    (5, 14.5, 0.05),
    (6, 30.7, 0.01),
]


def bill_of(priced: type[Any], arguments: dict[str, Any], **more: Any) -> Bill:
    """Return the bill, which there is."""
    bill = priced(**(arguments | more)).bill()
    assert isinstance(bill, Bill)
    return bill


@pytest.mark.parametrize(("arguments", "need", "tight"), ACCEPTED)
def test_recommended_limits_fit(priced: type[Any], arguments: dict[str, Any], need: float, tight: bool) -> None:  # noqa: FBT001
    """The recommended limits for one and two V100 fit, and the bill is what one gets by hand."""
    bill = bill_of(priced, arguments)
    assert bill.fits
    assert bill.tight is tight
    assert bill.peak_moment == "decode"
    assert (bill.worst.total - bill.worst.context) / GIB == pytest.approx(need, abs=0.01)


@pytest.mark.parametrize(("row", "published", "tolerance"), TABLE)
def test_agrees_with_the_published_table(priced: type[Any], row: int, published: float, tolerance: float) -> None:
    """The bill of every recommended setup agrees with the published need within the stated tolerance."""
    bill = bill_of(priced, ACCEPTED[row].values[0])  # type: ignore[arg-type]
    assert (bill.worst.total - bill.worst.context) / GIB == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize(
    ("arguments", "weights_alone"),
    [
        pytest.param(setup(LLAMA_7B, "v100-16gb", 1, (1024, 1536, 1024), 2), False, id="7B, two requests of 1536"),
        pytest.param(setup(LLAMA_13B, "v100-16gb", 1, (1024, 1536, 1024), 1), True, id="13B on one"),
        pytest.param(setup(LLAMA3, "v100-16gb", 1, (1024, 1536, 1024), 1), False, id="Llama-3-8B on one"),
        pytest.param(setup(MISTRAL, "v100-16gb", 1, (1024, 2048, 1024), 3), False, id="Mistral, three requests"),
    ],
)
def test_what_does_not_fit_is_over_budget(priced: type[Any], arguments: dict[str, Any], weights_alone: bool) -> None:  # noqa: FBT001
    """What is too large is over the budget, 13B by its weights alone."""
    bill = bill_of(priced, arguments)
    assert not bill.fits
    assert not bill.tight
    assert (bill.worst.context + bill.worst.weights > bill.worst.budget) is weights_alone


def test_old_release_with_its_defaults_dies_in_warm_up(priced: type[Any]) -> None:
    """TGI 1.2.0 with its own limits runs out of memory before it serves: Llama-2-7B, eager, 4 x 1024 tokens."""
    spec = priced(model=LLAMA_7B, input=1024, total=2048, prefill=4096, size=4, attention="eager",
                  transformers=(4, 33, 3))  # fmt: skip
    bill = spec.bill()
    assert isinstance(bill, Bill)
    assert not bill.fits


def test_llama_2_7b_beside_its_worked_example(priced: type[Any]) -> None:
    """One request of 1,536 tokens: 1.50 GiB of cache twice over, 1.5 times, beside 12.55 GiB of weights."""
    bill = bill_of(priced, setup(LLAMA_7B, "v100-16gb", 1, (1024, 1536, 1024), 1))
    (gpu,) = bill.per_gpu
    assert gpu.kv_cache == 2 * 1536 * 524_288
    assert gpu.other == pytest.approx(0.5 * gpu.kv_cache, rel=0.001)
    assert gpu.weights / GIB == pytest.approx(12.55, abs=0.005)
    assert gpu.context / GIB == pytest.approx(15.77 - 15.33, abs=0.001)
    assert (bill.kv_cache_bytes_per_token, bill.kv_cache_tokens) == (524_288, 1536)


def test_expandable_segments_lower_the_planning_factor(priced: type[Any]) -> None:
    """With expandable segments a tenth is planned for what the allocator cannot reuse, instead of a half."""
    arguments = setup(LLAMA_7B, "v100-16gb", 1, (1024, 1536, 1024), 1)
    default = bill_of(priced, arguments).worst
    for value in ("expandable_segments:True", "max_split_size_mb:64, expandable_segments:True"):
        bill = bill_of(priced, arguments, env={"PYTORCH_CUDA_ALLOC_CONF": value})
        assert bill.worst.other == pytest.approx(default.other * 0.10 / 0.5, rel=0.001)
        assert "not seen" in bill.sources[-1].text
        assert bill.sources[-1].confidence == "unverified"
    for value in ("expandable_segments:False", "", None):
        assert bill_of(priced, arguments, env={"PYTORCH_CUDA_ALLOC_CONF": value}).worst == default


@pytest.mark.parametrize("size", [1, 9, 10, 11, 14, 20])
def test_keys_of_a_middling_size_are_planned_for(priced: type[Any], size: int) -> None:
    """From 1 to 20 MiB of keys in a layer half of the cache is planned for; beyond that no less than 20 MiB cost."""
    gpu = bill_of(priced, setup("google/gemma-2b", "v100-32gb", 1, (64, 4096, 64), size)).worst
    dynamic = gpu.kv_cache + gpu.activations - 2 * 64 * 256_000
    middling = 4 * 18 * min(size * 4096 * 256 * 2, 20 * 2**20)
    assert gpu.other == pytest.approx(max(0.35 * dynamic, 0.5 * middling), abs=2)


def test_every_bill_names_its_sources(priced: type[Any]) -> None:
    """A bill says where its numbers come from: the GPU, the activations, the factor, the allocator."""
    text = " ".join(map(str, bill_of(priced, setup(MISTRAL, "v100-16gb", 1, (1024, 2048, 1024), 2)).sources))
    for part in ("15.77", "causal_lm.py", "CUDACachingAllocator", "issue 866"):
        assert part in text


# What has no bill


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"implementation": "native-tensor-parallel"}, "the memory of the native-tensor-parallel implementation"),
        ({"model": "Qwen/Qwen3-0.6B"}, "the activations of qwen3 are not modelled"),
        ({"model": "google/gemma-2b", "attention": "flashy", "weights": "exl2"}, "the size of exl2 weights"),
        ({"model": "bigscience/bloom-7b1"}, "the activations of bloom are not modelled"),
        ({"model": PHI, "weights": "bitsandbytes"}, "the activations of phi in int8 are not modelled"),
        ({"weights": "awq"}, "the size of awq weights is not modelled"),
    ],
)
def test_a_term_without_a_model_makes_no_bill(priced: type[Any], change: dict[str, Any], because: str) -> None:
    """Where a term is not known, the bill says which, and what would settle it."""
    bill = priced(**change).bill()
    assert isinstance(bill, NoBill)
    assert bill.because.startswith(because)
    assert bill.settled_by


def test_weights_beyond_the_budget_are_known_without_a_bill(priced: type[Any]) -> None:
    """What weighs too much alone is known to, whatever else is not: 13B in a class of TGI's own."""
    bill = priced(model=LLAMA_13B, implementation="native-tensor-parallel").bill()
    assert isinstance(bill, NoBill)
    assert bill.at_least is not None
    assert bill.at_least / GIB == pytest.approx(24.24 + 0.37, abs=0.01)


def test_how_it_runs_must_be_known(priced: type[Any]) -> None:
    """Without an answer of the engine there is no bill, but the weights of an even share are known."""
    two = priced(model=LLAMA_13B, gpus=2)
    bill = estimate(two.spec, None)
    assert isinstance(bill, NoBill)
    assert bill.at_least is not None
    assert bill.at_least / GIB == pytest.approx(24.24 / 2 + 0.37, abs=0.01)


def test_a_quantized_checkpoint_has_no_least_weight(priced: type[Any]) -> None:
    """How much of a quantized checkpoint is lighter depends on the engine: without its answer nothing is known."""
    bill = estimate(priced(model="TheBloke/Llama-2-7B-Chat-AWQ").spec, None)
    assert isinstance(bill, NoBill)
    assert bill.at_least is None


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (lambda spec: replace(spec, gpu=None, gpu_unknown_because="no GPU model is given"), "no GPU model is given"),
        (lambda spec: replace(spec, gpus=None), "the number of GPUs is not known"),
        (lambda spec: replace(spec, gpus=2**62), f"a node with {2**62} GPUs is not known, the largest has 16"),
        (lambda spec: replace(spec, model=Model("x/y", None, "'x/y' is new")), "'x/y' is new"),
    ],
)
def test_what_is_not_read_makes_no_bill(priced: type[Any], change: Callable[[Any], Any], because: str) -> None:
    """A spec of which something could not be read has no bill."""
    spec = priced()
    bill = estimate(change(spec.spec), spec.runs)
    assert isinstance(bill, NoBill)
    assert bill.because == because


@pytest.mark.parametrize("name", ["max_total_tokens", "max_input_tokens", "max_batch_prefill_tokens", "warm_up_tokens"])
def test_limits_must_be_known(priced: type[Any], name: str) -> None:
    """Without a limit of every kind the cache has no size."""
    spec = priced()
    limits = {key: value for key, value in spec.runs.limits.items() if key != name}
    bill = estimate(spec.spec, replace(spec.runs, limits=limits))
    assert isinstance(bill, NoBill)
    assert name in bill.because


def test_without_a_batch_size_every_concurrent_request_may_be_joined(priced: type[Any]) -> None:
    """Without max_batch_size the requests that are let in bound the cache; without that limit too, nothing does."""
    spec = priced(model=LLAMA_7B, total=2048)
    limits = {key: value for key, value in spec.runs.limits.items() if key != "max_batch_size"}
    bill = estimate(spec.spec, replace(spec.runs, limits=limits))
    assert isinstance(bill, Bill)
    assert bill.kv_cache_tokens == 128 * 2048
    del limits["max_concurrent_requests"]
    unbound = estimate(spec.spec, replace(spec.runs, limits=limits))
    assert unbound.because == "nothing bounds the number of requests in a batch"  # type: ignore[union-attr]


# How the bill grows

FAMILIES = [LLAMA_7B, MISTRAL, LLAMA3, PHI, "google/gemma-2b", "tiiuae/falcon-7b", "openai-community/gpt2"]
LIMITS = st.fixed_dictionaries(
    {
        "input": st.integers(1, 4096),
        "more": st.integers(1, 4096),
        "prefill": st.integers(1, 16384),
        "size": st.integers(1, 64),
    }
)


def arguments_of(model: str, limits: dict[str, int], gpus: int = 1) -> dict[str, Any]:
    """Return arguments with limits that agree: total above input, prefill not below it."""
    return {
        "model": model,
        "gpus": gpus,
        "input": limits["input"],
        "total": limits["input"] + limits["more"],
        "prefill": max(limits["prefill"], limits["input"]),
        "size": limits["size"],
    }


@given(
    model=st.sampled_from(FAMILIES),
    limits=LIMITS,
    gpus=st.sampled_from([1, 2, 4]),
    more=st.tuples(st.sampled_from(["size", "total", "prefill"]), st.integers(1, 500)),
)
def test_larger_limits_never_cost_less(
    priced: type[Any], model: str, limits: dict[str, int], gpus: int, more: tuple[str, int]
) -> None:
    """The bill of every GPU grows with the batch size, with total tokens and with prefill tokens."""
    name, step = more
    arguments = arguments_of(model, limits, gpus)
    smaller = bill_of(priced, arguments)
    larger = bill_of(priced, arguments | {name: arguments[name] + step})
    assert all(before.total <= after.total for before, after in zip(smaller.per_gpu, larger.per_gpu, strict=True))


@given(model=st.sampled_from(FAMILIES), limits=LIMITS, gpus=st.sampled_from([2, 4, 8]))
def test_no_gpu_of_a_split_holds_more_than_one_alone(
    priced: type[Any], model: str, limits: dict[str, int], gpus: int
) -> None:
    """Spread over several GPUs, none holds more than one GPU would hold alone."""
    alone = bill_of(priced, arguments_of(model, limits)).worst.total
    assert all(gpu.total <= alone for gpu in bill_of(priced, arguments_of(model, limits, gpus)).per_gpu)


@given(limits=LIMITS, gpus=st.sampled_from([1, 2]), model=st.sampled_from([LLAMA_7B, LLAMA_13B, MISTRAL, PHI]))
def test_twice_the_gpus_never_hold_more(priced: type[Any], model: str, limits: dict[str, int], gpus: int) -> None:
    """Where embedding and head weigh no more than a few layers, doubling one or two GPUs lowers the fullest one's bill.

    With larger vocabularies, and from four GPUs on, whole models may come to lie on few of the GPUs: the first keeps
    room for the largest piece, and what it does not take moves on (gemma-2b over eight lies on the last alone).
    """
    fewer = max(gpu.total for gpu in bill_of(priced, arguments_of(model, limits, gpus)).per_gpu)
    more = max(gpu.total for gpu in bill_of(priced, arguments_of(model, limits, 2 * gpus)).per_gpu)
    assert more <= fewer


@given(limits=LIMITS, model=st.sampled_from(FAMILIES))
def test_lines_add_up(priced: type[Any], model: str, limits: dict[str, int]) -> None:
    """The total of a GPU is the sum of its lines, no line is negative, and the peak is a moment of a server's life."""
    bill = bill_of(priced, arguments_of(model, limits, 2))
    for gpu in bill.document()["per_gpu"]:
        lines = [gpu[name] for name in ("context", "weights", "kv_cache", "activations", "other")]
        assert min(lines) >= 0
        assert gpu["total"] == sum(lines)
        assert gpu["headroom"] == gpu["budget"] - gpu["total"]
    assert bill.peak_moment in {"warm-up", "prefill", "join", "decode"}


def test_catalogue_models_have_a_bill(priced: type[Any]) -> None:
    """Every unquantized model of the catalogue whose family was measured has a bill on the fallback, and no other."""
    for entry in models.known_models():
        arch = entry.architecture
        if arch.quantization is None:
            found = priced(model=entry.id).bill()
            assert isinstance(found, Bill) == (facts.layer_form(arch) is not None), entry.id


def test_several_slices_have_no_bill(priced: type[Any]) -> None:
    """A process sees one MIG slice: one is billed as a small GPU, two are not."""
    assert bill_of(priced, setup(PHI, "a100-80gb-mig-1g.10gb", 1, (512, 1024, 512), 1)).worst.budget < 10 * GIB
    bill = priced(model=PHI, gpu="a100-80gb-mig-1g.10gb", gpus=2).bill()
    assert isinstance(bill, NoBill)
    assert bill.because == "2 slices of a GPU are not used together: a process sees one"


@pytest.mark.parametrize(("transformers", "margin"), [((4, 46, 3), 0.03), ((4, 41, 1), 0.08), (None, 0.08)])
def test_the_margin_grows_with_ignorance(
    priced: type[Any], transformers: tuple[int, int, int] | None, margin: float
) -> None:
    """The release that was measured has 3 % of margin, others, layer splits and int8 have 8 %."""
    arguments = setup(MISTRAL, "v100-16gb", 1, (512, 1024, 512), 1)
    assert bill_of(priced, arguments, transformers=transformers).margin == margin
    assert bill_of(priced, arguments, gpus=2).margin == 0.08
    assert bill_of(priced, arguments, weights="bitsandbytes").margin == 0.08
