"""Rules: one question asked of a serving spec each, one module a rule, in the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.rules import (
    engine_gpu_support,
    engine_model_support,
    launcher_arguments,
    single_gpu_shard,
    vram_budget,
)
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from voltaic.findings import Finding
    from voltaic.spec import ServingSpec

__all__ = ["RULES", "Rule", "ask", "rule"]

RULES: Final[tuple[Rule[ServingSpec], ...]] = (
    engine_gpu_support.RULE,
    engine_model_support.RULE,
    single_gpu_shard.RULE,
    launcher_arguments.RULE,
    vram_budget.RULE,
)
"""All rules, in the order of the questions: can it start on this GPU, can it run this model there, does it fit."""


def rule(rule_id: str) -> Rule[ServingSpec] | None:
    """Return the rule of this id; None where there is none."""
    return next((rule for rule in RULES if rule.id == rule_id), None)


def ask(spec: ServingSpec) -> tuple[Finding, ...]:
    """Ask all rules about the spec: the first "no" still lets the others speak."""
    return tuple(finding for rule in RULES for finding in rule.ask(spec))
