"""`voltaic rules`, and what the shell is offered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from voltaic.rules import RULES, Rule, catalogue

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]
    VoltaicProcess = Callable[..., subprocess.CompletedProcess[str]]


def test_rules_are_listed_in_the_order_in_which_they_ask(voltaic: Voltaic) -> None:
    """The document has all that is known of each rule, those of the verdict first."""
    document = json.loads(voltaic("rules", "--json").stdout)

    assert document["schema"] == "voltaic/rules/v1"
    assert [entry["id"] for entry in document["rules"]] == [rule.id for rule in catalogue.catalogue()]
    assert {key: value for key, value in document["rules"][0].items() if key != "example"} == {
        "id": RULES[0].id,
        "family": "verdict",
        "title": RULES[0].title,
        "why": RULES[0].why,
        "fix": RULES[0].fix or None,
        "level": "mandatory",
        "foreign": "mandatory",
        "about": "spec",
        "whole_input": False,
        "policies": [
            {"name": RULES[0].id, "level": "mandatory"},
            {"name": f"{RULES[0].id}-advice", "level": "advisory"},
        ],
        "sources": [str(source) for source in RULES[0].sources],
    }


def test_people_read_every_rule_under_its_family(voltaic: Voltaic) -> None:
    """Each rule stands on a line with its levels and its question; both levels where others are held to less."""
    lines = voltaic("rules", env={"COLUMNS": "200"}).stdout.splitlines()

    families = dict.fromkeys(catalogue.family(rule) for rule in catalogue.catalogue())
    assert [line.partition(":")[0] for line in lines if line.partition(":")[0] in families] == list(families)
    assert "startup-probe  mandatory/advisory  " + catalogued("startup-probe").title in lines
    for rule in RULES:
        assert f"{rule.id}  mandatory  {rule.title}" in lines
    assert lines[-1].startswith(f"{len(catalogue.catalogue())} rules. ")


def catalogued(rule_id: str) -> Rule[Any]:
    """Return the rule of this id."""
    return next(rule for rule in catalogue.catalogue() if rule.id == rule_id)


@pytest.mark.parametrize("rule", catalogue.catalogue(), ids=lambda rule: rule.id)
def test_every_rule_is_explained(voltaic: Voltaic, rule: Rule[Any]) -> None:
    """Its question, its reason, its sources, what to type to change its level, and how to waive it."""
    text = voltaic("rules", rule.id, env={"COLUMNS": "4000"}).stdout

    assert text.startswith(f"{rule.id}  {rule.level}")
    assert f"\n  {rule.title}\n  Family: {catalogue.family(rule)}\n" in text
    assert f"\n  Why: {rule.why}\n" in text
    assert f'"{rule.policy(rule.levels()[0])}": "{rule.levels()[0]}"' in text
    assert f'voltaic/waive-{rule.id}: "the reason"' in text
    assert [source.text for source in rule.sources if source.text not in text] == []


def test_a_rule_is_explained_with_what_it_says_of_a_manifest(voltaic: Voltaic) -> None:
    """What stands in a manifest, and the rule's own words for it."""
    text = voltaic("rules", "startup-probe", env={"COLUMNS": "4000"}).stdout

    assert "\n  Example: livenessProbe:\n    There is a livenessProbe and no startupProbe; wanted is one" in text


def test_one_rule_can_be_had_as_a_document(voltaic: Voltaic) -> None:
    """The document then holds that rule alone."""
    document = json.loads(voltaic("rules", "image-digest", "--json").stdout)

    assert [(entry["id"], entry["family"]) for entry in document["rules"]] == [("image-digest", "supply")]


@pytest.mark.parametrize(
    ("name", "hint"), [("image-digset", "did you mean image-digest?"), ("zzz", "voltaic rules lists them")]
)
def test_a_rule_that_there_is_not_is_bad_input(voltaic: Voltaic, name: str, hint: str) -> None:
    """The nearest name is offered."""
    result = voltaic("rules", name)

    assert result.stderr == f"voltaic rules: there is no rule {name!r}; {hint}\n"
    assert (result.stdout, result.exit_code) == ("", 2)


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
        ("voltaic rules image-d", "image-digest"),
        ("voltaic check --format sa", "sarif"),
        ("voltaic check --fail-on a", "advisory"),
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
        "preview",
        "policy-pack",
    ]
    assert "  rules" in looking_up
    assert "\nOther:\n" not in text
