"""`voltaic models`: the models whose facts are known, and the commands around them."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from cli import models_add, models_remove, models_show
from cli.command import Command, Group
from cli.complete import families, profiles
from cli.output import fail, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltaic.models import CatalogueModel

SCHEMA = "voltaic/models/v1"
COLUMNS = ("model", "family", "parameters", "weights", "KV per token", "licence")
NUMBERS = frozenset({"parameters", "weights", "KV per token"})
LEAST_COLUMNS = 2

HELP = """List the models whose facts are known: those that come with voltaic, and those that were added here.

A model's facts are the shapes of its config.json, its licence, the size of its checkpoint, each with its source. Models
are looked for in models/ beside the Pulumi.yaml of the working directory, then in the folder that VOLTAIC_MODELS names
(else voltaic/models under XDG_DATA_HOME, ~/.local/share), then among those that come with voltaic.
"""
EXAMPLES = """\b
Examples:
  voltaic models --family llama
  voltaic models --fits v100-1gpu
  voltaic models show microsoft/phi-2
  voltaic models add Qwen/Qwen2.5-7B-Instruct-1M
"""
LIST_EXAMPLE = "Example: voltaic models list --family qwen2 --json"

Family = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only models of this model_type: llama, qwen2.", autocompletion=families),
]
Fits = Annotated[
    str | None,
    typer.Option(
        metavar="PROFILE", help="Only models that a stack of this profile starts as it is.", autocompletion=profiles
    ),
]
Added = Annotated[bool, typer.Option("--added", help="Only models that were added here.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one document on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(cls=Group, rich_markup_mode=None, context_settings={"help_option_names": ["--help", "-h"]})
    group.callback(invoke_without_command=True, help=HELP, epilog=EXAMPLES)(models)
    group.command("list", cls=Command, epilog=LIST_EXAMPLE, short_help="List models, as without a command.")(every)
    for command in (models_show, models_add, models_remove):
        command.register(group)
    app.add_typer(group, name="models", short_help="List, show, add and remove models.", rich_help_panel="Look up")


def models(
    ctx: typer.Context,
    *,
    family: Family = None,
    fits: Fits = None,
    added: Added = False,
    as_json: AsJson = False,
) -> None:
    """List the models whose facts are known."""
    if ctx.invoked_subcommand is not None:
        given = {"--family": family, "--fits": fits, "--added": added, "--json": as_json}
        misplaced = [name for name, value in given.items() if value]
        if misplaced:
            fail("models", [f"{misplaced[0]}: stands behind {ctx.invoked_subcommand}, where that takes it"], usage=True)
        return
    every(family=family, fits=fits, added=added, as_json=as_json)


def every(*, family: Family = None, fits: Fits = None, added: Added = False, as_json: AsJson = False) -> None:
    """List the models whose facts are known, as `voltaic models` does without a command."""
    from voltaic.models import broken_files, known_models

    found = list(known_models())
    faults = []
    known = sorted({model.architecture.model_type for model in found})
    if family is not None and family not in known:
        close = get_close_matches(family.lower(), known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        faults.append(f"--family: {family!r} is no family of a known model; {hint}known: {', '.join(known)}")
    if fits is not None:
        faults.extend(_no_profile(fits))
    if faults:
        fail("models", faults, as_json=as_json, usage=True)
    found = [model for model in found if family in {None, model.architecture.model_type}]
    found = [model for model in found if model.added or not added]
    if fits is not None:
        from cli.model_facts import starts

        found = [model for model in found if starts(model.id, fits) == "accept"]
    if as_json:
        from cli.model_facts import facts

        print_json({"schema": SCHEMA, "models": [facts(model) for model in found], "unusable": list(broken_files())})
    else:
        _print(found, broken_files())


def _no_profile(name: str) -> list[str]:
    from voltaic import hardware

    try:
        hardware.profile(name)
    except LookupError as unknown:
        return [f"--fits: {unknown}"]
    return []


def _print(found: Sequence[CatalogueModel], unusable: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    from cli.output import console
    from cli.render import paragraph, unpadded

    screen = console()
    rows = [_row(model) for model in found]
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        screen.width = max(screen.width, sum(_widths(rows)))  # a pipe or a file has no width to keep to
    shown = _columns(rows, screen.width)
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for title in shown:
        table.add_column(title, justify="right" if title in NUMBERS else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row[: len(shown)]))
    if rows:
        unpadded(screen, table)
        screen.print()
    count = f"{len(rows)} model{'' if len(rows) == 1 else 's'}."
    hidden = [title for title in COLUMNS if title not in shown]
    wider = f" A wider terminal has {' and '.join(hidden)} besides." if hidden and rows else ""
    more = "Facts and sources of one: voltaic models show ID." if rows else "One is added with: voltaic models add ID"
    paragraph(screen, Text(f"{count} {more}{wider}"))
    for why in unusable:
        paragraph(screen, Text(f"Left out: {why}", style="yellow"))


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the characters that each column needs, with the blanks between them."""
    return [max(map(len, cells)) + 2 for cells in zip(COLUMNS, *rows, strict=True)]


def _columns(rows: Sequence[Sequence[str]], width: int) -> tuple[str, ...]:
    """Return the columns that fit side by side, the first two in any case."""
    needed = _widths(rows)
    shown = len(COLUMNS)
    while shown > LEAST_COLUMNS and sum(needed[:shown]) > width:
        shown -= 1
    return COLUMNS[:shown]


def _row(model: CatalogueModel) -> tuple[str, ...]:
    from cli.model_facts import billions, facts, kib
    from voltaic.units import gib

    said = facts(model)
    weights = said["weights_bytes"]
    return (
        model.id + (" (added)" if model.added else ""),
        said["family"],
        billions(said["parameters"]),
        "not known" if weights is None else gib(weights),
        kib(said["kv_bytes_per_token"]),
        model.license + (", gated" if model.gated else ""),
    )
