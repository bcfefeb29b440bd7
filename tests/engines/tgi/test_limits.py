"""Effective limits, and the contradictions among them that end a server, release by release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltaic.engines.tgi.engine import Tgi
from voltaic.engines.tgi.limits import effective
from voltaic.engines.tgi.releases import versions
from voltaic.engines.versions import parse_version
from voltaic.hardware import gpu_model
from voltaic.models import known_model

if TYPE_CHECKING:
    from voltaic.models import Architecture

V100 = gpu_model("v100-16gb")


def _arch(model: str) -> Architecture:
    known = known_model(model)
    assert known is not None
    return known.architecture


MISTRAL = _arch("mistralai/Mistral-7B-Instruct-v0.2")
PHI = _arch("microsoft/phi-2")


def _limits(version: str, options: dict[str, Any], arch: Architecture | None = MISTRAL, *, flash: bool = False) -> Any:
    number = parse_version(version)
    assert number is not None
    return effective(options, number, arch, V100, shards=1, flash=flash)


@pytest.mark.parametrize(
    ("version", "options", "wanted"),
    [
        # (input, total, prefill, warm-up requests, warm-up tokens)
        ("1.2.0", {}, (1024, 2048, 4096, 4, 1024)),
        ("1.4.5", {"max_input_tokens": 1000}, (1000, 2048, 4096, 5, 1000)),
        ("2.0.4", {}, (4095, 4096, 4145, 2, 4095)),
        ("2.3.0", {"max_batch_size": 2}, (4095, 4096, 8190, 2, 4095)),
        ("2.4.0", {"max_input_tokens": 100, "max_total_tokens": 200}, (100, 200, 150, 2, 100)),
        ("2.4.1", {}, (4095, 4096, 4096, 1, 4096)),
        ("3.0.1", {}, (4095, 4096, 4096, 1, 4096)),
        ("3.0.1", {"max_batch_prefill_tokens": 1000}, (999, 1000, 1000, 1, 1000)),
        ("3.0.1", {"max_input_tokens": 1024}, (1024, 4096, 4096, 4, 1024)),
        ("3.0.1", {"max_input_tokens": 1024, "max_batch_size": 2}, (1024, 2048, 4096, 2, 1024)),
        (
            "3.0.1",
            {"max_input_tokens": 1024, "max_total_tokens": 2048, "max_batch_prefill_tokens": 1024},
            (1024, 2048, 1024, 1, 1024),
        ),
    ],
)
def test_what_unset_limits_become(version: str, options: dict[str, Any], wanted: tuple[int, ...]) -> None:
    """Launcher and warm-up fill in what is not set, each release in its own way."""
    values = _limits(version, options).values
    names = ("max_input_tokens", "max_total_tokens", "max_batch_prefill_tokens", "warm_up_requests", "warm_up_tokens")
    assert tuple(values[name] for name in names) == wanted


def test_limits_stay_below_the_positions_of_the_model() -> None:
    """phi-2 has 2,048 positions: nothing beyond is taken by default."""
    assert _limits("2.0.4", {}, PHI).values["max_total_tokens"] == 2048
    assert _limits("3.0.1", {}, PHI).values["max_batch_prefill_tokens"] == 2048


def test_a_config_that_cannot_be_read_counts_as_4096_positions() -> None:
    """Without an architecture the launcher's own default holds."""
    assert _limits("2.0.4", {}, None).values["max_total_tokens"] == 4096


def test_the_batch_total_of_a_server_that_cannot_measure_is_16000_or_more() -> None:
    """The router takes the largest of 16,000, the total and the prefill budget; a stated value stays."""
    assert _limits("3.0.1", {}).values["max_batch_total_tokens"] == 16_000
    assert _limits("3.0.1", {"max_batch_prefill_tokens": 20_000}).values["max_batch_total_tokens"] == 20_000
    assert _limits("3.0.1", {"max_batch_total_tokens": 8192}).values["max_batch_total_tokens"] == 8192


