"""The judge: what it says of a spec, and that it never says yes by accident."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic import answers, document, rules, verdict
from voltaic.memory.bill import Bill, NoBill
from voltaic.rules.rule import Rule
from voltaic.verdict import judge

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
WITHOUT_FLASH = {"USE_FLASH_ATTENTION": "false"}


def line(*limits: int, **changes: Any) -> dict[str, Any]:
    """Return a batch line; limits are input, total, prefill and batch total tokens, and the batch size."""
    names = ("input-tokens", "total-tokens", "batch-prefill-tokens", "batch-total-tokens", "batch-size")
    told = [word for name, limit in zip(names, limits, strict=False) for word in (f"--max-{name}", str(limit))]
    plain = {
        "gpu": "v100-16gb",
        "gpus": 1,
        "engine": "tgi",
        "engine_version": "3.0.1",
        "model": MISTRAL,
        "args": ["--num-shard", "1", *told],
        "env": WITHOUT_FLASH,
    }
    return plain | changes


def judged(given: dict[str, Any]) -> verdict.Verdict:
    """Return the verdict on a batch line."""
    return judge(document.spec_from_line(given))


SMALL = (1024, 2048, 1024, 4096, 2)


@pytest.mark.parametrize(
    ("given_line", "expected"),
    [
        pytest.param(line(1536, 2048, 2048, 8192, 4, model="microsoft/phi-2"), "accept", id="phi-2 on one"),
        pytest.param(line(*SMALL), "accept", id="Mistral on one"),
        pytest.param(line(4096, 6144, 4096, 24576, 4, gpus=2), "accept", id="Mistral on two"),
        pytest.param(
            line(1024, 1536, 1024, 1536, 1, model="meta-llama/Llama-2-7b-chat-hf"), "accept", id="7B, one request"
        ),
        pytest.param(
            line(1024, 1536, 1024, 3072, 2, model="meta-llama/Llama-2-7b-chat-hf"), "refuse", id="7B, two requests"
        ),
        pytest.param(
            line(3072, 4096, 4096, 12288, 3, model="meta-llama/Llama-2-7b-chat-hf", gpus=2), "accept", id="7B on two"
        ),
        pytest.param(line(512, 1024, 512, 1024, 1, model="meta-llama/Llama-2-13b-chat-hf"), "refuse", id="13B on one"),
        pytest.param(
            line(1024, 1536, 1024, 1536, 1, model="meta-llama/Llama-2-13b-chat-hf", gpus=2), "accept", id="13B on two"
        ),
        pytest.param(
            line(2048, 3072, 2048, 3072, 1, model="meta-llama/Llama-2-13b-chat-hf", gpu="v100-32gb"),
            "accept",
            id="13B on 32 GB",
        ),
        pytest.param(
            line(1024, 1536, 1024, 1536, 1, model="meta-llama/Meta-Llama-3-8B"), "refuse", id="Llama-3-8B on one"
        ),
    ],
)
def test_recommended_limits_of_two_v100(given_line: dict[str, Any], expected: str) -> None:
    """The recommended limits are accepted, and what is beyond them is refused by the budget alone."""
    found = judged(given_line)
    assert found.verdict == expected
    assert isinstance(found.bill, Bill)
    assert {finding.rule for finding in found.findings} == (set() if expected == "accept" else {"vram-budget"})


def test_a_tight_accept_says_so() -> None:
    """Mistral on one V100 fits with less headroom than the estimate may err, and is accepted all the same."""
    assert judged(line(*SMALL)).tight
    assert not judged(line(512, 1024, 512, 1024, 1)).tight
    assert not judged(line(*SMALL, env={})).tight


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"gpu": "rtx-4090"}, "engine-gpu-support"),
        ({"gpu": None}, "engine-gpu-support"),
        ({"engine": "unheard-of"}, "engine-gpu-support"),
        ({"engine_version": None}, "engine-gpu-support"),
        ({"engine_version": "9.9.9"}, "engine-gpu-support"),
        ({"model": "nobody/nothing"}, "engine-model-support"),
        ({"model": None, "config": {"model_type": "mystery"}}, "engine-model-support"),
        ({"gpus": None}, "vram-budget"),
        ({"model": "bigscience/bloom-7b1", "args": [*line(*SMALL)["args"], "--disable-custom-kernels"]}, "vram-budget"),
    ],
    ids=str,
)
def test_what_is_not_known_is_unknown(change: dict[str, Any], rule: str) -> None:
    """A GPU, engine, release, model or count that the facts do not cover is unknown: neither a fault nor an accept."""
    found = judged(line(*SMALL, **change))
    assert found.verdict == "unknown"
    assert found.exit_code == 3
    assert rule in {finding.rule for finding in found.findings if finding.outcome == "unknown"}
    assert found.fixes == ()


def test_exit_codes() -> None:
    """Accept is 0, refuse 1, unknown 3; 2 is left to bad input."""
    accept, refuse = judged(line(*SMALL)), judged(line(*SMALL, model="meta-llama/Llama-2-13b-hf"))
    unknown = judged(line(*SMALL, engine="unheard-of"))
    assert (accept.exit_code, refuse.exit_code, unknown.exit_code) == (0, 1, 3)


def test_every_rule_speaks() -> None:
    """The first no lets the others speak: sharding on one GPU, a format that is ignored, and too much memory."""
    found = judged(
        line(
            *SMALL,
            model="meta-llama/Llama-2-13b-chat-hf",
            args=["--num-shard", "1", "--quantize", "eetq", "--max-batch-size", "1000", "--max-total-tokens", "4096",
                  "--max-input-tokens", "4095", "--max-batch-prefill-tokens", "4095"],
        )
    )  # fmt: skip
    assert [finding.rule for finding in found.findings] == ["engine-model-support", "vram-budget"]


def test_what_does_not_run_is_not_also_unknown() -> None:
    """Where another rule has refused, the budget says nothing of a missing bill, unless weights alone are too much."""
    mistral = judged(line(*SMALL, args=["--num-shard", "2"], gpus=2))
    assert [finding.rule for finding in mistral.findings] == ["engine-model-support"]
    assert isinstance(mistral.bill, NoBill)
    large = judged(line(*SMALL, args=["--num-shard", "2"], model="meta-llama/Llama-2-13b-hf"))
    assert [finding.rule for finding in large.findings] == ["engine-model-support", "single-gpu-shard", "vram-budget"]
    assert "Needs at least 24.61 GiB on a GPU, which has 15.77 GiB." in [finding.message for finding in large.findings]


def test_a_crash_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that fails answers unknown with what went wrong, and the others still speak."""

    def fail(_spec: object) -> tuple[()]:
        raise ZeroDivisionError("no such number")

    broken = Rule("engine-gpu-support", "title", "why", fail)
    monkeypatch.setattr(rules, "RULES", (broken, *rules.RULES[1:]))
    found = judged(line(*SMALL))
    assert found.verdict == "unknown"
    (finding,) = found.findings
    assert finding.message == "The rule engine-gpu-support could not answer: ZeroDivisionError: no such number"
    assert finding.outcome == "unknown"
    refused = judged(line(*SMALL, model="meta-llama/Llama-2-13b-hf"))
    assert refused.verdict == "refuse"
    assert [finding.rule for finding in refused.findings] == ["engine-gpu-support", "vram-budget"]


