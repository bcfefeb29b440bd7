"""Twenty thousand odd inputs: a verdict with its reasons or one clear error each, never a traceback."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.fuzz import inputs
from tests.fuzz.judging import Broken, line_is_answered, manifest_is_answered, must
from voltaic.document import spec_from_line
from voltaic.rules.rule import FAULT_OF_OURS
from voltaic.verdict import judge

LINES: Final = 17_000
MANIFESTS: Final = 3_000
IN_ONE: Final = 20
"""Inputs of one example: Hypothesis takes longer to choose one than they take to be judged."""
WHOLE: Final = 8
"""One line in so many has its ways out searched and its document made, one document in as many meets the schema."""
SCHEMA: Final = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs" / "reference" / "plan.schema.json").read_text(encoding="utf-8"))
)
MISTRAL: Final = "mistralai/Mistral-7B-Instruct-v0.2"
SEEDS: Final = st.integers(0, 2**32 - 1)
COUNTS: Counter[str] = Counter()


class Seeded:
    """Choices that follow from one number."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  nothing secret

    def below(self, number: int) -> int:
        """Return a whole number from 0 to this one, without it."""
        return int(self._random.random() * number)


def told(line: Any, broken: Exception) -> str:
    """Return what to try again."""
    return f"{broken!r}\nline: {line!r}"


@given(seed=SEEDS)
@settings(max_examples=LINES // IN_ONE, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_line_has_an_answer(seed: int) -> None:
    """Arguments of every engine and configurations of every family, right and wrong: a verdict with its reasons."""
    maker = inputs.Maker(Seeded(seed))
    for number in range(IN_ONE):
        line = maker.line()
        try:
            document = line_is_answered(line, whole=(seed + number) % WHOLE == 0, counts=COUNTS)
            if document is not None and (seed // WHOLE + number) % WHOLE == 0:
                problems = [problem.message for problem in SCHEMA.iter_errors(document)]
                must(not problems, f"a document that does not fit its schema: {problems}")
        except Exception as broken:
            raise Broken(told(line, broken)) from broken


@given(seed=SEEDS)
@settings(max_examples=MANIFESTS // IN_ONE, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_manifest_has_an_answer(seed: int) -> None:
    """Whatever a manifest holds, it is read, and what it serves is judged."""
    maker = inputs.Maker(Seeded(seed))
    for number in range(IN_ONE):
        content = maker.manifest()
        try:
            manifest_is_answered(content, whole=(seed + number) % WHOLE == 0, counts=COUNTS)
        except Exception as broken:
            raise Broken(told(content, broken)) from broken


def test_every_kind_of_answer_is_met() -> None:
    """The inputs are neither all right nor all wrong: every verdict is met, and every family."""
    counts: Counter[str] = Counter()
    maker = inputs.Maker(Seeded(1))
    for _ in range(1200):
        line_is_answered(maker.line(), whole=False, counts=counts)
    assert counts.keys() == {"accept", "refuse", "unknown", "invalid"}


def test_a_broken_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that raises is caught by the judge, and by these tests."""
    monkeypatch.setattr("voltaic.rules.vram_budget.bill_of", lambda _: 1 / 0)
    line = {"gpu": "v100-16gb", "gpus": 1, "engine": "tgi", "engine_version": "3.0.1", "model": "microsoft/phi-2"}
    with pytest.raises(Broken, match="a rule that broke"):
        line_is_answered(line, whole=False, counts=Counter())


@pytest.mark.parametrize("share", ["nan", "inf", "1e400", "0", "1e308"])
@pytest.mark.parametrize(
    ("engine", "version", "option"),
    [
        ("vllm", "0.10.1", "--gpu-memory-utilization"),
        ("vllm", "0.8.5", "--gpu-memory-utilization"),
        ("tgi", "3.0.1", "--cuda-memory-fraction"),
        ("lmdeploy", "0.16.0", "--cache-max-entry-count"),
    ],
)
@pytest.mark.parametrize("gpu", ["v100-16gb", "h100-80gb", "l4-24gb"])
def test_a_share_that_is_no_number_is_refused_and_breaks_no_rule(
    engine: str, version: str, option: str, share: str, gpu: str
) -> None:
    """The arguments are refused, and the bill is asked all the same."""
    line = {"gpu": gpu, "gpus": 1, "engine": engine, "engine_version": version, "model": MISTRAL}
    verdict = judge(spec_from_line({**line, "args": [f"{option}={share}"]}))
    assert FAULT_OF_OURS not in {finding.why for finding in verdict.findings}
    assert verdict.verdict in {"refuse", "unknown"}
