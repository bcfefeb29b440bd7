"""The bill against shapes drawn at random after every form was set: `results/fresh*.json`, measured by `fallback.py`.

What these measurements showed to be wrong was mended; the families concerned are no longer counted as held back.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from tests.measurements import test_fallback, test_layer_split
from tests.measurements.test_fallback import MEDIAN, WORST, arch_of, kind_of, measured, weights
from voltaic import hardware
from voltaic.memory import facts
from voltaic.memory.fallback import Load, layer_keys, moments

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO, MIXES = measured("fresh"), measured("fresh_split"), measured("fresh_mixes")
MENDED = {"gpt_neox", "granitemoe", "phi eager"}
"""What was widened after these measurements: the fast gelu of gpt-neox, the experts of Granite, phi's eager scores."""
UNDER = 0.025
"""Share by which the bytes of one moment may be billed too low: sizes that the allocator rounds up, small tensors."""
OVER = {"gpt_neox": 0.45, "phimoe": 0.4, "starcoder2": 0.4, "mixtral": 0.7, "cohere": 0.2, "qwen2_moe": 0.1}
"""Share by which it may be too high, where a form is only an upper bound; 7 % elsewhere."""
SMALL = 2**30
"""Bytes of weights up to which their reservation, of middling tensors alone, is bounded and not met."""


def budget() -> int:
    """Return the bytes of a V100 that margins are shares of."""
    gpu = hardware.gpu_model("v100-16gb")
    assert gpu is not None
    return gpu.usable_bytes


def family(result: dict[str, Any]) -> str:
    """Return the family of a measured model."""
    return arch_of(result["model"]).model_type


def form(result: dict[str, Any]) -> str:
    """Return by which form a measured model is billed."""
    return f"{family(result)} eager" if (family(result), result["attention"]) == ("phi", "eager") else family(result)


def on_one(results: list[dict[str, Any]]) -> Iterator[tuple[str, int, int, int]]:
    """Yield form, weights measured, and the peak total estimated and measured, of each case on one GPU."""
    for result in results:
        for case in result["cases"]:
            estimate, peak, _ = test_fallback.totals(result, case)
            yield form(result), result["weights_reserved"], estimate, peak


def on_two(results: list[dict[str, Any]]) -> Iterator[tuple[str, int, int, int]]:
    """Yield the same of each case and GPU of a layer split."""
    for result in results:
        per_gpu = [(estimate, peak) for _, estimate, peak in test_layer_split.totals(result)]
        for estimate, peak in per_gpu:
            yield form(result), sum(result["weights_reserved"]), estimate, peak


def report(name: str, pairs: list[tuple[str, int, int, int]], capsys: pytest.CaptureFixture[str]) -> list[float]:
    """Print the errors of all cases and of those held back, and return the latter's."""
    errors = [estimate / peak - 1 for *_, estimate, peak in pairs]
    held = [estimate / peak - 1 for kind, own, estimate, peak in pairs if kind not in MENDED and own > SMALL]
    with capsys.disabled():
        for what, found in (("all", errors), ("held back", held)):
            sys.stdout.write(
                f"\nfresh, {name}, {what}: {len(found)}, median {median(map(abs, found)):.2%}, "
                f"from {min(found):+.2%} to {max(found):+.2%}\n"
            )
    return held


def test_peak_totals_on_one_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    """Over shapes that nothing was fitted to the peak total errs by 3 % in the median and 8 % at worst."""
    errors = report("one GPU", list(on_one(ONE)), capsys)
    assert len(errors) >= 150
    assert median(map(abs, errors)) <= MEDIAN
    assert max(map(abs, errors)) <= WORST


def test_peak_totals_on_two_gpus(capsys: pytest.CaptureFixture[str]) -> None:
    """Each GPU of a layer split errs by 3 % in the median and 8 % at worst."""
    errors = report("two GPUs", list(on_two(TWO)), capsys)
    assert len(errors) >= 150
    assert median(map(abs, errors)) <= MEDIAN
    assert max(map(abs, errors)) <= WORST


def test_no_peak_exceeds_estimate_and_margin() -> None:
    """No measured peak is above the estimate by more than the margin of a V100: 3 % of it on one GPU, 8 % on two."""
    margin = facts.table()["margin"]
    assert all(peak <= estimate + margin["one_gpu"] * budget() for *_, estimate, peak in on_one(ONE))
    assert all(peak <= estimate + margin["layer_split"] * budget() for *_, estimate, peak in on_two(TWO))


def test_small_models_are_billed_too_high() -> None:
    """Weights below a GiB are never billed too low, and at most 0.16 GiB too high."""
    small = [(estimate, peak) for _, own, estimate, peak in (*on_one(ONE), *on_two(TWO)) if own <= SMALL]
    assert small
    for estimate, peak in small:
        assert -2 * 2**20 <= estimate - peak <= 0.16 * 2**30


def held_by_moment(result: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield each moment and by how much cache and activations are billed above what was asked for."""
    if isinstance(result["weights_reserved"], int):
        kind, shares = kind_of(result["model"], result["attention"]), [None]
    else:
        kind, spread = test_layer_split.placed(result)
        shares = list(spread.per_gpu)
    for case in result["cases"]:
        joining, tokens = case["joining"], case["input"]
        load = Load(case["requests"], case["total"], tokens, joining * tokens, joining, tokens)
        for gpu, share in enumerate(shares):
            most: dict[str, int] = {}
            for held in moments(kind, load, share or weights(kind)):
                most[held.moment] = max(held.total, most.get(held.moment, 0))
            for moment, estimate in most.items():
                asked = case["requested"].get(moment)
                if asked is not None:
                    yield moment, estimate / (asked if share is None else asked[gpu]) - 1


@pytest.mark.parametrize(
    "result", [*ONE, *TWO], ids=lambda r: f"{r['model']} {r['attention']} {'split' if 'device_map' in r else ''}"
)
def test_every_moment_is_bounded(result: dict[str, Any]) -> None:
    """No moment is billed 2.5 % too low; too high by 7 %, and by more only where a form is an upper bound."""
    above = 0.07
    if result["attention"] == "eager" or family(result) in OVER:
        above = max(OVER.get(family(result), 0), 0.36 if result["attention"] == "eager" else 0)
    for moment, error in held_by_moment(result):
        assert -UNDER <= error <= above, moment


def planned(result: dict[str, Any]) -> float:
    """Return the bytes that the bill plans for cache and activations of random requests."""
    kind = kind_of(result["model"], "sdpa")
    batch, tokens, total, prefill = result["limits"]
    # As many requests as the script sent; the router sends no more than there are slots.
    load = Load(batch, total, tokens, prefill, max(1, prefill // tokens), tokens)
    estimate = max(held.total for held in moments(kind, load, weights(kind)))
    expandable = "expandable_segments:True" in result["allocator"]
    return estimate + facts.slack(
        estimate, layer_keys(kind.arch, load), kind.arch.layers, expandable_segments=expandable
    )


@pytest.mark.parametrize(
    "result", MIXES, ids=lambda r: f"{r['model']} {r['allocator'] or 'default'} {r['seed']} {r['dynamic']}"
)
def test_random_requests_are_served_with_what_is_planned(result: dict[str, Any]) -> None:
    """No life of random requests ran out of memory with what the bill plans."""
    for run in result["runs"]:
        if run["ended_by"] == "memory":
            assert run["factor"] * result["dynamic"] < planned(result)