def test_a_crash_of_the_bill_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the bill fails, the rule about it says so, and the verdict still comes."""

    def fail(_spec: object) -> None:
        raise OverflowError("too many bytes")

    monkeypatch.setattr(answers, "bill_of", fail)
    monkeypatch.setattr("voltaic.rules.vram_budget.bill_of", fail)
    monkeypatch.setattr(answers, "runs_of", fail)
    found = judged(line(*SMALL))
    assert found.verdict == "unknown"
    assert found.runs is None
    assert found.bill == NoBill("OverflowError: too many bytes", "a repair of voltaic")
    assert [finding.message for finding in found.findings] == [
        "The rule vram-budget could not answer: OverflowError: too many bytes"
    ]


def test_a_crash_of_the_budget_is_told_beside_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another rule refuses and nothing runs, a budget that broke still says so."""

    def fail(_spec: object) -> None:
        raise OverflowError("too many bytes")

    monkeypatch.setattr("voltaic.rules.vram_budget.bill_of", fail)
    found = judged(line(*SMALL, args=["--num-shard", "2"], gpus=2))
    assert found.verdict == "refuse"
    assert [(finding.rule, finding.outcome) for finding in found.findings] == [
        ("engine-model-support", "violation"),
        ("vram-budget", "unknown"),
    ]