def test_the_launcher_lowers_the_prefill_budget_to_its_own_estimate() -> None:
    """Llama-3-8B leaves 1.5 GB of 16 in its reckoning, enough for 4,096 tokens; of 91 % only 725 are left."""
    llama = _arch("meta-llama/Meta-Llama-3-8B-Instruct")
    assert _limits("3.0.1", {}, llama).values["max_batch_prefill_tokens"] == 4096
    assert _limits("3.0.1", {"cuda_memory_fraction": 0.91}, llama).values["max_batch_prefill_tokens"] == 725


def test_limits_of_a_flash_server_are_left_to_its_pool() -> None:
    """What only the measured pool decides is not stated: total, input and batch total from 2.4.1 on."""
    values = _limits("3.0.1", {}, flash=True).values
    assert not {"max_total_tokens", "max_input_tokens", "max_batch_total_tokens"} & set(values)


FAULTS = [
    (
        "1.2.0",
        {"max_input_tokens": 2048},
        "--max-input-length",
        "the input limit 2048 is not below the total limit 2048 (not set: computed)",
        "`max_input_length` must be < `max_total_tokens`",
    ),
    (
        "2.3.0",
        {"max_input_tokens": 300, "max_total_tokens": 200},
        "--max-input-tokens",
        "the input limit 300 is not below the total limit 200",
        "`max_input_tokens must be < `max_total_tokens`",
    ),
    (
        "3.0.1",
        {"max_input_tokens": 300, "max_total_tokens": 200, "max_batch_prefill_tokens": 150},
        "--max-input-tokens",
        "the input limit 300 is not below the total limit 200",
        "`max_input_tokens`(300) must be < `max_total_tokens`(200)",
    ),
    (
        "1.4.5",
        {"max_input_tokens": 1024, "max_batch_prefill_tokens": 512},
        "--max-batch-prefill-tokens",
        "the prefill budget 512 is below the input limit 1024",
        "`max_batch_prefill_tokens` must be >= `max_input_length`. Given: 512 and 1024",
    ),
    (
        "3.0.1",
        {"max_input_tokens": 1024, "max_total_tokens": 2048, "max_batch_prefill_tokens": 512},
        "--max-batch-prefill-tokens",
        "the prefill budget 512 is below the input limit 1024",
        "`max_batch_prefill_tokens` must be >= `max_input_tokens`. Given: 512 and 1024",
    ),
    (
        "2.3.1",
        {"max_input_tokens": 1, "max_total_tokens": 9, "max_batch_prefill_tokens": 90, "max_batch_total_tokens": 80},
        "--max-batch-total-tokens",
        "the batch total 80 is below the prefill budget 90",
        "`max_batch_prefill_tokens` must be <= `max_batch_total_tokens`. Given: 90 and 80",
    ),
    (
        "3.0.1",
        {"max_input_tokens": 8, "max_total_tokens": 99, "max_batch_prefill_tokens": 9, "max_batch_total_tokens": 80},
        "--max-batch-total-tokens",
        "the batch total 80 is below the total limit 99",
        "`max_total_tokens` must be <= `max_batch_total_tokens`. Given: 99 and 80",
    ),
    (
        "3.0.1",
        {"max_batch_size": 0},
        "--max-batch-size",
        "a batch of 0 requests",
        "`max_batch_size` must be > 0",
    ),
]


@pytest.mark.parametrize(("version", "options", "option", "message", "error"), FAULTS)
def test_contradictions(version: str, options: dict[str, Any], option: str, message: str, error: str) -> None:
    """Limits that contradict each other end launcher or router, with the message of that release."""
    found = [(fault.option, fault.message, fault.error) for fault in _limits(version, options).faults]
    assert (option, message, error) in found


