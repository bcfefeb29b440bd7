"""Rules of the core as Pulumi resource policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, Severity

from policies import _judgement, _properties
from voltaic.rules import RULES, Rule

if TYPE_CHECKING:
    from pulumi_policy import ReportViolation, ResourceValidationArgs

    from voltaic.findings import Level

READABLE = Rule(
    id=_judgement.READABLE,
    title="Can everything be read that decides whether the server starts?",
    why="A spec that cannot be read cannot be judged, and what was not judged is not accepted.",
    check=lambda _: (),
)
"""Stands before the rules of the core: it speaks where they cannot be asked."""
CATALOGUE: tuple[Rule, ...] = (READABLE, *RULES)

ADVICE = "-advice"
"""Ending of the policy with a rule's advisory findings: in Pulumi a policy has one level for all that it says."""

_LEVELS = {"mandatory": EnforcementLevel.MANDATORY, "advisory": EnforcementLevel.ADVISORY}
_SEVERITIES = {"mandatory": Severity.HIGH, "advisory": Severity.LOW}


def policies_of(rule: Rule) -> tuple[ResourceValidationPolicy, ...]:
    """Return the policies of a rule: one for its mandatory findings, where it has any, one for the advisory ones."""
    if rule.level == "advisory":
        return (_policy(rule, rule.id, "advisory"),)
    return (_policy(rule, rule.id, "mandatory"), _policy(rule, f"{rule.id}{ADVICE}", "advisory"))


def _policy(rule: Rule, name: str, level: Level) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        if not _judgement.is_judged(args.resource_type):
            return
        properties = _properties.read(args.props)
        for report in _judgement.reports(args.resource_type, args.urn, properties):
            if (report.rule, report.level) == (rule.id, level):
                report_violation(report.text, None)

    return ResourceValidationPolicy(
        name=name,
        description=rule.title,
        validate=validate,
        enforcement_level=_LEVELS[level],
        severity=_SEVERITIES[level],
    )


POLICIES: tuple[ResourceValidationPolicy, ...] = tuple(policy for rule in CATALOGUE for policy in policies_of(rule))
"""Every policy of the pack, in the order in which the rules ask."""
