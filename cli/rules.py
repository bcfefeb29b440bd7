"""`voltaic rules`: what is asked of a server, and of the manifests around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import complete
from cli.command import Command
from cli.output import fail, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from voltaic.rules.rule import Rule

SCHEMA: Final = "voltaic/rules/v1"
HELP: Final = """List the rules, or explain one: why it asks, what to do, where that is known from, and an example.

The rules of the family verdict decide whether a server is accepted. The others read what a manifest says around it.
"""
EXAMPLES: Final = """\b
Examples:
  voltaic rules
  voltaic rules vram-budget
  voltaic rules --json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "rules",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="List the rules, or explain one.",
        rich_help_panel="Look up",
    )
    command(rules)


def rules(
    rule: Annotated[
        str | None, typer.Argument(metavar="[RULE]", help="Id of a rule.", autocompletion=complete.rules)
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one document on stdout.")] = False,
) -> None:
    """List the rules in the order in which they are asked, or explain one."""
    from voltaic.rules import catalogue

    found = [each for each in catalogue.catalogue() if rule in {None, each.id}]
    if not found:
        fail("rules", [_unknown(str(rule))], as_json=as_json)
    if as_json:
        print_json({"schema": SCHEMA, "rules": [_entry(each) for each in found]})
        return
    from cli.output import console

    if rule is None:
        _list(console(), found)
    else:
        _explain(console(), found[0])


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    from voltaic.rules import catalogue

    near = get_close_matches(name, [each.id for each in catalogue.catalogue()], 1)
    return f"there is no rule {name!r}; " + (f"did you mean {near[0]}?" if near else "voltaic rules lists them")


def _entry(rule: Rule[Any]) -> dict[str, Any]:
    from cli.rule_words import examples
    from voltaic.rules import catalogue

    example = examples().get(rule.id)
    return {
        "id": rule.id,
        "family": catalogue.family(rule),
        "title": rule.title,
        "why": rule.why,
        "fix": rule.fix or None,
        "level": rule.level,
        "foreign": rule.level if rule.about == "spec" else rule.foreign or rule.level,
        "about": rule.about,
        "whole_input": rule.whole_input,
        "policies": [{"name": rule.policy(level), "level": level} for level in rule.levels()],
        "sources": [str(source) for source in rule.sources],
        "example": None if example is None else {"line": example.line, "message": example.message},
    }


def _list(screen: Console, found: Sequence[Rule[Any]]) -> None:
    from rich.text import Text

    from cli.render import hanging, paragraph
    from cli.rule_words import FAMILIES, short_levels
    from voltaic.rules import catalogue

    last = None
    for rule in found:
        family = catalogue.family(rule)
        if family != last:
            if last is not None:
                screen.print()
            paragraph(screen, Text.assemble((f"{family}: {FAMILIES[family]}", "bold")))
            last = family
        hanging(screen, Text.assemble((rule.id, "cyan"), f"  {short_levels(rule)}  {rule.title}"))
    screen.print()
    words = "Two levels: for our own stacks, and for the manifests of others. `voltaic rules RULE` explains one."
    paragraph(screen, Text(f"{len(found)} rules. {words}"))


def _explain(screen: Console, rule: Rule[Any]) -> None:
    from rich.text import Text

    from cli.render import indented, paragraph
    from cli.rule_words import ASKED_OF, examples, levels
    from voltaic.rules import catalogue

    paragraph(screen, Text.assemble((rule.id, "bold"), f"  {levels(rule)}"))
    indented(screen, Text(rule.title))
    asked = ASKED_OF[rule.about] + (", with the other objects of the input" if rule.whole_input else "")
    parts = [("Family", catalogue.family(rule)), ("Asked of", asked), ("Why", rule.why), ("Way out", rule.fix)]
    parts.append(("Sources", "; ".join(map(str, rule.sources)) or "each finding names its own"))
    for name, text in parts:
        if text:
            indented(screen, Text.assemble((f"{name}: ", "bold"), text))
    example = examples().get(rule.id)
    if example is not None:
        indented(screen, Text.assemble(("Example: ", "bold"), example.line))
        indented(screen, Text(f"  {example.message}"))
    names = ", ".join(f'"{rule.policy(level)}": "{level}"' for level in rule.levels())
    indented(screen, Text.assemble(("Levels file: ", "bold"), f"{{{names}}}"))
    indented(screen, Text.assemble(("Waiver: ", "bold"), f'annotation voltaic/waive-{rule.id}: "the reason"'))
