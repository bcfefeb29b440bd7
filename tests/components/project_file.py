"""The configuration block of Pulumi.yaml, as the settings describe themselves."""

from __future__ import annotations

from pathlib import Path

import yaml

from voltaic import settings

ROOT = Path(__file__).parents[2]
PROJECT_FILE = ROOT / "Pulumi.yaml"
MARK = "config:\n"
WIDTH = 116


def expected() -> str:
    """The whole file: what is written by hand above the block, and the block."""
    by_hand, _, _ = PROJECT_FILE.read_text(encoding="utf-8").partition(MARK)
    keys = {key.name: {"description": describe(key), "default": ""} for key in settings.schema()}
    block = yaml.safe_dump({"config": keys}, sort_keys=False, allow_unicode=True, width=WIDTH)
    return by_hand + block


def describe(key: settings.Key) -> str:
    """One key for people: what it is, of which type, and what it is where it is left out."""
    kind = "text" if key.type == "string" else key.type
    facts = [kind, "required" if key.required else "", f"default {key.default}" if key.default else ""]
    if key.secret:
        facts.append(f"secret: pulumi config set --secret {key.name}")
    return f"{key.description} ({', '.join(fact for fact in facts if fact)})"
