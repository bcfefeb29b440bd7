"""`voltaic preflight`: whether a namespace has what a stack needs, before anything is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cluster.options import ContextOption, NamespaceOption, Place, StackOption, place
from cli.command import Command
from cli.output import exit_code, fail, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.preflights.needs import Needs
    from cli.preflights.rows import Row

SCHEMA = "voltaic/preflight/v1"
HELP = """Ask whether the namespace has what the stack needs: rights, quota, limits, GPUs, volumes, Pod Security, model.

Rights in one namespace are enough, and nothing is changed: what cannot be read is asked of the API server as a dry run.
"""
EXAMPLES = """\b
Examples:
  voltaic preflight
  voltaic preflight --stack v100-2gpu --offline --json

Exit codes: 0 nothing is missing, 1 something is, 2 the cluster or the stack cannot be read, 3 something is not known.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "preflight",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Ask whether a namespace has what a stack needs.",
        rich_help_panel="Set up",
    )
    command(preflight)


def preflight(
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the model hub.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one preflight document on stdout.")] = False,
) -> None:
    """Ask whether the namespace has what the stack needs."""
    from cli.preflights import asking, rows

    with place("preflight", stack, context, namespace, as_json=as_json) as here:
        needs = _needs(here, as_json=as_json)
        found: list[Row] = list(asking.of_cluster(here.cluster, needs, here.labels))
        if needs is not None:
            found += [*rows.images(needs), _model(needs, found, offline=offline), rows.times(needs)]
        if as_json:
            print_json(document(found, here))
        else:
            _show(found, here)
    raise typer.Exit(exit_code([asking.worst(found)]))


def _needs(here: Place, *, as_json: bool) -> Needs | None:
    if here.stack is None:
        return None
    from cli.preflights import needs
    from voltaic import settings

    try:
        return needs.of_stack(here.stack)
    except settings.InvalidSettings as invalid:
        fail("preflight", [str(fault) for fault in invalid.faults], as_json=as_json)


def _model(needs: Needs, found: Sequence[Row], *, offline: bool) -> Row:
    """Return whether the model may be fetched, by the catalogue and, where it answers, by the hub."""
    from cli.preflights import rows
    from voltaic import models

    known = models.known_model(str(needs.spec.model.id))
    gated = known.gated if known is not None else None
    cache = next((claim.name for claim in needs.claims if claim.setting == "modelCacheSize"), None)
    cached = any(row.check == "storage" and row.found.startswith(f"{cache}: is there") for row in found)
    if offline or needs.settings.model.startswith("/"):
        return rows.model(needs, gated=gated, hub=None, cached=cached)
    from cli import hub

    try:
        asked = hub.gated(needs.settings.model, needs.settings.model_revision)
    except hub.HubFault as fault:
        refused = None if "cannot be reached" in str(fault) or "HF_HUB_OFFLINE" in str(fault) else str(fault)
        return rows.model(needs, gated=gated, hub=None if gated else refused, cached=cached)
    return rows.model(needs, gated=asked, hub=None, cached=cached)


def document(found: Sequence[Row], here: Place) -> dict[str, Any]:
    """Return the preflight document."""
    from dataclasses import asdict

    from cli.preflights import asking

    return {
        "schema": SCHEMA,
        "verdict": asking.worst(found),
        "stack": here.stack.name if here.stack else None,
        "namespace": here.cluster.namespace,
        "context": here.cluster.context,
        "checks": [asdict(row) for row in found],
    }


def _show(found: Sequence[Row], here: Place) -> None:
    from rich.text import Text

    from cli import render
    from cli.output import console
    from cli.status import where

    screen = console()
    counts = {word: sum(row.outcome == word for row in found) for word in ("missing", "unknown")}
    verdict = ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "nothing is missing"
    style = "bold red" if counts["missing"] else "bold"
    render.paragraph(screen, Text(f"{where(here)}: {verdict}", style=style))
    if here.stack is None:
        render.paragraph(screen, Text("No stack is selected: only what every stack needs was asked (--stack NAME)."))
    screen.print()
    render.unpadded(screen, table(found))


def table(found: Sequence[Row]) -> Any:
    """Return the rows as a table, each with its way out below it."""
    from rich.table import Table
    from rich.text import Text

    colours = {"missing": "bold red", "unknown": "yellow", "ok": "green", "note": ""}
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for row in found:
        made.add_row(Text(row.outcome, style=colours[row.outcome]), row.check, Text(row.found))
        if row.fix:
            made.add_row("", "", Text(f"→ {row.fix}"))
    return made
