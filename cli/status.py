"""`voltaic status`: what a stack is doing now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster.options import ContextOption, NamespaceOption, Place, StackOption, place
from cli.command import Command
from cli.output import ACCEPT, REFUSE, UNKNOWN, print_json

if TYPE_CHECKING:
    from cli.watching.sample import Sample

HELP = """Show the pods of a stack: restarts, GPU memory and use, queue, batch, tokens and KV cache.

GPUs are asked in the container (nvidia-smi, rocm-smi), engines at /metrics through the API server. Whatever may not be
asked is said, and the rest shown all the same.
"""
EXAMPLES = """\b
Examples:
  voltaic status
  voltaic status --stack v100-2gpu --json

Exit codes: 0 all pods ready, 1 some are not, 2 the cluster cannot be asked, 3 nothing is deployed.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "status",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Show what a stack is doing now.",
        rich_help_panel="Operate",
    )
    command(status)


def status(
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    brief: Annotated[bool, typer.Option("--brief", help="Ask the API server alone, not GPUs and engines.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one status document on stdout.")] = False,
) -> None:
    """Show the pods of a stack."""
    from cli.watching import lines
    from cli.watching.sample import Watcher

    with place("status", stack, context, namespace, as_json=as_json) as here:
        sample = Watcher(here.cluster, here.labels, inside=not brief).sample()
        if as_json:
            name = here.stack.name if here.stack else None
            cluster = here.cluster
            print_json(lines.document(sample, stack=name, namespace=cluster.namespace, context=cluster.context))
        else:
            show(sample, here)
    raise typer.Exit(code(sample))


def code(sample: Sample) -> int:
    """Return the exit code that a sample stands for."""
    if not sample.pods:
        return UNKNOWN
    return ACCEPT if sample.ready else REFUSE


def where(here: Place) -> str:
    """Return what is shown, as a headline begins."""
    what = f"Stack {here.stack.name}" if here.stack else "Everything of voltaic"
    return f"{what} in the namespace {here.cluster.namespace} (context {here.cluster.context})"


def show(sample: Sample, here: Place) -> None:
    """Print a sample for people."""
    import shlex

    from rich.text import Text

    from cli import render
    from cli.output import console
    from cli.watching import lines

    screen = console()
    render.paragraph(screen, Text(lines.headline(sample, where(here)), style="bold"))
    for pod in sample.pods:
        screen.print()
        render.paragraph(screen, Text(pod.name, style="bold" if pod.ready else "bold red"))
        for line in lines.of_pod(pod, sample.at):
            render.indented(screen, Text(line))
    words = shlex.join(here.words)
    if not sample.pods:
        render.paragraph(screen, Text(f"Deploy it with: voltaic up {words}"))
    elif not sample.ready:
        screen.print()
        render.paragraph(screen, Text(f"Why, and what mends it: voltaic doctor {words}"))
