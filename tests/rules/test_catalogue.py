"""The rules as a whole."""

from __future__ import annotations

import re

import pytest

from voltaic import rules
from voltaic.document import spec_from_line
from voltaic.rules import RULES, Rule


def test_rules_are_asked_in_the_order_of_the_questions() -> None:
    """Can it start there, can it run this model there, does it fit: ids that others rely on, all mandatory."""
    assert [(rule.id, rule.level) for rule in RULES] == [
        ("engine-gpu-support", "mandatory"),
        ("engine-model-support", "mandatory"),
        ("single-gpu-shard", "mandatory"),
        ("launcher-arguments", "mandatory"),
        ("vram-budget", "mandatory"),
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_rule_says_what_it_asks(rule: Rule) -> None:
    """A rule has a kebab-case id, a question as its title, and a reason."""
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.id)
    assert rule.title.endswith("?")
    assert rule.why.endswith(".")


def test_rules_are_found_by_id() -> None:
    """A rule is found by its id, and nothing by another."""
    assert rules.rule("vram-budget") is RULES[-1]
    assert rules.rule("vram") is None


def test_every_finding_is_of_its_rule() -> None:
    """What a rule answers carries its id, so that the policy of that name shows it."""
    spec = spec_from_line({"engine": "tgi", "engine_version": "3.0.1", "model": "nobody/nothing", "args": ["--no"]})
    for rule in RULES:
        assert {finding.rule for finding in rule.ask(spec)} <= {rule.id}
    assert [finding.rule for finding in rules.ask(spec)] == [
        finding.rule for rule in RULES for finding in rule.ask(spec)
    ]


def test_a_rule_that_fails_answers_unknown() -> None:
    """A rule that raises is isolated: it answers unknown, at its own level, and says whose fault it is."""

    def fail(_spec: object) -> tuple[()]:
        raise KeyError("gone")

    (finding,) = Rule("own-rule", "title", "why", fail, "advisory").ask(spec_from_line({"engine": "x", "model": "y"}))
    assert (finding.rule, finding.outcome, finding.level) == ("own-rule", "unknown", "advisory")
    assert finding.message == "The rule own-rule could not answer: KeyError: 'gone'"
    assert finding.why == (
        "This is a fault in voltaic, not in the configuration. Without an answer nothing is accepted."
    )
    assert finding.fix == "Report it with this configuration; `voltaic plan --json` prints what to attach."
