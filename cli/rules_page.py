"""The reference page about all rules, with an example of each: `python -m cli.rules_page`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli import rule_words
from cli.bounded_yaml import load_documents
from cli.check_positions import positions
from cli.rule_words import ASKED_OF, FAMILIES, Example, levels
from voltaic import checking
from voltaic.manifests import Document
from voltaic.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.rules.rule import Rule

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "reference" / "rules.md"
FIXTURES: Final = ROOT / "tests" / "rules" / "fixtures"
LONGEST_LINE: Final = 100
"""Characters of a manifest's line that are shown."""

_HEAD: Final = """\
# The rules

This page is generated (`python -m cli.rules_page`); a test compares it with the rules. `voltaic rules` lists them, and
`voltaic rules RULE` explains one.

{count} rules, under names that stay. Those of the family *verdict* decide whether a server is accepted, in a plan, in a
stack and in a manifest. The others read what stands around it. A rule with two levels is mandatory for what our own
stacks make and advice for the manifests of others, since what is wrong there may be meant;
`voltaic check --levels FILE` and `--policy-pack-config` of Pulumi change any of it
([how](../how-to/any-manifest.md)).
"""


def page() -> str:
    """Return the page."""
    rules = catalogue.catalogue()
    lines = [_HEAD.format(count=len(rules)), *_index(), ""]
    for name, title in FAMILIES.items():
        lines.append(f"## {title}\n")
        for rule in rules:
            if catalogue.family(rule) == name:
                lines += [*_rule(rule), ""]
    return "\n".join(lines).rstrip() + "\n"


def _index() -> Iterator[str]:
    yield "| family | rules |"
    yield "| --- | --- |"
    for name in FAMILIES:
        ids = (rule.id for rule in catalogue.catalogue() if catalogue.family(rule) == name)
        yield f"| {name} | {', '.join(f'[{rule_id}](#{rule_id})' for rule_id in ids)} |"


def _rule(rule: Rule[Any]) -> Iterator[str]:
    yield f"### {rule.id}\n"
    yield f"**{_plain(rule.title)}** {_plain(rule.why)}\n"
    yield f"- Level: {levels(rule)}"
    whole = "; reads the other objects of the input too" if rule.whole_input else ""
    yield f"- Asked of: {ASKED_OF[rule.about]}{whole}"
    if rule.fix:
        yield f"- Way out: {_plain(rule.fix)}"
    if rule.sources:
        yield f"- Sources: {_plain('; '.join(map(str, rule.sources)))}"
    example = rule_words.examples().get(rule.id)
    if example is not None:
        yield f"- Example: `{example.line.replace('`', chr(39))}`. {_plain(example.message)}"
    if (FIXTURES / rule.id).is_dir():
        yield f"- [Manifests on both sides](../../tests/rules/fixtures/{rule.id})"


def _plain(text: str) -> str:
    """Return text in which nothing is markup by accident."""
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_").replace("|", "\\|")


def example(rule: Rule[Any]) -> Example | None:
    """Return what a rule says of the first of its refused manifests."""
    for path in sorted((FIXTURES / rule.id / "refused").glob("*.yaml")):
        text = path.read_text("utf-8")
        documents = [Document(path.name, number, content) for number, content in enumerate(load_documents(text), 1)]
        for said in (said for checked in checking.check(documents) for said in checked.said):
            if said.finding.rule == rule.id:
                where = said.document, said.finding.path or ""
                line = text.splitlines()[positions(text, [where])[where].line - 1].strip()
                shown = line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
                return Example(str(path.relative_to(FIXTURES)), shown, said.finding.message)
    return None


def main() -> None:
    """Write the examples, and the page with them."""
    found = {rule.id: one for rule in catalogue.catalogue() if (one := example(rule)) is not None}
    rows = {name: asdict(one) for name, one in found.items()}
    rule_words.EXAMPLES.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", "utf-8")
    rule_words.examples.cache_clear()
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