@pytest.mark.parametrize("broken", ["voltaic.search.smaller_limits", "voltaic.corrections.corrected"])
def test_a_search_that_breaks_leaves_the_refusal(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """A failing search means no ways out, and the findings keep the rules' own advice: never an exception."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, fail)
    found = judged(line(1024, 1536, 1024, 3072, 2, model="meta-llama/Llama-2-7b-chat-hf"))
    assert found.verdict == "refuse"
    assert found.fixes == ()
    assert found.findings == found.answers
    assert document.plan_document(found)["fixes"] == []


def test_words_that_break_leave_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ways out cannot be said, the findings are those of the rules."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("voltaic.fixes.way_out", fail)
    found = judged(line(*SMALL, model="meta-llama/Llama-2-13b-chat-hf"))
    assert found.findings == found.answers
    assert found.fixes


def test_advisory_findings_do_not_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only mandatory rules decide the verdict."""
    (finding,) = judged(line(*SMALL, model="meta-llama/Llama-2-13b-hf")).answers
    advice = Rule("advice", "title", "why", lambda _: (replace(finding, rule="advice", level="advisory"),), "advisory")
    monkeypatch.setattr(rules, "RULES", (*rules.RULES, advice))
    found = judged(line(*SMALL))
    assert found.verdict == "accept"
    assert [finding.rule for finding in found.findings] == ["advice"]


def test_answers_are_those_of_the_spec_asked_about() -> None:
    """Asking about two specs in turn never mixes their answers."""
    one, two = document.spec_from_line(line(*SMALL)), document.spec_from_line(line(512, 1024, 512, 1024, 1))
    bills = [answers.bill_of(spec) for spec in (one, two, one, two)]
    assert bills[0] == bills[2] != bills[1] == bills[3]
    assert answers.runs_of(one) == answers.runs_of(replace(one))


@given(
    limits=st.tuples(
        st.integers(1, 4096), st.integers(2, 8192), st.integers(1, 8192), st.integers(1, 65536), st.integers(1, 64)
    ),
    which=st.integers(1, 4),
    cut=st.floats(0.1, 0.99),
    model=st.sampled_from([MISTRAL, "meta-llama/Llama-2-7b-chat-hf", "microsoft/phi-2", "google/gemma-2b-it"]),
    gpus=st.sampled_from([1, 2, 4]),
)
@settings(max_examples=150)
def test_a_smaller_limit_never_turns_memory_against_it(
    limits: tuple[int, ...], which: int, cut: float, model: str, gpus: int
) -> None:
    """What fits still fits with a smaller total, prefill, batch total or batch size."""
    smaller = tuple(max(1, int(limit * cut)) if index == which else limit for index, limit in enumerate(limits))
    before, after = judged(line(*limits, model=model, gpus=gpus)), judged(line(*smaller, model=model, gpus=gpus))
    if isinstance(before.bill, Bill) and before.bill.fits and isinstance(after.bill, Bill):
        assert after.bill.fits
    if before.verdict == "accept" and after.verdict != "accept":
        # Only launcher and engine constrain limits from below.
        assert {finding.rule for finding in after.findings} <= {"launcher-arguments", "engine-model-support"}


REFUSED = [
    line(512, 1024, 512, 1024, 1, model="meta-llama/Llama-2-13b-chat-hf"),
    line(1024, 2048, 1024, 4096, 2, model="meta-llama/Llama-2-7b-chat-hf"),
    line(*SMALL, env={}),
    line(*SMALL, args=["--num-shard", "2"]),
    line(*SMALL, args=["--num-shard", "1"]),
    line(*SMALL, engine_version="3.3.7"),
    line(*SMALL, engine_version="3.0.2"),
    line(gpus=2, engine_version="1.2.0", env={}, args=["--num-shard", "2", "--quantize", "awq"]),
    line(*SMALL, args=[*line(*SMALL)["args"], "--quantize", "eetq", "--dtype", "bfloat16"]),
    line(*SMALL, args=["--max-parallel-loading-workers", "2"]),
    line(1024, 512, 1024, 4096, 2),
    line(*SMALL, model="TheBloke/Mistral-7B-Instruct-v0.2-AWQ"),
]


@pytest.mark.parametrize("given_line", REFUSED, ids=str)
def test_a_refusal_is_complete(given_line: dict[str, Any]) -> None:
    """Every refusal says what was found, why it cannot work, what to change and where that is known from."""
    found = judged(given_line)
    assert found.verdict == "refuse"
    violations = [finding for finding in found.findings if finding.outcome == "violation"]
    assert violations
    for finding in violations:
        assert finding.message
        assert finding.why
        assert finding.fix
        assert finding.sources or finding.rule == "launcher-arguments"
