"""`voltaic forward`: API and chat page on local ports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster.options import ContextOption, NamespaceOption, StackOption, place
from cli.command import Command
from cli.output import fail, print_json

if TYPE_CHECKING:
    from cli.reaching.services import Role

HELP = """Lead local ports to the API and the chat page of a stack, until Ctrl-C.

Goes through the API server and needs no kubectl: the rights to list services and pods and to open pods/portforward in
one namespace are enough. Pods and the API server may restart meanwhile.
"""
EXAMPLES = """\b
Examples:
  voltaic forward
  voltaic forward --stack v100-2gpu --only api --port 8081
  voltaic forward --port page=3001 --json

Exit codes: 0 ended by Ctrl-C, 2 there is nothing to forward, or it cannot be reached.
"""
LOCAL_ADDRESSES = ("127.0.0.1", "::1", "localhost")


def _roles(incomplete: str) -> list[str]:
    return [role for role in ("api", "page") if role.startswith(incomplete)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "forward",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Reach API and chat page on local ports.",
        rich_help_panel="Operate",
    )
    command(forward)


def forward(
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    only: Annotated[
        str | None, typer.Option(metavar="api|page", help="Forward only this.", autocompletion=_roles)
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(metavar="[api=|page=]PORT", help="Local port. Default: 8080 and 3000, or the next free one."),
    ] = None,
    address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Local address to listen at; others than this machine can use it.")
    ] = "127.0.0.1",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line on stdout once it is ready, a forward document.")
    ] = False,
) -> None:
    """Lead local ports to API and chat page."""
    from cli.reaching.local_ports import PortFault, stated

    roles: tuple[Role, ...] = ("api", "page")
    if only is not None:
        if only not in roles:
            fail("forward", [f"--only {only}: give api or page"], as_json=as_json, usage=True)
        roles = ("api",) if only == "api" else ("page",)
    try:
        stated(port or (), roles)  # before anything is asked
    except PortFault as fault:
        fail("forward", [str(fault)], as_json=as_json, usage=True)
    if address not in LOCAL_ADDRESSES:
        print(
            f"voltaic forward: whoever reaches {address} can use what is forwarded, without encryption.",
            file=sys.stderr,
        )
    from cli.reaching import forwarding, services

    with place("forward", stack, context, namespace, as_json=as_json) as here:
        found = services.found(here.cluster, here.labels, roles)
        run = forwarding.Forward(here, found, address)
        try:
            run.open(stated(port or (), tuple(found)))
        except PortFault as fault:
            run.close()
            fail("forward", [str(fault)], as_json=as_json)
        forwarding.until_told(run, show=print_json if as_json else None)
