"""`voltaic up`: deploy a stack, and tell what happens until its server answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster.options import StackOption  # noqa: TC001  read by typer
from cli.command import Command
from cli.output import ACCEPT, BAD_INPUT, INTERRUPTED

if TYPE_CHECKING:
    from cli.stacks import Stack

HELP = """Deploy a stack with Pulumi and the policy pack, and tell what happens until its server answers.

One line a resource; then download and load of the model with bytes and time left, and what pods wait for, in plain
words. A configuration that would not start is refused before anything is changed. Backend, login and passphrase are
those that pulumi itself would use here.

Ctrl-C once cancels in order and says what is left; a second time stops at once.
"""
EXAMPLES = """\b
Examples:
  voltaic up --stack v100-2gpu
  voltaic up --stack v100-2gpu --yes --json

Exit codes: 0 deployed, 1 refused or not ready, 2 bad input, locked, or no cluster, 3 unknown, 130 interrupted.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "up",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Deploy a stack, and tell how it starts.",
        rich_help_panel="Operate",
    )
    command(up)


def up(
    *,
    stack: StackOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    skip_preview: Annotated[
        bool, typer.Option("--skip-preview", help="Deploy at once: the pack judges while it runs.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line an event on stdout.")] = False,
) -> None:
    """Deploy a stack."""
    from cli import stacks
    from cli.output import fail

    try:
        chosen = stacks.chosen(stack)
    except stacks.NoStack as fault:
        fail("up", [str(fault)], as_json=as_json)
    raise typer.Exit(run(chosen, yes=yes, skip_preview=skip_preview, as_json=as_json))


def run(stack: Stack, *, yes: bool, skip_preview: bool, as_json: bool) -> int:
    """Deploy a stack and return the exit code."""
    from cli.asking import agreed
    from cli.deploying import deploy, engine
    from cli.deploying.teller import Teller
    from cli.deploying.watching import Watch
    from cli.pull_request.engine import ended_by_signals
    from cli.pull_request.project import Unreadable
    from cli.pull_request.tools import pack

    teller = Teller("up", stack.name, as_json=as_json)
    with ended_by_signals():
        try:
            session = deploy.opened(stack, teller)
            side = deploy.judged(session)
            packs = pack()
            deploy.reached(session)
            deploy.ready_state(session)
            changes = None if skip_preview else deploy.previewed(session, side, packs)
            if changes != 0 and not agreed(f"Deploy {stack.name}?", yes=yes or skip_preview):
                teller.tell("done", f"{stack.name} was not deployed: nobody agreed. Nothing was changed.")
                return ACCEPT
            watch = Watch(stack, teller, deploy.expected(session, side), session.place.env)
            with teller.status(f"deploying {stack.name}"), watch:
                work = engine.up(session.place, packs, session.runner, teller)
            return deploy.ended(session, side, work)
        except deploy.Ended as over:
            return over.code
        except Unreadable as fault:
            teller.tell("fault", f"voltaic up: {fault}", outcome="failed")
            return BAD_INPUT
        except KeyboardInterrupt:
            teller.tell("done", "Interrupted before anything was changed.", outcome="failed")
            return INTERRUPTED