def test_a_total_below_the_warm_up_underflows() -> None:
    """From 2.4.1 on `--max-total-tokens 2048` alone asks the warm-up for 2**32 - 2048 new tokens."""
    (fault,) = _limits("3.0.1", {"max_total_tokens": 2048}).faults
    assert fault.message == (
        "the warm-up takes 4096 input tokens, more than the 2048 of --max-total-tokens: it computes 2048 - 4096 new "
        "tokens in 32 bits without a sign and asks for 4294965248"
    )
    assert fault.derived
    assert _limits("2.4.0", {"max_total_tokens": 5000}).faults == []
    assert _limits("3.0.1", {"max_total_tokens": 2048}, flash=True).faults == []


def test_one_long_request_fills_the_warm_up_and_leaves_no_room() -> None:
    """`--max-input-tokens 4096` alone: the warm-up then sets the total to 4,096 too, and the router ends."""
    (fault,) = _limits("3.0.1", {"max_input_tokens": 4096}).faults
    assert fault.error == "`max_input_tokens` must be < `max_total_tokens`"


def test_a_flash_server_takes_long_inputs_in_pieces() -> None:
    """From 2.4.0 on a prefill budget below the input limit ends only a server without flash attention."""
    options = {"max_input_tokens": 1024, "max_total_tokens": 2048, "max_batch_prefill_tokens": 512}
    assert _limits("3.0.1", options, flash=True).faults == []
    assert len(_limits("2.3.1", options, flash=True).faults) == 1


@given(
    version=st.sampled_from(versions()),
    options=st.dictionaries(
        st.sampled_from(
            [
                "max_input_tokens",
                "max_total_tokens",
                "max_batch_prefill_tokens",
                "max_batch_total_tokens",
                "max_batch_size",
            ]
        ),
        st.integers(0, 2**64 - 1) | st.integers(0, 10_000),
    ),
    arch=st.sampled_from([None, MISTRAL, PHI]),
    flash=st.booleans(),
)
def test_any_limits_are_worked_out(
    version: str, options: dict[str, int], arch: Architecture | None, *, flash: bool
) -> None:
    """Whatever is given and holds in the release stays as it is, and nothing raises."""
    values = _limits(version, options, arch, flash=flash).values
    held = {name: limit for name, limit in options.items() if name != "max_batch_size" or version >= "2.3"}
    assert {name: limit for name, limit in values.items() if name in options} == held


@pytest.mark.parametrize(
    ("version", "held"), [("1.4.5", None), ("2.0.4", None), ("2.2.0", None), ("2.3.0", 1), ("3.0.1", 1)]
)
def test_a_batch_size_that_does_not_hold_is_no_limit(version: str, held: int | None) -> None:
    """Up to 2.2.0 requests join a batch that is full: max_batch_size bounds the warm-up, and nothing after it."""
    limits = _limits(version, {"max_batch_size": 1, "max_input_tokens": 512, "max_total_tokens": 1024})
    assert limits.values.get("max_batch_size") == held
    assert limits.values["warm_up_requests"] == 1
    assert Tgi().batch_bound(version) == ("max_batch_size" if held else "max_concurrent_requests")


def test_a_batch_of_none_leaves_no_prefill_budget() -> None:
    """A batch size of 0 makes the launcher's prefill budget 0, with which 2.0.4 ends."""
    (fault,) = _limits("2.0.4", {"max_batch_size": 0}).faults
    assert fault.message == "the prefill budget 0 (not set: computed) is below the input limit 4095 (not set: computed)"


def test_positions_are_what_the_file_states() -> None:
    """The launcher takes 4096 where config.json states no positions, whatever transformers assumes for the family."""
    falcon = _arch("tiiuae/falcon-7b")
    assert (falcon.max_positions, falcon.stated_positions) == (2048, None)
    assert _limits("2.0.4", {}, falcon).values["max_total_tokens"] == 4096
    assert _limits("2.0.4", {}, PHI).values["max_total_tokens"] == 2048
