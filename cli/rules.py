"""`voltaic rules`: the questions that every verdict asks."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import print_json

SCHEMA = "voltaic/rules/v1"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rules", epilog="Example: voltaic rules --json", short_help="List the rules of every verdict.")(rules)


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
    from rich.padding import Padding
    from rich.text import Text

    from cli.output import console

    screen = console()
    for rule in RULES:
        screen.print(Text.assemble((rule.id, "bold"), f"  {rule.level}"))
        screen.print(Padding(Text(rule.title), (0, 0, 0, 2)))
        screen.print(Padding(Text(f"Why: {rule.why}"), (0, 0, 1, 2)))
