"""What is said about our own server, by the serving spec among its properties."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from policies import _reports
from voltaic import document
from voltaic.rules import catalogue
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies._properties import Properties
    from policies._reports import Report
    from voltaic.findings import Level
    from voltaic.settings import Stack

_DECISIVE: Final = re.compile(r"spec\b")
"""Paths of the properties that decide the verdict."""


def reports(properties: Properties) -> Iterator[Report]:
    """Yield what is to be said about the component before any child of it exists."""
    allowed = properties.values.get("allowUnknown") is True
    level: Level = "advisory" if allowed else "mandatory"
    unknown = [path for path in properties.unknown if _DECISIVE.match(path)]
    if unknown:
        yield _reports.unreadable(
            level,
            f"{', '.join(unknown)}: not known before the update.",
            "A preview would have to guess what the server will be, and a guess is not accepted.",
            "Give the component plain values from the configuration, not outputs of other resources.",
        )
        return
    line = properties.values.get("spec")
    if not isinstance(line, dict):
        yield _reports.unreadable(
            "mandatory",
            "The property spec is missing.",
            "The component hands the serving spec to the policies in it; without it nothing can be judged.",
            "Remove the transform that takes it away.",
        )
        return
    try:
        spec = document.spec_from_line(line)
    except document.InvalidLine as invalid:
        yield _reports.unreadable(
            "mandatory",
            "\n".join(f"spec.{fault}" for fault in invalid.faults),
            "A spec that cannot be read cannot be judged.",
            "Correct these values, or remove the transform that changes them.",
        )
        return
    verdict = judge(spec)
    if verdict.verdict == "refuse":
        # Ways out are proven against the settings that the stack states, which are read only where they are needed.
        verdict = replace(verdict, spec=replace(spec, origin=_stack(properties.values.get("settings"))))
    around = [finding for rule in catalogue.about("spec") for finding in rule.ask(spec)]
    for finding in (*verdict.findings, *around):
        yield _reports.of_finding(finding, _reports.rule_of(finding.rule), strict=not allowed)


def _stack(stated: Any) -> Stack | None:
    """Return the settings that the component was made from; None where a transform has spoilt them."""
    from voltaic import settings  # noqa: PLC0415  only a refusal needs it

    try:
        return settings.Stack.of(settings.read(stated, where="settings")) if isinstance(stated, dict) else None
    except settings.InvalidSettings:
        return None
