"""`voltaic destroy`: take a stack down, after saying what goes and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster.options import StackOption  # noqa: TC001  read by typer
from cli.command import Command
from cli.output import ACCEPT, BAD_INPUT, INTERRUPTED, REFUSE

if TYPE_CHECKING:
    from cli.stacks import Stack

HELP = """Take a stack down. What goes and what stays is listed first, and asked for.

Model cache and chat data stay in the cluster, with the login that belongs to them, unless the stack says otherwise
(modelCacheDeleteOnDestroy, webuiDataDeleteOnDestroy); the next `voltaic up` uses them again.
"""
EXAMPLES = """\b
Examples:
  voltaic destroy --stack v100-2gpu
  voltaic destroy --stack v100-2gpu --yes

Exit codes: 0 taken down, 1 something could not be deleted, 2 bad input, locked, or no cluster, 130 interrupted.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "destroy",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Take a stack down; data stays.",
        rich_help_panel="Operate",
    )
    command(destroy)


def destroy(
    *,
    stack: StackOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line an event on stdout.")] = False,
) -> None:
    """Take a stack down."""
    from cli import stacks
    from cli.output import fail

    try:
        chosen = stacks.chosen(stack)
    except stacks.NoStack as fault:
        fail("destroy", [str(fault)], as_json=as_json)
    raise typer.Exit(run(chosen, yes=yes, as_json=as_json))


def run(stack: Stack, *, yes: bool, as_json: bool) -> int:
    """Take a stack down and return the exit code."""
    from cli.asking import agreed
    from cli.deploying import deploy, engine, teardown
    from cli.deploying.teller import Teller
    from cli.pull_request.engine import ended_by_signals
    from cli.pull_request.project import Unreadable

    teller = Teller("destroy", stack.name, as_json=as_json)
    with ended_by_signals():
        try:
            session = deploy.opened(stack, teller)
            deploy.reached(session)
            state = deploy.ready_state(session, create=False)
            going = teardown.of_state(state)
            teardown.tell(teller, going, stack.name)
            if not going.anything:
                return ACCEPT
            if not agreed(f"Take {stack.name} down?", yes=yes):
                teller.tell("done", f"{stack.name} was not taken down: nobody agreed. Nothing was changed.")
                return REFUSE
            with teller.status(f"taking {stack.name} down"):
                work = engine.destroy(session.place, session.runner, teller)
            return teardown.ended(session, work, going)
        except deploy.Ended as over:
            return over.code
        except Unreadable as fault:
            teller.tell("fault", f"voltaic destroy: {fault}", outcome="failed")
            return BAD_INPUT
        except KeyboardInterrupt:
            teller.tell("done", "Interrupted before anything was changed.", outcome="failed")
            return INTERRUPTED
