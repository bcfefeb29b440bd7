"""`voltaic rules`: the questions that every verdict asks."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command import Command
from cli.output import print_json

SCHEMA = "voltaic/rules/v1"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "rules",
        cls=Command,
        epilog="Example: voltaic rules --json",
        short_help="List the rules.",
        rich_help_panel="Look up",
    )
    command(rules)


def rules(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one document on stdout.")] = False,
) -> None:
    """List the rules that every verdict asks, in their order."""
    from voltaic.rules import RULES

    if as_json:
        entries = [{"id": rule.id, "level": rule.level, "title": rule.title, "why": rule.why} for rule in RULES]
        print_json({"schema": SCHEMA, "rules": entries})
        return
    from rich.text import Text

    from cli.output import console
    from cli.render import indented

    screen = console()
    for number, rule in enumerate(RULES):
        if number:
            screen.print()
        screen.print(Text.assemble((rule.id, "bold"), f"  {rule.level}"))
        indented(screen, Text(rule.title))
        indented(screen, Text(f"Why: {rule.why}"))
