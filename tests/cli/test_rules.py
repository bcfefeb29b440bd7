"""`voltaic rules`, and what the shell is offered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from voltaic.rules import RULES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]
    VoltaicProcess = Callable[..., subprocess.CompletedProcess[str]]


def test_rules_are_listed_in_the_order_in_which_they_ask(voltaic: Voltaic) -> None:
    """The document has id, level, question and reason of each rule."""
    document = json.loads(voltaic("rules", "--json").stdout)

    assert document["schema"] == "voltaic/rules/v1"
    assert [entry["id"] for entry in document["rules"]] == [rule.id for rule in RULES]
    assert document["rules"][0] == {
        "id": RULES[0].id,
        "level": RULES[0].level,
        "title": RULES[0].title,
        "why": RULES[0].why,
    }


def test_people_read_question_and_reason_of_every_rule(voltaic: Voltaic) -> None:
    """Each rule stands with its level, its question and why it matters."""
    text = voltaic("rules", env={"COLUMNS": "200"}).stdout

    for rule in RULES:
        assert f"{rule.id}  {rule.level}\n  {rule.title}\n  Why: {rule.why}\n" in text


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("voltaic plan --profile v100-2", "v100-2gpu"),
        ("voltaic check --profile l4-", "l4-1gpu"),
        ("voltaic plan --gpu h2", "h200-141gb"),
        ("voltaic plan --engine t", "tgi"),
        ("voltaic plan --model mistralai/Mistral-7B-Instruct-v0.2", "mistralai/Mistral-7B-Instruct-v0.2"),
        ("voltaic ch", "check"),
        ("voltaic plan --mod", "--model"),
        ("voltaic plan --profile v100-1gpu,v100-2", "v100-1gpu,v100-2gpu"),
        ("voltaic plan --engine tgi@3.0", "tgi@3.0.1"),
        ("voltaic plan --engine tgi --engine-version 2.0", "2.0.4"),
        ("voltaic plan --engine-version 3.3", "3.3.7"),
        ("voltaic limits --engine vl", "vllm"),
        ("voltaic lim", "limits"),
    ],
)
def test_the_shell_completes_values_from_the_core(voltaic_process: VoltaicProcess, words: str, offered: str) -> None:
    """Names of profiles, GPU models, engines and known models are offered as they are typed."""
    done = voltaic_process(_VOLTAIC_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1))

    assert offered in done.stdout.split()


def test_help_lists_commands_by_what_they_are_for(voltaic: Voltaic) -> None:
    """Commands that judge come first and together, those that look something up after them; none is left over."""
    text = voltaic("--help").stdout
    judging, _, looking_up = text.partition("\nLook up:\n")

    assert [line.split()[0] for line in judging.partition("\nJudge:\n")[2].splitlines() if line.strip()] == [
        "plan",
        "limits",
        "check",
    ]
    assert "  rules" in looking_up
    assert "\nOther:\n" not in text
