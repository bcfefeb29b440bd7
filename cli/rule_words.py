"""The words in which rules are listed and explained, in the terminal and on the reference page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from voltaic.rules.rule import Rule

EXAMPLES: Final = Path(__file__).with_name("rule_examples.json")
FAMILIES: Final = {
    "verdict": "Does it start, and does it fit?",
    "gpus": "GPUs: asked for, found, and used",
    "options": "Options and limits of the engine",
    "host": "Memory, CPU and volumes of the node",
    "lifecycle": "Start, probes, rollout, scaling and end",
    "supply": "Images, weights, keys and rights",
    "webui": "The chat page",
    "waivers": "What owners live with",
}
"""What the rules of a family ask about."""
ASKED_OF: Final = {
    "spec": "every serving spec: a plan, a stack, a server in a manifest",
    "server": "each container that serves a model",
    "page": "each container that is a chat page",
    "container": "each container of a pod with a server or a chat page",
    "pod": "each pod with a server or a chat page",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A manifest that a rule refuses, and what it says of it."""

    fixture: str
    """The manifest, in the folder of fixtures: `image-tag/refused/latest.yaml`."""
    line: str
    """What stands where the finding points."""
    message: str


def levels(rule: Rule[Any]) -> str:
    """Return the levels of a rule: for our own stacks, and for the manifests of others where that differs."""
    if rule.about != "spec" and rule.foreign not in {None, rule.level}:
        return f"{rule.level} for our own stacks, {rule.foreign} for the manifests of others"
    return rule.level


def short_levels(rule: Rule[Any]) -> str:
    """Return the same in a word or two: `mandatory/advisory`."""
    return "/".join(dict.fromkeys((rule.level, rule.level if rule.about == "spec" else rule.foreign or rule.level)))


@cache
def examples() -> dict[str, Example]:
    """Return an example of each rule that has one, by id; `python -m cli.rules_page` writes them."""
    try:
        found = json.loads(EXAMPLES.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return {name: Example(**row) for name, row in found.items()}
