"""The policies of the pack: one per rule and level, made from an index so that the pack boots without the rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from voltaic.findings import Level

INDEX: Final = Path(__file__).with_name("_index.json")
"""What is said of the rules before any is loaded; `python -m policies._catalogue` writes it from the rules."""
READABLE: Final = "readable-spec"
"""The rule of the pack itself: it speaks where the others cannot be asked."""
ADVICE: Final = "-advice"
"""Ending of the policy with a rule's advisory findings: in Pulumi a policy has one level for all that it says."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule at one level, as Pulumi knows it."""

    name: str
    """The id of the rule; with the ending `-advice` for what a rule with mandatory findings advises."""
    rule: str
    title: str
    level: Level
    whole_program: bool
    """Whether it looks at all resources of the program together, once it has run."""


@cache
def policies() -> dict[str, Policy]:
    """Return every policy of the pack by name, in the order in which the rules ask."""
    found: dict[str, Policy] = {}
    for entry in json.loads(INDEX.read_text(encoding="utf-8")):
        rule, levels = entry["id"], entry["levels"]
        for level in levels:
            name = rule if level == levels[0] else f"{rule}{ADVICE}"
            found[name] = Policy(name, rule, entry["title"], level, entry["whole_input"])
    return found
