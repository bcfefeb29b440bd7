"""Levels: what each rule says of itself, and what a file changes."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic import levels
from voltaic.findings import Finding
from voltaic.levels import InvalidLevels, Levels
from voltaic.rules import RULES, Rule

FINDING = Finding("own-rule", "message", "why", "fix")
BOTH = Rule("own-rule", "Is it so?", "Why.", lambda _: (), "mandatory", "advisory", "pod")
SPEC = Rule("own-spec", "Is it so?", "Why.", lambda _: (), "mandatory")
ADVICE = Rule("own-advice", "Is it so?", "Why.", lambda _: (), "advisory")
NAMES = ("own-rule", "own-rule-advice", "own-spec", "own-spec-advice", "own-advice")


def test_every_level_of_a_rule_has_a_name() -> None:
    """A rule that may be advisory too has a second name for it."""
    assert levels.policies([BOTH, SPEC, ADVICE]) == NAMES


@pytest.mark.parametrize(
    ("level", "rule", "ours"),
    [("mandatory", BOTH, True), ("advisory", BOTH, False), ("mandatory", SPEC, False), ("mandatory", SPEC, True)],
)
def test_without_a_file_the_rule_decides(level: str, rule: Rule[Any], ours: bool) -> None:  # noqa: FBT001
    """Hygiene is held strictly for our own objects; what is asked of a spec is the same for everybody."""
    assert Levels().of(rule, FINDING, ours=ours) == level


@pytest.mark.parametrize(
    ("level", "content"),
    [
        ("advisory", {"own-rule": "disabled"}),
        ("disabled", {"own-rule-advice": "disabled"}),
        ("mandatory", {"own-rule-advice": {"enforcementLevel": "mandatory"}}),
        ("mandatory", {"all": "mandatory"}),
        ("disabled", {"all": "mandatory", "own-rule-advice": "disabled"}),
        ("advisory", {}),
    ],
)
def test_a_file_sets_the_level_of_what_is_told_under_that_name(level: str, content: dict[str, Any]) -> None:
    """The name of a rule is that of its strictest findings; `all` stands for every name that is not there."""
    assert levels.read(content, NAMES).of(BOTH, FINDING, ours=False) == level


def test_all_faults_of_a_file_are_said_at_once() -> None:
    """Names that no rule has, levels that there are not, and settings that no rule has."""
    content = {
        "own-rul": "advisory",
        "zzz": "advisory",
        "own-rule": "remediate",
        "own-spec": {"enforcementLevel": "advisory", "most": 3},
        "own-advice": {"level": "advisory"},
        "all": True,
        3: "advisory",
    }

    with pytest.raises(InvalidLevels) as fault:
        levels.read(content, NAMES)

    assert fault.value.faults == (
        "own-rul: there is no such rule; did you mean own-rule?",
        "zzz: there is no such rule; voltaic rules lists them",
        "own-rule: 'remediate' is no level; there are mandatory, advisory, disabled",
        "own-spec: most: there is nothing to set but enforcementLevel",
        "own-advice: level: there is nothing to set but enforcementLevel",
        "own-advice: None is no level; there are mandatory, advisory, disabled",
        "all: True is no level; there are mandatory, advisory, disabled",
        "3: there is no such rule; voltaic rules lists them",
    )


@pytest.mark.parametrize("content", [None, [], "advisory"])
def test_what_is_no_mapping_is_no_file_of_levels(content: Any) -> None:
    """The form is shown."""
    with pytest.raises(InvalidLevels, match="no mapping from rules to levels"):
        levels.read(content, NAMES)


def test_the_rules_of_a_verdict_can_be_named() -> None:
    """The names are those under which the policy pack tells its findings."""
    assert levels.policies(RULES)[:2] == ("engine-gpu-support", "engine-gpu-support-advice")
