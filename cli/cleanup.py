"""`voltaic cleanup`: take away what stacks left behind, after listing it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cluster.options import ContextOption, NamespaceOption, Place, StackOption, place
from cli.command import Command
from cli.output import ACCEPT, REFUSE, UNKNOWN, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from cli.leftovers.local import Left
    from cli.leftovers.plan import Known, Plan, Thing

SCHEMA = "voltaic/cleanup/v1"
HELP = """List what no stack knows any more, and delete it after a question: objects of failed runs, locks of dead ones.

Volumes and logins of the chat page stay unless --include-data asks for them and a second question names them. Objects
without the labels of a stack, and those of stacks that are deployed, are never touched.
"""
EXAMPLES = """\b
Examples:
  voltaic cleanup --dry-run
  voltaic cleanup --stack v100-2gpu --include-data

Exit codes: 0 nothing is left that should go, 1 something is, 2 the cluster cannot be asked, 3 Pulumi cannot be asked.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "cleanup",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Take away what stacks left behind.",
        rich_help_panel="Operate",
    )
    command(cleanup)


def cleanup(
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    include_data: Annotated[
        bool, typer.Option("--include-data", help="Volumes and logins too: model caches, chats.")
    ] = False,
    confirm_data: Annotated[
        list[str] | None,
        typer.Option(
            "--confirm-data", metavar="NAME", help="Name what holds data, each once, in place of the question."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List, and delete nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask (but for data).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one document on stdout.")] = False,
) -> None:
    """Take away what stacks left behind."""
    from cli import stacks
    from cli.asking import agreed, named
    from cli.leftovers import local
    from voltaic import kubernetes_names

    # A stack whose file is gone may have left things all the same: then its name is all there is of it.
    file = stack if stack in stacks.names() else None
    with place("cleanup", file, context, namespace, as_json=as_json) as here:
        made, unread = _plan(here, None if stack is None else kubernetes_names.slug(stack))
        here_left = list(local.found())
        if not as_json:
            _show(made, here_left, unread, here, include_data=include_data)
        goes = list(made.goes)
        done: list[Thing] = []
        left = bool(goes or here_left)
        if (goes or here_left) and not dry_run and agreed("Delete what goes?", yes=yes):
            for each in here_left:
                local.remove(each)
            done, left = _delete(here, goes)
        if include_data and made.data and not dry_run and not (goes and not done):
            names = {thing.name for thing in made.data}
            if named(
                "What is in them is lost for good.", names, given=set(confirm_data or ()), option="--confirm-data NAME"
            ):
                more, failed = _delete(here, made.data)
                done, left = done + more, left or failed
            else:
                print("Nothing that holds data was deleted.", file=sys.stderr)
                left = True
        if as_json:
            print_json(_document(made, here_left, unread, done, here))
        elif done:
            print(f"Deleted: {len(done)}. A stack makes its objects anew with: voltaic up --stack NAME")
    raise typer.Exit(REFUSE if left else UNKNOWN if unread and made.stays else ACCEPT)


def _plan(here: Place, asked: str | None) -> tuple[Plan, str | None]:
    """Return what goes and stays, and why Pulumi could not be asked."""
    from cli import stacks
    from cli.cluster import ClusterError
    from cli.leftovers import plan, state
    from voltaic import kubernetes_names

    cluster = here.cluster
    _, instance, _, manager = kubernetes_names.OWN_LABELS
    ours = {manager: kubernetes_names.MANAGER}
    found: dict[str, Any] = {}
    for kind in plan.ORDER:
        try:
            found[kind] = cluster.metadata(kind, ours)
        except ClusterError as error:
            if error.kind not in {"forbidden", "not-found"}:
                raise
    pods = cluster.pods()
    things = plan.things(found, cluster.claims(ours), pods)
    unread: str | None = None
    known: Known | None = None
    project = stacks.project()
    if project is None:
        unread = "there is no Pulumi.yaml here or above; run it in the project's folder"
    else:
        try:
            known = state.known(project.parent)
        except state.Unreadable as error:
            unread = str(error)
    running = {
        pod.labels.get(instance, "")
        for pod in pods
        if pod.ready and pod.labels.get(manager) == kubernetes_names.MANAGER
    }
    return plan.plan(things, known, asked=asked, running=running), unread


def _delete(here: Place, things: Sequence[Thing]) -> tuple[list[Thing], bool]:
    """Delete objects one by one; return those that went, and whether one is left."""
    from cli.cluster import ClusterError
    from cli.cluster.cluster import Deletion

    done: list[Thing] = []
    left = False
    try:
        for thing in things:
            try:
                here.cluster.delete(thing.kind, thing.name, Deletion(uid=thing.uid or None))
            except ClusterError as error:
                left = True
                print(f"voltaic cleanup: {thing}: {error.message}", file=sys.stderr)
            else:
                done.append(thing)
                print(f"deleted {thing}", file=sys.stderr)
    except KeyboardInterrupt:
        rest = ", ".join(str(thing) for thing in things if thing not in done)
        print(f"\nInterrupted. Still there: {rest}. Run the same command again.", file=sys.stderr)
        raise
    return done, left


def _show(made: Plan, here_left: Sequence[Left], unread: str | None, here: Place, *, include_data: bool) -> None:
    from rich.text import Text

    from cli import render
    from cli.output import console

    screen = console()
    place_words = f"in the namespace {here.cluster.namespace} (context {here.cluster.context})"
    if unread:
        render.paragraph(
            screen,
            Text(f"What Pulumi knows could not be read ({unread}): no object can be told to be left.", style="yellow"),
        )
    if not (made.goes or made.data or here_left):
        title = "Nothing goes" if made.stays else "Nothing is left behind"
        render.paragraph(screen, Text(f"{title} {place_words}.", style="bold"))
    if made.goes or here_left:
        render.paragraph(screen, Text(f"Goes {place_words}", style="bold"))
        for thing in made.goes:
            render.indented(screen, Text(f"{thing} (stack {thing.stack})"))
        for each in here_left:
            render.indented(screen, Text(f"{each.path}: {each.what}"))
    if made.data:
        kept = "Stays, since it holds data (--include-data)"
        title = "Goes too, after a second question: it holds data" if include_data else kept
        render.paragraph(screen, Text(title, style="bold red" if include_data else "bold"))
        for thing in made.data:
            used = f"; mounted by {', '.join(thing.used_by)}" if thing.used_by else ""
            render.indented(screen, Text(f"{thing} (stack {thing.stack}){used}"))
    _show_rest(screen, made)


def _show_rest(screen: Console, made: Plan) -> None:
    """Print what stays, those of one reason together."""
    from rich.text import Text

    from cli import render

    reasons: dict[str, list[str]] = {}
    for thing, reason in made.stays:
        reasons.setdefault(reason, []).append(str(thing))
    if reasons:
        render.paragraph(screen, Text("Stays", style="bold"))
    for reason, those in reasons.items():
        render.indented(screen, Text(f"{'; '.join(those)}: {reason}"))


def _document(
    made: Plan, here_left: Sequence[Left], unread: str | None, done: Sequence[Thing], here: Place
) -> dict[str, Any]:
    def each(thing: Thing) -> dict[str, Any]:
        return {"kind": thing.kind, "name": thing.name, "stack": thing.stack, "size": thing.size, "data": thing.data}

    return {
        "schema": SCHEMA,
        "namespace": here.cluster.namespace,
        "context": here.cluster.context,
        "unread": unread,
        "goes": [each(thing) for thing in made.goes],
        "data": [each(thing) for thing in made.data],
        "stays": [each(thing) | {"reason": reason} for thing, reason in made.stays],
        "local": [{"path": str(one.path), "what": one.what} for one in here_left],
        "deleted": [each(thing) for thing in done],
    }
