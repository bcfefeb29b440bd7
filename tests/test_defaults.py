"""What is derived where a stack does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic import defaults, engines, hardware, models

if TYPE_CHECKING:
    from collections.abc import Mapping

LADDER = [
    (4096, 6144, 4096, 24576, 4),
    (3072, 4096, 4096, 12288, 3),
    (1536, 2048, 2048, 8192, 4),
    (1024, 2048, 1024, 4096, 2),
    (2048, 3072, 2048, 3072, 1),
    (1024, 1536, 1024, 1536, 1),
    (512, 1024, 512, 1024, 1),
]


def limits(
    given: Mapping[str, int], positions: int | None = None, *, cache: int | None = None
) -> tuple[int, int, int, int, int]:
    """Return limits where at most `cache` tokens fit (None: any number)."""

    def fits(tried: Mapping[str, int]) -> bool:
        return cache is None or tried["max_batch_size"] * tried["max_total_tokens"] <= cache

    found = defaults.limits("tgi", given, positions, fits)
    return tuple(found[name] for name in defaults.LIMITS)  # type: ignore[return-value]


def test_every_default_has_a_source_and_a_reason() -> None:
    """No default is there without saying why."""
    for of in ("engine", "server", "dtype"):
        assert defaults.source(of).text
        assert defaults.because(of)


def test_the_default_engine_exists() -> None:
    """The engine and the release that a stack gets are ones that have facts."""
    engine = engines.engine(defaults.engine_name())
    assert engine is not None
    assert defaults.engine_version(engine.name) == "3.0.1"
    assert defaults.engine_version("unheard-of") is None


@pytest.mark.parametrize("name", engines.names())
def test_the_release_taken_for_an_engine_is_one_that_is_known(name: str) -> None:
    """What `--engine` alone means is a release whose facts are here."""
    engine = engines.engine(name)
    assert engine is not None
    assert defaults.engine_version(name) in engine.releases()


def test_limits_are_tried_from_the_longest_requests_down() -> None:
    """The first recommendation that fits is taken; the last one stands where none does."""
    rungs = [tuple(rung[name] for name in defaults.LIMITS) for rung in defaults.rungs("tgi").limits]  # type: ignore[union-attr]
    assert rungs == LADDER
    assert limits({}) == LADDER[0]
    assert limits({}, cache=12288) == LADDER[1]
    assert limits({}, cache=4096) == LADDER[3]
    assert limits({}, cache=3072) == LADDER[4]
    assert limits({}, cache=2000) == LADDER[5]
    assert limits({}, cache=0) == LADDER[6]


@pytest.mark.parametrize(
    ("positions", "found"),
    [(8192, LADDER[0]), (4096, LADDER[1]), (2048, LADDER[2]), (1024, LADDER[6]), (512, (384, 512, 512, 512, 1))],
)
def test_limits_stay_within_the_context_of_the_model(positions: int, found: tuple[int, ...]) -> None:
    """No request is promised more positions than the model has."""
    assert limits({}, positions) == found


@pytest.mark.parametrize(
    ("given", "cache", "found"),
    [
        ({"max_total_tokens": 8192}, None, (4096, 8192, 4096, 32768, 4)),
        ({"max_total_tokens": 1000}, None, (750, 1000, 4000, 4000, 4)),
        ({"max_input_tokens": 5000}, None, (5000, 7048, 5000, 28192, 4)),
        ({"max_input_tokens": 5000}, 8000, (5000, 6024, 5000, 6024, 1)),
        ({"max_batch_size": 1}, 4096, (3072, 4096, 4096, 4096, 1)),
        ({"max_batch_size": 16}, None, (4096, 6144, 4096, 98304, 16)),
        ({"max_batch_total_tokens": 4000}, None, (3000, 4000, 4000, 4000, 1)),
        ({"max_batch_prefill_tokens": 512}, None, (512, 6144, 512, 24576, 4)),
    ],
)
def test_what_is_given_stands_and_the_rest_agrees_with_it(
    given: dict[str, int], cache: int | None, found: tuple[int, ...]
) -> None:
    """Limits that a stack states are kept; the others are moved so that the launcher accepts them together."""
    assert limits(given, 32768, cache=cache) == found


@given(
    st.dictionaries(st.sampled_from(defaults.LIMITS), st.integers(min_value=1, max_value=100_000)),
    st.none() | st.integers(min_value=2, max_value=200_000),
    st.integers(min_value=0, max_value=100_000),
)
def test_derived_limits_never_contradict_each_other(given: dict[str, int], positions: int | None, cache: int) -> None:
    """Where the limits given allow it at all, the launcher's conditions hold; what is given is never changed."""
    found = limits(given, positions, cache=cache)
    by_name = dict(zip(defaults.LIMITS, found, strict=True))
    assert {name: by_name[name] for name in given} == given
    prompt, total, prefill, together, size = found
    assert min(found) >= 1
    derived = set(defaults.LIMITS) - set(given)
    if "max_input_tokens" in derived and total > 1:
        assert prompt < total
    if "max_batch_prefill_tokens" in derived:
        assert prefill >= prompt
    if "max_batch_total_tokens" in derived:
        assert together >= size * total
    if not given and positions is not None:
        assert total <= positions


def test_an_engine_without_recommendations_keeps_what_is_given() -> None:
    """Nothing is made up for an engine that has no facts here."""
    assert defaults.limits("vllm", {"max_total_tokens": 7}, None, lambda _: True) == {"max_total_tokens": 7}


@pytest.mark.parametrize(
    ("gpu", "model", "dtype"),
    [
        ("v100-16gb", "mistralai/Mistral-7B-Instruct-v0.2", "float16"),
        ("t4-16gb", "mistralai/Mistral-7B-Instruct-v0.2", "float16"),
        ("a100-40gb", "mistralai/Mistral-7B-Instruct-v0.2", "bfloat16"),
        ("mi300x-192gb", "mistralai/Mistral-7B-Instruct-v0.2", "bfloat16"),
        ("a100-40gb", "meta-llama/Llama-2-7b-chat-hf", "float16"),
        ("a100-40gb", "nobody/unknown", "float16"),
    ],
)
def test_the_data_type_is_the_checkpoint_s_where_the_gpu_has_it(gpu: str, model: str, dtype: str) -> None:
    """GPUs before compute capability 8.0 have no bfloat16."""
    assert defaults.dtype(hardware.gpu_model(gpu), models.resolve(model).architecture) == dtype
