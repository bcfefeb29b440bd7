"""The generated page about the rules, and the examples that `voltaic rules` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import rule_words, rules_page
from voltaic.rules import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_page_is_what_the_rules_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docs/reference/rules.md` and the examples are what `python -m cli.rules_page` writes."""
    kept = rules_page.PAGE.read_text("utf-8"), rule_words.EXAMPLES.read_text("utf-8")
    monkeypatch.setattr(rules_page, "PAGE", tmp_path / "rules.md")
    monkeypatch.setattr(rule_words, "EXAMPLES", tmp_path / "examples.json")

    rules_page.main()

    written = rules_page.PAGE.read_text("utf-8"), rule_words.EXAMPLES.read_text("utf-8")
    rule_words.examples.cache_clear()
    assert written == kept, "run: python -m cli.rules_page"


def test_every_rule_has_a_section_an_example_and_its_manifests() -> None:
    """The page leaves no rule out, and each is shown in what people write."""
    page = rules_page.PAGE.read_text("utf-8")

    for rule in catalogue.catalogue():
        section = page.partition(f"\n### {rule.id}\n")[2].partition("\n##")[0]
        assert "\n- Example: " in section, rule.id
        assert f"(../../tests/rules/fixtures/{rule.id})" in section
