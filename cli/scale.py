"""`voltaic scale`: GPUs, shards and replicas as one decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from cli.cluster.options import StackOption  # noqa: TC001  typer reads it
from cli.command import Command
from cli.set import DryRunOption, ForceOption, JsonOption, TakeOption  # noqa: TC001  the same

if TYPE_CHECKING:
    from rich.console import Console

    from cli.editing.edit import Edit
    from cli.editing.layouts import Layout
    from voltaic.settings.decisive import Decisive

HELP = """Choose GPUs, shards and replicas: they are one decision.

Without options it lists what the GPUs of the profile and the engine allow for this model, each judged, and says which
is better and why. With options it changes the stack as voltaic set does; shards that are not named are derived.
"""
EXAMPLES = """\b
Examples:
  voltaic scale
  voltaic scale --gpus 1 --replicas 2
  voltaic scale --replicas 0      parks the server, keeps its cache

Exit codes: 0 listed or written, 1 refused, 2 bad input or usage, 3 unknown.
"""
SCHEMA = "voltaic/layouts/v1"
NARROW = 96
"""Columns below which the table has no room."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "scale",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Choose GPUs, shards and replicas.",
        rich_help_panel="Set up",
    )
    command(scale)


def scale(
    *,
    gpus: Annotated[str | None, typer.Option(metavar="N", help="GPUs of one replica.")] = None,
    shards: Annotated[
        str | None, typer.Option(metavar="N", help="Tensor-parallel processes of a replica. Default: derived.")
    ] = None,
    replicas: Annotated[str | None, typer.Option(metavar="N", help="Pods that serve the model; 0 parks it.")] = None,
    stack: StackOption = None,
    take: TakeOption = None,
    dry_run: DryRunOption = False,
    force_unknown: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Choose GPUs, shards and replicas."""
    from cli.editing import run

    options = run.Options("scale", dry_run=dry_run, force_unknown=force_unknown, as_json=as_json, take=take)
    given = {"gpus": gpus, "shards": shards, "replicas": replicas}
    if not any(given.values()):
        if take or dry_run or force_unknown:
            run.usage("scale", ["nothing to change; give --gpus, --shards or --replicas"], as_json=as_json)
        _list(options, stack)
        return
    from cli.editing.request import InvalidRequest, changes
    from cli.set import apply

    now = run.prepared(options, stack, {})
    if gpus is not None and (fault := _too_many(gpus, _decisive(now), now.stack)):
        run.usage("scale", [fault], as_json=as_json)
    try:
        asked = changes([f"{key}={value}" for key, value in given.items() if value is not None], stack=now.stack)
    except InvalidRequest as fault:
        run.usage("scale", fault.faults, as_json=as_json)
    if gpus is not None:  # shards belong to a number of GPUs
        asked = {"shards": None, **asked}
    whole = _count(_decisive(now))
    fewest = {
        key: None if (key, value) in {("gpus", whole), ("replicas", 1)} else value for key, value in asked.items()
    }
    apply(options, stack, fewest)


def _decisive(edit: Edit) -> Decisive:
    """Return the settings of a stack that decide whether it starts."""
    from voltaic.settings import Stack

    origin = edit.verdict.spec.origin
    if not isinstance(origin, Stack):
        raise TypeError("the spec of a stack knows its stack")
    return origin.settings


def _count(stack: Decisive) -> int:
    from voltaic import hardware

    return hardware.profile(stack.profile).count


def _too_many(gpus: str, stack: Decisive, name: str) -> str | None:
    """Return the fault of more GPUs than one node has, with the profile that has them."""
    from cli.editing.words import command
    from voltaic import hardware

    profile = hardware.profile(stack.profile)
    if not (gpus.isascii() and gpus.isdecimal()) or int(gpus) <= profile.count:
        return None
    said = f"--gpus {gpus}: a node of {profile.name} has {profile.count}, and one replica runs on one node"
    try:
        larger = hardware.profile(f"{profile.gpu.name} x{int(gpus)}").name
    except hardware.UnknownProfile:
        return said
    return f"{said}. For nodes with {gpus}: {command({'profile': larger}, name)}"


class Listing(NamedTuple):
    """The layouts of a stack, and which is which."""

    edit: Edit
    found: list[Layout]
    current: Layout | None
    chosen: Layout | None
    least: int
    """Tokens of the longest request that the stack serves now; 0 where it does not."""


def _list(options: Any, stack: str | None) -> None:
    """Print the layouts."""
    from cli.editing import layouts, run
    from cli.output import ACCEPT, REFUSE, console, print_json

    edit = run.prepared(options, stack, {})
    settings = _decisive(edit)
    found = layouts.of(settings)
    current = next((layout for layout in found if layouts.is_current(layout, settings)), None)
    least = (current.total or 0) if current is not None and current.accepted else 0
    listing = Listing(edit, found, current, layouts.best(found, least), least)
    if options.as_json:
        print_json(_document(listing))
    else:
        _show(console(), listing)
    raise typer.Exit(REFUSE if listing.chosen is None else ACCEPT)


def _command(layout: Layout, stack: str) -> str:
    words = ["voltaic scale", f"--stack {stack}", f"--gpus {layout.gpus}", f"--replicas {layout.replicas}"]
    if layout.settings["shards"] is not None:
        words.append(f"--shards {layout.shards}")
    return " ".join(words)


def _document(listing: Listing) -> dict[str, Any]:
    from cli.editing import layouts

    stack = listing.edit.stack
    return {
        "schema": SCHEMA,
        "stack": stack,
        "subject": listing.edit.after.subject,
        "layouts": [
            {
                "replicas": layout.replicas,
                "gpus": layout.gpus,
                "shards": layout.shards,
                "kind": layout.kind,
                "verdict": layout.verdict.verdict,
                "tight": layout.verdict.tight,
                "current": layout is listing.current,
                "better": layout is listing.chosen,
                "max_total_tokens": layout.total,
                "requests": layout.requests,
                "kv_cache_tokens": layout.tokens,
                "busy_gpus": layout.busy,
                "findings": [finding.message for finding in layout.verdict.answers],
                "settings": dict(layout.settings),
                "command": _command(layout, stack),
            }
            for layout in listing.found
        ],
        "why": [] if listing.chosen is None else list(layouts.why(listing.chosen, listing.found, listing.least)),
    }


def _show(screen: Console, listing: Listing) -> None:
    from rich.text import Text

    from cli import render
    from cli.editing import layouts

    stack = listing.edit.stack
    render.paragraph(screen, Text(f"{stack}: {listing.edit.after.subject}", style="bold"))
    if screen.width < NARROW:
        for layout in listing.found:
            render.hanging(screen, Text(_line(layout, now=layout is listing.current)))
    else:
        _table(screen, listing)
    for layout in listing.found:
        if not layout.accepted:
            said = " ".join(finding.message for finding in layout.verdict.answers[:1])
            render.hanging(screen, Text(f"{layout}: {said}"))
    screen.print()
    if listing.chosen is None:
        render.paragraph(screen, Text(f"None of them starts. Why, and what helps: voltaic preview --stack {stack}"))
        return
    for line in layouts.why(listing.chosen, listing.found, listing.least):
        render.hanging(screen, Text(line))
    others = [layout for layout in listing.found if layout.accepted and layout is not listing.current]
    if others:
        render.paragraph(screen, Text("Change to one of them", style="bold"))
    for layout in others:
        screen.print(Text(f"  {_command(layout, stack)}"), soft_wrap=True)


def _line(layout: Layout, *, now: bool) -> str:
    """Return a layout as a line for terminals that hold no table."""
    said = f"{layout}{' (now)' if now else ''}: {layout.verdict.verdict}"
    if not layout.accepted:
        return said
    tokens = "" if layout.tokens is None else f", KV cache {layout.tokens:,} tokens"
    return f"{said}, requests of {layout.total:,} tokens, {layout.requests} at once{tokens}, {layout.busy} GPUs at work"


def _table(screen: Console, listing: Listing) -> None:
    from rich.table import Table
    from rich.text import Text

    from cli import render

    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="")
    for name in ("", "layout", "verdict"):
        table.add_column(name)
    for name in ("tokens of a request", "requests at once", "KV cache, tokens", "GPUs at work"):
        table.add_column(name, justify="right", max_width=12)
    for layout in listing.found:
        mark = "now" if layout is listing.current else ""
        numbers = (layout.total, layout.requests, layout.tokens, layout.busy) if layout.accepted else (None,) * 4
        word = render.WORDS[layout.verdict.verdict].lower() + (", tight" if layout.verdict.tight else "")
        style = "" if layout.accepted else render.STYLES[layout.verdict.verdict]
        cells = ["" if number is None else f"{number:,}" for number in numbers]
        table.add_row(mark, Text(str(layout)), Text(word, style=style), *cells)
    render.unpadded(screen, table)
