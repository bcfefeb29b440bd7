"""What the pack says: texts, each under the policy that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from policies._policies import ADVICE, READABLE, policies
from voltaic.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voltaic.checking import Said
    from voltaic.findings import Finding, Level
    from voltaic.rules.rule import Rule

MOST_SOURCES = 2
"""Sources that a message names; `voltaic check --json` has all."""


@dataclass(frozen=True, slots=True)
class Report:
    """One message, and the policy that it belongs to."""

    policy: str
    text: str
    quiet: bool = False
    """Whether it is advice, however strictly the policy is held."""
    urn: str = ""
    """The resource that it is about; empty: the one that was asked about, or the whole program."""


def text_of(message: str, why: str, fix: str, sources: Iterable[object] = (), *, where: str = "") -> str:
    """Return a message with its reason, its way out and its sources, a line each."""
    told = [str(source) for source in sources]
    if len(told) > MOST_SOURCES:
        told[MOST_SOURCES:] = [f"and {len(told) - MOST_SOURCES} more (voltaic check --json)"]
    lines = [("", message), ("Where: ", where), ("Why: ", why), ("Way out: ", fix), ("Sources: ", "; ".join(told))]
    return "\n".join(f"{name}{text}" for name, text in lines if text)


def unreadable(level: Level, message: str, why: str, fix: str) -> Report:
    """Return what is said where the rules cannot be asked."""
    return Report(READABLE if level == "mandatory" else f"{READABLE}{ADVICE}", text_of(message, why, fix))


def of_fault(error: Exception) -> Report:
    """Return what is said where voltaic itself failed: silence would read as an accept."""
    return unreadable(
        "mandatory",
        f"It could not be judged: {type(error).__name__}: {error}",
        "This is a fault in voltaic, not in the configuration. Without an answer nothing is accepted.",
        "Report it. To go on without this check, lower its level with --policy-pack-config.",
    )


def of_finding(finding: Finding, rule: Rule[Any] | None, *, strict: bool) -> Report:
    """Return a finding about our own component; an unknown that nobody insists on is advice."""
    level = finding.level if strict or finding.outcome == "violation" else "advisory"
    text = text_of(finding.message, finding.why, finding.fix, finding.sources)
    return _under(finding.rule if rule is None else rule.policy(level), level, finding.rule, text)


def of_said(said: Said, *, strict: bool, place: str) -> Report:
    """Return a finding about a Kubernetes object.

    Args:
        said: the finding as it counts.
        strict: whether what is unknown counts like a violation.
        place: the field that it is about.
    """
    finding = said.finding
    level, policy = finding.level, said.policy
    if finding.outcome == "unknown" and not strict and level == "mandatory":
        level, policy = "advisory", f"{finding.rule}{ADVICE}"
    message = finding.message if said.waived is None else f"Waived ({said.waived}): {finding.message}"
    text = text_of(message, finding.why, finding.fix, finding.sources, where=place)
    report = _under(policy, level, finding.rule, text)
    return report if said.waived is None else replace(report, quiet=True)


def _under(policy: str, level: Level, rule: str, text: str) -> Report:
    """Return the report under its policy, else under the rule's only one, else under the pack's own: none is lost."""
    known = policies()
    if policy in known:
        return Report(policy, text)
    if rule in known:
        return Report(rule, text, quiet=level == "advisory")
    return Report(READABLE if level == "mandatory" else f"{READABLE}{ADVICE}", f"{rule}: {text}")


def rule_of(rule_id: str) -> Rule[Any] | None:
    """Return the rule of this id; None where there is none."""
    return next((rule for rule in catalogue.catalogue() if rule.id == rule_id), None)
