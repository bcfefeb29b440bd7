"""The bill against what a GPU showed: `results/`, measured by `fallback.py`, of which nothing was fitted to a form."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from voltaic import models
from voltaic.memory import facts
from voltaic.memory.fallback import Held, Kind, Load, kept_logits, layer_keys, moments
from voltaic.memory.weights import GpuWeights, weights_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.models import Architecture

RESULTS = Path(__file__).parent / "results"
PINNED = (4, 46, 3)
SHAPES = json.loads((RESULTS.parent / "shapes.json").read_text(encoding="utf-8"))


def measured(name: str) -> list[dict[str, Any]]:
    """Return the results of one file."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["results"]
    return found


def arch_of(model: str) -> Architecture:
    """Return the architecture of a measured model."""
    found = models.read_config(SHAPES[model]) if model in SHAPES else models.resolve(model).architecture
    assert found is not None
    return found


FAMILIES = [result for result in measured("families") if facts.layer_form(arch_of(result["model"])) is not None]
"""Families that were measured later; of those without a form the results are there and nothing is said."""
MOMENTS = [*measured("moments"), *FAMILIES]
ENDURANCE = [*measured("endurance"), *measured("mixes")]
MEDIAN, WORST = 0.03, 0.08
"""Bars of the error of the peak total."""
EXPERTS = {"mixtral", "phimoe"}
"""Families whose layers are larger than their logits and depend on how a router spreads tokens: bounded from above."""
BOUND = {"openai-community/gpt2"}
"""Weights of middling tensors alone, whose reservation the bill only bounds: 0.1 GiB too much on a quarter of a GiB."""


def kind_of(model: str, attention: str) -> Kind:
    """Return how a measured model ran."""
    return Kind(arch_of(model), eager=attention == "eager", int8=False, upcast=False, whole_cache=False)


def weights(kind: Kind) -> GpuWeights:
    """Return the weights as the bill has them on one GPU."""
    found = weights_of(kind.arch, fmt="float16", gpus=1, free=2**40, transformers=PINNED)
    assert found is not None
    return found.per_gpu[0]


def billed(kind: Kind, case: dict[str, Any]) -> dict[str, Held]:
    """Return what the bill says of the moments that were measured; of the prefills the one of all that join."""
    joining, tokens = case["joining"], case["input"]
    load = Load(
        batch=case["requests"],
        total=case["total"],
        input=tokens,
        prefill=joining * tokens,
        warm_up_requests=joining,
        warm_up_tokens=tokens,
    )
    found: dict[str, Held] = {}
    for held in moments(kind, load, weights(kind)):
        known = found.get(held.moment)
        if known is None or held.activations > known.activations:
            found[held.moment] = held
    return {moment: held for moment, held in found.items() if moment in case["peaks"]}


def each() -> Iterator[Any]:
    """Yield every measured case."""
    for result in MOMENTS:
        for case in result["cases"]:
            shape = f"{case['requests']}x{case['input']}"
            yield pytest.param(result, case, id=f"{result['model'].split('/')[-1]} {result['attention']} {shape}")


CASES = list(each())


def totals(result: dict[str, Any], case: dict[str, Any]) -> tuple[int, int, float]:
    """Return the peak total: estimated, measured, and estimated with the planning factor."""
    kind = kind_of(result["model"], result["attention"])
    held = max(held.total for held in billed(kind, case).values())
    own = weights(kind).reserved
    measured = max(peak for moment, peak in case["peaks"].items() if moment != "reserved")
    factor = facts.planning_factor(expandable_segments=False)
    return own + held, result["weights_reserved"] + measured, own + factor * held


