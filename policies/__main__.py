"""Serves the pack to the engine; returns only when it is ended."""

from pulumi_policy import EnforcementLevel, PolicyPack

from policies._rule import POLICIES

PolicyPack(
    "voltaic",
    list(POLICIES),
    enforcement_level=EnforcementLevel.MANDATORY,
    display_name="voltaic",
    description="Refuses model servers that would not start on the GPUs they are given, and says what to change.",
)
