"""The bill as a table: one column a GPU, in lines that fit."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from cli import render
from voltaic.memory.bill import Bill, GpuBill
from voltaic.units import GIB

GPU = GpuBill(
    budget=16 * GIB, context=GIB // 2, weights=6 * GIB, kv_cache=2 * GIB, activations=GIB // 4, other=GIB // 4
)


def table(*per_gpu: GpuBill, width: int = 100) -> list[str]:
    """Return the printed lines of a bill, blanks at their ends removed."""
    bill = Bill(per_gpu, kv_cache_bytes_per_token=131_072, kv_cache_tokens=8_192, peak_moment="decode")
    out = io.StringIO()
    render.bill(Console(file=out, width=width), bill)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_each_line_of_the_bill_is_a_row_in_gib() -> None:
    """The whole table, with two decimals, total, budget and headroom last, and what a token costs."""
    assert table(GPU) == [
        "",
        "VRAM per GPU at the worst moment (decode), in GiB",
        "                       GPU 0",
        "context                 0.50",
        "weights                 6.00",
        "KV cache                2.00",
        "activations             0.25",
        "planning margin         0.25",
        "total                   9.00",
        "budget                 16.00",
        "headroom                7.00",
        "KV cache: 128.00 KiB a token, 8,192 tokens at the stated limits.",
    ]


def test_gpus_that_hold_the_same_share_a_column() -> None:
    """A run of equal GPUs is one column; a different one stands apart."""
    last = replace(GPU, weights=7 * GIB)

    assert re.split(r"  +", table(GPU, GPU, GPU, last)[2].strip()) == ["GPU 0 to 2", "GPU 3"]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_many_gpus_are_broken_into_tables_that_fit(width: int) -> None:
    """No line is longer than the terminal, no column is lost, no number is cut."""
    gpus = [replace(GPU, weights=number * GIB) for number in range(8)]

    lines = table(*gpus, width=width)

    assert max(map(len, lines)) <= width
    assert " ".join(lines).count("GPU ") == 8 + 1  # the heading has one more
    weights = " ".join(line for line in lines if line.startswith("weights")).split()
    assert [number for number in weights if number != "weights"] == [f"{number}.00" for number in range(8)]


def printed(bill: Bill, width: int = 100) -> list[str]:
    """Return what is printed of a bill, line by line."""
    out = io.StringIO()
    render.bill(Console(file=out, width=width), bill)
    return out.getvalue().splitlines()


def test_terms_moments_and_the_pool_of_an_engine_are_told() -> None:
    """What other is made of stands below the sums, without zeros; then the moments, and the pool with its tokens."""
    terms = (("kv_pool", 5 * GIB), ("nccl", GIB // 2), ("cuda_graphs", 0), ("outside_the_share", GIB))
    bill = Bill(
        (replace(GPU, terms=terms),),
        kv_cache_bytes_per_token=131_072,
        kv_cache_tokens=40_960,
        peak_moment="prefill",
        moments=(("load", (8 * GIB,)), ("prefill", (9 * GIB,))),
    )

    lines = printed(bill)

    assert lines[7:] == [
        "other                     0.25",
        "total                     9.00",
        "budget                   16.00",
        "headroom                  7.00",
        "in detail:",
        " NCCL buffers             0.50",
        " outside the share        1.00",
        "By moment, with the engine's pool: load 8.00, prefill 9.00 GiB.",
        "KV cache: 128.00 KiB a token; the engine's pool of 5.00 GiB a GPU holds 40,960 tokens.",
    ]


def test_slack_that_is_all_of_other_is_the_planning_margin() -> None:
    """A term that says what a line says already gets no line of its own."""
    slack = replace(GPU, terms=(("allocator_slack", GPU.other),))

    assert table(slack) == table(GPU)


def test_tight_is_said_in_numbers() -> None:
    """How much is left, and by how much the estimate may err."""
    bill = Bill(
        (replace(GPU, budget=GPU.total + GIB // 4),),
        kv_cache_bytes_per_token=1,
        kv_cache_tokens=1,
        peak_moment="decode",
        margin=0.08,
    )

    assert bill.tight
    assert render._tight(bill) == (
        "Tight: it fits with 0.25 GiB of headroom, less than the 0.74 GiB by which this estimate may err "
        "(8% of the budget)."
    )
