"""The bill of the fallback for other limits: by arithmetic alone, and the same as from the beginning."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from voltaic import hardware
from voltaic.answers import runs_of
from voltaic.document import spec_from_line
from voltaic.memory import estimate
from voltaic.memory.bill import Bill

MODELS = (
    "mistralai/Mistral-7B-Instruct-v0.2",
    "microsoft/phi-2",
    "tiiuae/falcon-7b-instruct",
    "Qwen/Qwen2-7B-Instruct",
)
LIMITS = (
    *("max_batch_size", "max_total_tokens", "max_input_tokens", "max_batch_prefill_tokens"),
    *("warm_up_requests", "warm_up_tokens"),
)
TOKENS = st.integers(1, 40_000)


@given(
    st.sampled_from(MODELS),
    st.integers(1, 5),
    st.sampled_from(([], ["--quantize", "bitsandbytes"])),
    st.sampled_from(({}, {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"})),
    st.tuples(st.integers(0, 64), TOKENS, TOKENS, TOKENS, st.integers(0, 8), TOKENS),
)
def test_room_is_what_the_bill_leaves(
    model: str, gpus: int, quantize: list[str], env: dict[str, str], numbers: tuple[int, ...]
) -> None:
    """On the fullest GPU, at whatever limits, with the worst moment told or every one."""
    spec = spec_from_line(
        {
            "gpu": "v100-32gb",
            "gpus": gpus,
            "engine": "tgi",
            "engine_version": "3.0.1",
            "model": model,
            "args": ["--num-shard", "1", *quantize],
            "env": {"USE_FLASH_ATTENTION": "false", **env},
        }
    )
    runs = runs_of(spec)
    assert runs is not None
    limits = dict(zip(LIMITS, numbers, strict=True))
    runs = runs.within({**runs.limits, **limits})
    rooms = estimate.plan_for(spec, runs)
    short = estimate.estimate(spec, runs, moments=False)
    whole = estimate.estimate(spec, runs)
    if rooms is None:
        assert not isinstance(whole, Bill)
        return
    assert isinstance(short, Bill)
    assert isinstance(whole, Bill)
    assert replace(whole, moments=()) == short
    assert rooms.room(runs) == short.worst.headroom
    assert rooms.margin_bytes == short.margin * short.worst.budget
    peaks = [max(held) for held in zip(*(held for _, held in whole.moments), strict=True)]
    assert peaks == [gpu.total for gpu in whole.per_gpu]


def test_what_is_kept_of_one_model_is_not_taken_for_another() -> None:
    """A GPU of the same name with other sizes has a bill of its own, and plans are not kept without bound."""
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "tgi", "engine_version": "3.0.1", "model": MODELS[1]}
    spec = spec_from_line({**line, "args": ["--num-shard", "1"], "env": {"USE_FLASH_ATTENTION": "false"}})
    runs = runs_of(spec)
    gpu = hardware.gpu_model("v100-16gb")
    assert runs is not None
    for number in range(estimate.MOST_PLANS + 10):
        other = replace(spec, gpu=replace(gpu, usable_bytes=gpu.usable_bytes + number))
        bill = estimate.estimate(other, runs)
        assert isinstance(bill, Bill)
        assert bill.worst.budget == gpu.usable_bytes + number
    assert len(estimate.plans) <= estimate.MOST_PLANS
