"""The worked example of docs/the-bill.md, recomputed from its own numbers, from the facts and from the code."""

from __future__ import annotations

import ast
import math
import operator
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from voltaic import facts_files, hardware, models
from voltaic.document import spec_from_line
from voltaic.memory import facts
from voltaic.memory.bill import Bill
from voltaic.verdict import Verdict, judge

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "the-bill.md"
UNITS = {"B": 1, "MiB": 2**20, "GiB": 2**30}
_OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Any] = {"max": max, "min": min, "ceil": math.ceil, "int": int}
MODEL = "mistralai/Mistral-7B-Instruct-v0.2"
ARGS = "--num-shard 1 --max-input-tokens 1536 --max-total-tokens 2048 --max-batch-prefill-tokens 1536 --max-batch-size"


def value(text: str, known: dict[str, float]) -> float:
    """Return the value of an expression of numbers, names and a few functions."""

    def of(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.Name(id=name):
                return known[name]
            case ast.BinOp(left=left, op=sign, right=right):
                return _OPERATORS[type(sign)](of(left), of(right))  # type: ignore[no-any-return]
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return _FUNCTIONS[name](*map(of, arguments))  # type: ignore[no-any-return]
        raise AssertionError(f"not an expression of the page: {text}")

    return of(ast.parse(text, mode="eval").body)


def stated() -> list[tuple[str, str, list[str]]]:
    """Return name, expression and results of every line of the page's sums."""
    blocks = re.findall(r"^```calc\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = []
    for line in "".join(blocks).splitlines():
        name, first, *results = line.split(" = ")
        found.append((name, first, results))
    return found


def recomputed() -> dict[str, float]:
    """Return every name of the page with its value, computed from the lines before it."""
    known: dict[str, float] = {}
    for name, first, _ in stated():
        number, _, unit = first.partition(" ")
        known[name] = float(number) * UNITS[unit] if unit in UNITS else value(first, known)
    return known


def verdict(requests: int = 1) -> Verdict:
    """Return what the code says of the example, with so many requests at once."""
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "tgi", "engine_version": "3.0.1", "model": MODEL}
    return judge(
        spec_from_line({**line, "args": [*ARGS.split(), str(requests)], "env": {"USE_FLASH_ATTENTION": "false"}})
    )


def test_every_sum_of_the_page_is_right() -> None:
    """Each expression, computed from the lines above it, gives the number beside it, to the digits that are shown."""
    known = recomputed()
    lines = stated()

    assert len(lines) >= 30
    for name, first, results in lines:
        for result in results:
            number, _, unit = result.partition(" ")
            shown = known[name] / UNITS[unit or "B"]
            digits = len(number.partition(".")[2])
            assert f"{shown:.{digits}f}" == number, f"{name} = {first} = {result}"


def test_the_page_starts_from_what_is_known() -> None:
    """Shapes are the catalogue's, coefficients the facts', and the checkpoint weighs what was published."""
    page = recomputed()
    known = models.known_model(MODEL)
    assert known is not None
    config, table, gpu = known.config, facts.table(), hardware.gpu_model("v100-16gb")

    form = table["layer"]["mistral"]
    expected = {
        "hidden": config["hidden_size"],
        "intermediate": config["intermediate_size"],
        "layers": config["num_hidden_layers"],
        "heads": config["num_attention_heads"],
        "kv_heads": config["num_key_value_heads"],
        "vocab": config["vocab_size"],
        "large_multiple": table["allocator"]["large_multiple"],
        "medium_segment": table["allocator"]["medium_segment"],
        "planning_factor": table["planning_factor"]["default"],
        "middling_factor": table["planning_factor"]["middling_keys"]["factor"],
        "middling_up_to": table["planning_factor"]["middling_keys"]["up_to"],
        "parameters": known.weights_bytes,
        "budget": gpu.usable_bytes,
        "sampling": pytest.approx(gpu.sampling_warm_up_bytes, abs=1),
        "libraries": pytest.approx(gpu.context_bytes, abs=1),
        "layer": page["input_tokens"] * (form["hidden"] * page["hidden"] + form["intermediate"] * page["intermediate"]),
        "margin": table["margin"]["one_gpu"] * gpu.usable_bytes,
    }
    assert {name: page[name] for name in expected} == expected


def test_the_code_makes_the_bill_of_the_page() -> None:
    """Every line of the bill, to the byte, and the verdict with its margin."""
    page, judged = recomputed(), verdict()
    bill = judged.bill

    assert isinstance(bill, Bill)
    gpu = bill.per_gpu[0]
    names = ("budget", "context", "weights", "kv_cache", "activations", "other", "total", "headroom")
    assert {name: getattr(gpu, name) for name in names} == {name: page[name] for name in names}
    assert bill.kv_cache_bytes_per_token == page["kv"]
    assert (judged.verdict, judged.tight, bill.peak_moment) == ("accept", False, "decode")
    assert bill.margin * gpu.budget == pytest.approx(page["margin"])
    assert page["decode"] > max(page["warm_up"], page["prefill"])


def test_a_second_request_costs_what_the_page_says() -> None:
    """It still fits, and is tight."""
    page, one, two = recomputed(), verdict(), verdict(2)

    assert isinstance(one.bill, Bill)
    assert isinstance(two.bill, Bill)
    assert two.bill.worst.total - one.bill.worst.total == page["second"]
    assert two.bill.worst.headroom == page["left"]
    assert (two.verdict, two.tight) == ("accept", True)


def test_the_page_of_facts_is_that_of_the_data_files() -> None:
    """What is known how well is written from the data; `python tests/docs/known_how_well.py` writes it anew."""
    script = runpy.run_path(str(CHECKOUT / "tests" / "docs" / "known_how_well.py"))

    assert script["PAGE"].read_text(encoding="utf-8") == script["page"]()


def test_the_numbers_between_the_sums_are_those_of_the_facts() -> None:
    """Factors, margins and coefficients that the text names stand there as the data files have them."""
    text = " ".join(PAGE.read_text(encoding="utf-8").split()).replace(" %", "%")
    table = facts.table()
    factor, margin, block = table["planning_factor"], table["margin"], table["layer"]["mistral"]
    flash = facts_files.table(CHECKOUT / "voltaic" / "memory" / "tgi_flash.toml")
    reserves = {row[0]: row[1] for row in flash["reserve"]["rows"]}
    vllm = facts_files.table(CHECKOUT / "voltaic" / "memory" / "vllm.toml")
    sampler = dict(vllm["sampler"]["v1"])

    for said in (
        f"The margin is {factor['default'] - 1:.0%} of it, and {factor['expandable_segments']['factor'] - 1:.0%} where",
        f"take more than {factor['middling_keys']['above'] >> 20} MiB",
        f"at least {factor['middling_keys']['factor'] - 1:.0%} of the keys and values",
        f"{margin['one_gpu']:.0%} of the budget where release",
        f"and {margin['layer_split']:.0%} elsewhere",
        f"`T x ({block['hidden']}h + {block['intermediate']}I)` bytes",
        f"{reserves['>=2.0.0,<2.3.0']:.0%} of what is free, {reserves['>=2.4.0,<3.0.0']:.0%} from",
        f"less {1 - reserves['>=3.0.0,<3.1.0']:.0%} of the GPU (3.0), {1 - reserves['>=3.1.0,<3.3.0']:.0%} (3.1, 3.2)",
        f"or {1 - reserves['*']:.0%} (3.3)",
        f"rounded up to a multiple of {vllm['weights']['vocabulary_multiple']},",
        f"c is {vllm['sampler']['v0']}, {sampler['<=0.19.1']} in 0.17 to 0.19, and {sampler['*']} from 0.20 on",
        f"in blocks of {vllm['pool']['block']} tokens",
        f"outside the share, until {vllm['graphs']['inside'].removeprefix('>=').removesuffix('.0')}",
    ):
        assert said in text
