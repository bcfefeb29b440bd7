"""`voltaic check`: the verdict on every model server in Kubernetes manifests."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.command import Command
from cli.complete import profiles
from cli.output import exit_code, fail, fault_text, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.manifest_files import Unreadable
    from voltaic.hardware import Profile
    from voltaic.manifests import Workload
    from voltaic.verdict import Verdict

    Checked = tuple[Workload, Verdict | None]
    """A container of a manifest, and the verdict on it; None where it is no model server."""

SCHEMA = "voltaic/check/v1"

HELP = """Judge the model servers in Kubernetes manifests: files, folders (recursively), or - for stdin.

What is not a model server is listed and never refused.
"""
EXAMPLES = """\b
Examples:
  voltaic check manifests/
  helm template my-chart | voltaic check - --profile v100-2gpu --json

Exit codes: 2 where an input cannot be read, else the worst verdict: 1 refused, 3 unknown, 0 accepted.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "check",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Judge the model servers in manifests.",
        rich_help_panel="Judge",
    )
    command(check)


def check(
    paths: Annotated[list[str], typer.Argument(metavar="PATH|-", help="Files, folders, or - for stdin.")],
    *,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="GPUs of manifests that do not name a GPU model.", autocompletion=profiles),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one check document on stdout.")] = False,
) -> None:
    """Judge every model server in the manifests."""
    gpus = _profile(profile, as_json=as_json)
    checked, count, unreadable = _checked(paths, gpus)
    if as_json:
        print_json(
            {
                "schema": SCHEMA,
                "files": count,
                "workloads": [_entry(workload, verdict) for workload, verdict in checked],
                "errors": [{"file": found.file, "faults": list(found.faults)} for found in unreadable],
            }
        )
    elif count:
        _show(checked, count)
    for found in unreadable:
        print(fault_text(f"voltaic check: {found.file}", found.faults), file=sys.stderr)
    verdicts = [verdict.verdict for _, verdict in checked if verdict is not None]
    raise typer.Exit(exit_code(verdicts, bad_input=bool(unreadable)))


def _profile(name: str | None, *, as_json: bool) -> Profile | None:
    from voltaic import hardware

    try:
        return None if name is None else hardware.profile(name)
    except hardware.UnknownProfile as unknown:
        fail("check", [f"--profile: {unknown}"], as_json=as_json)


def _checked(paths: Sequence[str], profile: Profile | None) -> tuple[list[Checked], int, list[Unreadable]]:
    """Return what was found in the files, how many files were read, and what could not be read."""
    from cli.manifest_files import Unreadable, files, read
    from cli.stack_files import InvalidStack
    from voltaic.verdict import judge

    checked: list[Checked] = []
    unreadable: list[Unreadable] = []
    count = 0
    for file in files(paths):
        content = file if isinstance(file, Unreadable) else read(file)
        if isinstance(content, Unreadable):
            unreadable.append(content)
            continue
        try:
            found = _workloads(str(file), content, profile)
        except InvalidStack as invalid:
            unreadable.append(Unreadable(str(file), invalid.faults))
            continue
        count += 1
        checked += [(workload, None if workload.spec is None else judge(workload.spec)) for workload in found]
    return checked, count, unreadable


def _workloads(file: str, content: Sequence[Any], profile: Profile | None) -> Sequence[Workload]:
    from cli import stack_files
    from voltaic import manifests

    stack = stack_files.workload(file, content[0]) if len(content) == 1 else None
    if stack is not None:
        return [stack]
    documents = [manifests.Document(file, number, value) for number, value in enumerate(content, 1)]
    return manifests.workloads(documents, profile=profile)


def _entry(workload: Workload, verdict: Verdict | None) -> dict[str, Any]:
    from voltaic.document import plan_document

    return {
        "file": workload.file,
        "document": workload.document,
        "kind": workload.kind,
        "name": workload.name,
        "container": workload.container,
        "recognised": workload.recognised,
        "plan": None if verdict is None else plan_document(verdict),
        "findings": [],
    }


def _show(checked: Sequence[Checked], count: int) -> None:
    """Print the worst verdict first, then every model server, then what was not judged and why."""
    from rich.text import Text

    from cli import render, stack_files
    from cli.output import console

    screen = console()
    servers = [(workload, verdict) for workload, verdict in checked if verdict is not None]
    counts: Counter[str] = Counter(verdict.verdict for _, verdict in servers)
    worst = next((word for word in ("refuse", "unknown", "accept") if word in counts), None)
    files = _counted(count, "file")
    if worst is None:
        render.paragraph(screen, Text(f"No model server found in {files}."))
    else:
        each = ", ".join(f"{counts[word]} {title.lower()}" for word, title in render.WORDS.items() if word in counts)
        render.paragraph(screen, render.headline(worst, f"{_counted(len(servers), 'model server')} in {files}: {each}"))
    for workload, verdict in servers:
        screen.print()
        container = f", container {workload.container}" if workload.container else ""
        render.paragraph(screen, Text(f"{_place(workload)}{container}", style="bold"))
        of_stack = workload.kind == stack_files.KIND
        lines = render.as_stack(workload.name or "") if of_stack else render.as_arguments
        render.show(screen, verdict, fix_lines=lines)
    others = [workload for workload, verdict in checked if verdict is None]
    if others:
        screen.print()
        render.paragraph(
            screen, Text(f"Not judged: {_counted(len(others), 'object')} without a model server that is known here")
        )
    for workload in others:
        render.paragraph(screen, Text(f"  {_place(workload)}" + (f": {workload.reason}" if workload.reason else "")))


def _place(workload: Workload) -> str:
    """Return where a workload stands: file, position, kind, name."""
    position = f", document {workload.document}" if workload.document > 1 else ""
    return f"{workload.file}{position}: {workload.kind} {workload.name or 'without a name'}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