def table(name: str, errors: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    """Print a line of the table of errors."""
    worst = max(errors, key=abs)
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {len(errors)} cases, median {median(map(abs, errors)):.2%}, worst {worst:+.2%}\n")


@pytest.mark.parametrize(("result", "case"), CASES)
def test_no_measured_peak_exceeds_the_bill(result: dict[str, Any], case: dict[str, Any]) -> None:
    """What was allocated at the worst moment is at most the estimate with its planning factor."""
    _, measured, planned = totals(result, case)
    assert measured <= planned


@pytest.mark.parametrize(("result", "case"), CASES)
def test_every_moment_is_met(result: dict[str, Any], case: dict[str, Any]) -> None:
    """No moment is billed 2.5 % below the bytes asked for; above them by 3.5 %, and by more only for upper bounds."""
    kind = kind_of(result["model"], result["attention"])
    found = billed(kind, case)
    assert {"warm-up", "prefill", "decode"} <= set(found)
    family = kind.arch.model_type
    for moment, held in found.items():
        above = 0.035  # the lower end is the same for all: what is known badly may only be billed too high
        if family in EXPERTS and moment in {"warm-up", "prefill"}:
            above = 0.5
        if moment == "decode" and facts.keeps_keys_twice(family) and case["joining"] < case["requests"]:
            above = 0.45  # billed is a prompt's first step alone, which none of these lives has
        assert -0.025 <= held.total / case["requested"][moment] - 1 <= above, moment


def test_peak_totals_of_the_cases_kept_aside(capsys: pytest.CaptureFixture[str]) -> None:
    """Over the third of the cases kept aside the peak total errs by 3 % in the median and 8 % at worst."""
    pairs = [
        totals(result, case)[:2]
        for result in MOMENTS
        for case in result["cases"]
        if case["aside"] and result["model"] not in BOUND
    ]
    errors = [estimate / measured - 1 for estimate, measured in pairs]
    table("peak total, kept aside", errors, capsys)
    assert len(errors) >= 30
    assert median(map(abs, errors)) <= MEDIAN
    assert max(map(abs, errors)) <= WORST


def test_dynamic_part_of_the_cases_kept_aside(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the weights, which are most of a total, the requested bytes of a peak still err by 3.5 % at worst."""
    errors = []
    for result in MOMENTS:
        kind = kind_of(result["model"], result["attention"])
        for case in result["cases"]:
            if case["aside"] and kind.arch.model_type not in EXPERTS:
                held = max(held.total for held in billed(kind, case).values())
                errors.append(held / max(case["requested"].values()) - 1)
    table("cache and activations, kept aside", errors, capsys)
    assert median(map(abs, errors)) <= 0.005
    assert max(map(abs, errors)) <= 0.035


@pytest.mark.parametrize("result", MOMENTS, ids=lambda result: f"{result['model']} {result['attention']}")
def test_weights_are_reserved_as_billed(result: dict[str, Any]) -> None:
    """Weights are never billed below what was reserved, and above it by 4 % or 0.15 GiB."""
    own = weights(kind_of(result["model"], result["attention"])).reserved
    # Workspaces and the generator's state of a process share a segment with small tensors.
    assert own >= result["weights_reserved"] - 2 * 2**20
    assert own <= max(1.04 * result["weights_reserved"], result["weights_reserved"] + 0.15 * 2**30)


@pytest.mark.parametrize("result", MOMENTS, ids=lambda result: f"{result['model']} {result['attention']}")
def test_sampled_requests_keep_their_logits(result: dict[str, Any]) -> None:
    """The first request of a sampling setting leaves the logits of its prompt behind, and at most 4 MiB more."""
    kind, tokens = kind_of(result["model"], result["attention"]), result["kept"]["tokens"]
    load = Load(1, tokens + 4, tokens, tokens, 1, tokens)
    assert 0 <= result["kept"]["bytes"] - kept_logits(kind, load) <= 4 * 2**20


def planned(result: dict[str, Any]) -> tuple[float, float]:
    """Return what the planning factor allows random requests for cache and activations, and the unit of the runs."""
    kind = kind_of(result["model"], "sdpa")
    batch, tokens, total, prefill = result["limits"]
    load = Load(batch, total, tokens, prefill, min(batch, -(-prefill // tokens)), tokens)
    estimate = max(held.total for held in moments(kind, load, weights(kind)))
    expandable = "expandable_segments:True" in result["allocator"]
    slack = facts.slack(estimate, layer_keys(kind.arch, load), kind.arch.layers, expandable_segments=expandable)
    return estimate + slack, result["dynamic"]


@pytest.mark.parametrize("result", ENDURANCE, ids=lambda result: f"{result['model']} {result['allocator']}")
def test_random_requests_survive_the_planning_factor(result: dict[str, Any]) -> None:
    """No life of random requests ran out of memory with what the planning factor allows for cache and activations."""
    allowed, unit = planned(result)
    died = [run["factor"] for run in result["runs"] if run.get("ended_by", "memory") == "memory"]
    died = [run["factor"] for run in result["runs"] if run["factor"] in died and run["served"] < run["of"]]
    assert all(factor * unit < allowed for factor in died)


def test_most_mixes_were_served_with_less_than_planned(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the mixes in which some run was not cut short, each was served with at most what is planned."""
    least: dict[tuple[str, str, str], float] = {}
    for result in ENDURANCE:
        allowed, unit = planned(result)
        if all(run["factor"] * unit > 1.001 * allowed for run in result["runs"]):
            continue  # nothing was tried with as little as is planned
        mix = (result["model"], str(result["limits"]), result["allocator"])
        for run in result["runs"]:
            if run["served"] >= run["of"] or run.get("ended_by") == "time":
                least[mix] = min(least.get(mix, 9.0), run["factor"] * unit / allowed)
    needed = {
        expandable: [share for mix, share in least.items() if ("expandable_segments:True" in mix[2]) == expandable]
        for expandable in (False, True)
    }
    for expandable, shares in needed.items():
        with capsys.disabled():
            name = "expandable segments" if expandable else "default allocator"
            sys.stdout.write(f"\n{name}: {len(shares)} mixes, at most {max(shares):.2f} of what is planned\n")
        assert len(shares) >= 12
        assert max(shares) <= 1.001  # the runs went in steps of a tenth
