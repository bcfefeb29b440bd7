"""`voltaic preview`: Pulumi's preview of stacks with the verdict on each, and one comment for a pull request."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command import Command
from cli.complete import stacks as known_stacks
from cli.output import BAD_INPUT, exit_code, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.pull_request.model import Change, Report
    from cli.pull_request.project import Base, Project

HELP = """Preview stacks with Pulumi and the policy pack: what would change, what restarts, whether the model fits.

Nothing of yours is changed. It needs no cluster, no login and no passphrase: where there is no state to compare with,
the stack file at --base is what the change is compared with.
"""
EXAMPLES = """\b
Examples:
  voltaic preview -s v100-2gpu
  voltaic preview -s v100-1gpu -s v100-2gpu --base origin/main --comment comment.md

Exit codes: 0 accepted, 1 refused, 2 bad input or a preview that failed, 3 unknown. The comment is written in each case.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "preview",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Preview stacks, and write the comment of a pull request.",
        rich_help_panel="Judge",
    )
    command(preview)


def preview(
    *,
    stack: Annotated[
        list[str] | None,
        typer.Option(
            "--stack",
            "-s",
            metavar="STACK",
            help="Stack to preview; repeatable. Default: every stack with a file here or at --base.",
            autocompletion=known_stacks,
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Branch, tag or commit that the stack files are compared with."),
    ] = None,
    comment: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write one Markdown comment for all stacks into this file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one preview document on stdout.")] = False,
) -> None:
    """Preview stacks and say what their change does."""
    from cli.files import Unwritable, writable, write
    from cli.output import fail

    try:
        if comment is not None:
            writable(comment)
    except Unwritable as fault:
        fail("preview", [f"--comment: {fault}"], as_json=as_json, usage=True)
    change = _previewed(stack or [], base)
    if comment is not None:
        from cli.pull_request.comment import comment as text_of

        try:
            write(comment, text_of(change).encode("utf-8"))
        except Unwritable as fault:
            fail("preview", [f"--comment: {fault}"], as_json=as_json)
    if as_json:
        from cli.pull_request.documents import document

        print_json(document(change))
    else:
        from cli.pull_request.text import show

        show(change)
    raise typer.Exit(_exit_code(change))


def _exit_code(change: Change) -> int:
    if change.faults:
        return BAD_INPUT
    verdicts = [report.outcome for report in change.reports if report.outcome not in {"failed", "gone"}]
    return exit_code(verdicts, bad_input=any(report.outcome == "failed" for report in change.reports))


def _previewed(asked: list[str], ref: str | None) -> Change:
    """Return what was found out; what is wrong with the input is part of it."""
    from cli.pull_request import project as projects
    from cli.pull_request.model import Change

    name = "unnamed"
    try:
        project = projects.find(Path.cwd())
        name = project.name
        base = projects.at(project, ref) if ref is not None else None
        stacks = list(dict.fromkeys(asked)) or _all(project, base)
        if not stacks:
            fault = f"no stack file in {project.root}: make one with: pulumi stack init NAME"
            return Change(name, ref, faults=(fault,))
        return Change(name, ref, tuple(_reports(project, base, stacks)))
    except projects.Unreadable as fault:
        from cli.pull_request.secrets import Secrets

        return Change(name, ref, faults=(Secrets(os.environ).redactor()(str(fault)),))


def _all(project: Project, base: Base | None) -> list[str]:
    return sorted({*project.stacks_here(), *(base.stacks() if base is not None else ())})


def _reports(project: Project, base: Base | None, stacks: list[str]) -> list[Report]:
    from cli.pull_request.engine import Running, ended_by_signals
    from cli.pull_request.previewing import Previewer
    from cli.pull_request.tools import environment, pack

    env = environment(project.root)
    with ended_by_signals(), _progress() as told:
        previewer = Previewer(project, base, env, pack(), Running(), told)
        return [previewer.report(stack) for stack in stacks]


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Yield what tells a terminal what is being done; elsewhere nothing is told."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status("reading the stack files") as status:
        yield lambda text: status.update(f"{text} …")
