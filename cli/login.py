"""`voltaic login`: check a kubeconfig, and take a downloaded one over into one's own."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster.options import ContextOption, end
from cli.command import Command
from cli.output import ACCEPT, REFUSE, fail, print_json

if TYPE_CHECKING:
    from cli.cluster.kubeconfig import Access
    from cli.kubeconfigs.report import Report

HELP = """Check the kubeconfig: context, namespace, login, when it ends, who may read it.

The cluster is asked with --check alone. With FILE (or - for stdin) its context is taken over into your kubeconfig,
after showing what changes: mode 600, other contexts and comments kept. No secret is printed.
"""
EXAMPLES = """\b
Examples:
  voltaic login --check
  voltaic login ~/Downloads/kubeconfig.yaml --namespace w1-default

Exit codes: 0 it can be used, 1 it cannot (and what to do), 2 it cannot be read, or the cluster cannot be reached.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "login",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Check a kubeconfig, or take one over.",
        rich_help_panel="Set up",
    )
    command(login)


def login(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="A kubeconfig to take over, or - for stdin.")
    ] = None,
    *,
    context: ContextOption = None,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Name for the context that is taken over.")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace for the context.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Kubeconfig to write. Default: the first of KUBECONFIG, else ~/.kube/config."
        ),
    ] = None,
    keep_current: Annotated[bool, typer.Option("--keep-current", help="Leave the current context as it is.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Ask the cluster whether it accepts the login.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one login document on stdout.")] = False,
) -> None:
    """Check a kubeconfig, or take one over."""
    from cli.cluster import ClusterError

    if file is None and (name or into or keep_current):
        fail(
            "login",
            ["--as, --into and --keep-current are about a FILE that is taken over"],
            as_json=as_json,
            usage=True,
        )
    try:
        access = _incoming(file, context) if file else _own(context)
        found = _report(access, namespace, check=check)
    except ClusterError as fault:
        end("login", fault, as_json=as_json)
        return
    if as_json:
        from cli.kubeconfigs import report

        print_json(report.document(found))
    else:
        _show(found)
    if file is not None:
        _take_over(
            access,
            Path(into).expanduser() if into else _target(),
            name,
            namespace,
            found,
            use=not keep_current,
            yes=yes,
            quiet=as_json,
        )
    raise typer.Exit(ACCEPT if found.usable else REFUSE)


def _own(context: str | None) -> Access:
    from cli.cluster import kubeconfig

    return kubeconfig.access(kubeconfig.read(kubeconfig.paths()), context)


def _incoming(file: str, context: str | None) -> Access:
    """Return the context that a downloaded kubeconfig leads to."""
    from cli.cluster import kubeconfig

    if file == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
        here = kubeconfig.File(Path.cwd() / "stdin", kubeconfig.parse(text, "stdin"))
        return replace(kubeconfig.access([here], context), files=())
    return kubeconfig.access(kubeconfig.read([Path(file).expanduser()]), context)


def _target() -> Path:
    from cli.cluster import kubeconfig

    return kubeconfig.paths()[0]


def _report(access: Access, namespace: str | None, *, check: bool) -> Report:
    from cli.kubeconfigs import report

    found = report.report(access, datetime.now(UTC), namespace)
    return _asked(found) if check else found


def _asked(found: Report) -> Report:
    """Return a report with what the API server says."""
    from cli.cluster import ClusterError
    from cli.cluster.cluster import Cluster
    from cli.cluster.rights import Right

    with Cluster(found.access, found.namespace) as cluster:
        try:
            answered = {"version": cluster.version(), "user": cluster.whoami(), "namespace": cluster.namespace}
            exists = cluster.namespace_exists()
            may = cluster.may(
                [Right("list", "pods", cluster.namespace), Right("create", "deployments", cluster.namespace)]
            )
        except ClusterError as error:
            if error.kind not in {"login", "untrusted"}:
                raise
            return replace(found, problems=(*found.problems, (error.message, error.fix)))
    problems = list(found.problems)
    if exists is False:
        problems.append((f"the namespace {cluster.namespace} does not exist", "Name yours with --namespace NAME."))
    elif missing := [f"{answer.right.verb} {answer.right.resource}" for answer in may if not answer.allowed]:
        problems.append(
            (
                f"this login may not {' or '.join(missing)} in the namespace {cluster.namespace}",
                "Name your own namespace with --namespace NAME; all rights one by one: voltaic preflight",
            )
        )
    return replace(found, server=answered, problems=tuple(problems))


def _show(found: Report) -> None:
    from rich.text import Text

    from cli import render
    from cli.kubeconfigs import report
    from cli.output import console

    screen, now = console(), datetime.now(UTC)
    verdict = "can be used" if found.usable else "cannot be used"
    if found.usable and not found.server:
        verdict = "nothing stands against it (ask the cluster with --check)"
    style = "bold" if found.usable else "bold red"
    render.paragraph(screen, Text(f"Context {found.access.context}: {verdict}", style=style))
    for line in report.lines(found, now):
        render.indented(screen, Text(line))
    for message, fix in found.problems:
        render.paragraph(screen, Text(f"{message[:1].upper()}{message[1:]}", style="red"))
        render.indented(screen, Text(fix))
    for text in found.advice:
        render.paragraph(screen, Text(text))


def _take_over(
    access: Access,
    target: Path,
    name: str | None,
    namespace: str | None,
    found: Report,
    *,
    use: bool,
    yes: bool,
    quiet: bool,
) -> None:
    """Show what would change in one's own kubeconfig, ask, and write it."""
    from cli.asking import agreed
    from cli.cluster import ClusterError, kubeconfig
    from cli.files import Unwritable
    from cli.kubeconfigs import merge, writing

    try:
        text = target.read_text(encoding="utf-8") if target.exists() else ""
        kubeconfig.parse(text, str(target))
        made = merge.merge(writing.load(text), access, name=name, namespace=namespace, use=use)
    except (OSError, UnicodeDecodeError) as error:
        fail("login", [f"{target}: {getattr(error, 'strerror', None) or 'it is no text'}"])
    except ClusterError as fault:
        end("login", fault)
        return
    out = sys.stderr if quiet else sys.stdout
    if not made.changes:
        print(f"\n{target} has it already; nothing is changed.", file=out)
        return
    print(f"\nChanges in {target}:", file=out)
    for change in made.changes:
        print(f"  {change}", file=out)
    if made.kept:
        print(f"  other contexts stay: {', '.join(made.kept)}", file=out)
    if "exec" in access.user:
        print("  A program is run at every login from now on: take it over only from somebody you trust.", file=out)
    question = "Write it?" if found.usable else "It cannot be used as it is. Write it all the same?"
    if not agreed(question, yes=yes):
        print("Nothing was written.", file=sys.stderr)
        raise typer.Exit(REFUSE)
    try:
        writing.write(target, writing.dump(made.document))
    except Unwritable as fault:
        fail("login", [str(fault)])
    print(f"Written, for you alone (mode 600). Undo: {made.undo}", file=out)
    if str(target) not in os.environ.get("KUBECONFIG", "") and target != Path.home() / ".kube" / "config":
        print(f"Use it with: export KUBECONFIG={target}", file=out)
