"""`voltaic check`: the verdict on every model server in Kubernetes manifests."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.complete import profiles
from cli.output import exit_code, fail, fault_text, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltaic.manifests import Document, Workload

    from cli.manifest_files import Unreadable
    from voltaic.findings import Finding
    from voltaic.hardware import Profile
    from voltaic.verdict import Verdict

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


@dataclass(frozen=True, slots=True)
class Checked:
    """A container of a manifest, and what is said about it."""

    workload: Workload
    verdict: Verdict | None
    findings: tuple[Finding, ...]
    """What is said beside the verdict: why there is none."""

    @property
    def outcome(self) -> str | None:
        """The verdict in a word; None for what is not a model server."""
        if self.workload.recognised is None:
            return None
        return "unknown" if self.verdict is None else self.verdict.verdict


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check", help=HELP, epilog=EXAMPLES, short_help="Judge the model servers in manifests.")(check)


def check(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...|-", help="Files, folders, or - for stdin.")],
    *,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="GPUs of manifests that do not name a GPU model.", autocompletion=profiles),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one check document on stdout.")] = False,
) -> None:
    """Judge every model server in the manifests."""
    gpus = _profile(profile, as_json=as_json)
    documents, count, unreadable = _documents(paths)
    checked = [_judged(workload) for workload in _workloads(documents, gpus)]
    if as_json:
        print_json(
            {
                "schema": SCHEMA,
                "files": count,
                "workloads": [_entry(item) for item in checked],
                "errors": [{"file": fault.file, "message": fault.message} for fault in unreadable],
            }
        )
    else:
        _show(checked, count)
    for fault in unreadable:
        print(fault_text(f"voltaic check: {fault.file}", [fault.message]), file=sys.stderr)
    outcomes = [item.outcome for item in checked if item.outcome is not None]
    raise typer.Exit(exit_code(outcomes, bad_input=bool(unreadable)))


def _profile(name: str | None, *, as_json: bool) -> Profile | None:
    from voltaic import hardware

    try:
        return None if name is None else hardware.profile(name)
    except hardware.UnknownProfile as unknown:
        fail("check", [f"--profile: {unknown}"], as_json=as_json)


def _documents(paths: Sequence[str]) -> tuple[list[Document], int, list[Unreadable]]:
    """Return the documents that are Kubernetes objects, the number of files read, and what could not be read."""
    from voltaic.manifests import Document

    from cli.manifest_files import Unreadable, files, read

    documents: list[Document] = []
    unreadable: list[Unreadable] = []
    count = 0
    for file in files(paths):
        content = file if isinstance(file, Unreadable) else read(file)
        if isinstance(content, Unreadable):
            unreadable.append(content)
            continue
        count += 1
        name = str(file)
        documents += [
            Document(name, number, value) for number, value in enumerate(content, 1) if isinstance(value, dict)
        ]
    return documents, count, unreadable


def _workloads(documents: Sequence[Document], profile: Profile | None) -> tuple[Workload, ...]:
    from voltaic import manifests

    return manifests.workloads(documents, profile=profile)


def _judged(workload: Workload) -> Checked:
    from voltaic.findings import Finding
    from voltaic.verdict import judge

    if workload.recognised is None:
        return Checked(workload, None, ())
    if workload.spec is not None:
        return Checked(workload, judge(workload.spec), ())
    finding = Finding(
        rule="readable-spec",
        message=workload.reason or "The serving spec cannot be read.",
        why="A spec that cannot be read cannot be judged.",
        fix="Write engine arguments and GPU limits into the manifest as plain values.",
        outcome="unknown",
    )
    return Checked(workload, None, (finding,))


def _entry(item: Checked) -> dict[str, Any]:
    from voltaic.document import plan_document

    workload = item.workload
    return {
        "file": workload.file,
        "document": workload.document,
        "kind": workload.kind,
        "name": workload.name,
        "container": workload.container,
        "recognised": workload.recognised,
        "plan": None if item.verdict is None else plan_document(item.verdict),
        "findings": [finding.document() for finding in item.findings],
    }


def _show(checked: Sequence[Checked], count: int) -> None:
    from cli import render
    from cli.output import console

    screen = console()
    servers = [item for item in checked if item.outcome is not None]
    counts = Counter(item.outcome for item in servers)
    worst = next((word for word in ("refuse", "unknown", "accept") if counts[word]), None)
    total = ", ".join(f"{counts[word]} {render.WORDS[word].lower()}" for word in render.WORDS if counts[word])
    others = len(checked) - len(servers)
    aside = f"; {others} other container{'s' * (others != 1)} not judged" if others else ""
    summary = f"{count} file{'s' * (count != 1)}, {len(servers)} model server{'s' * (len(servers) != 1)}"
    if worst is None:
        screen.print(f"No model server found: {summary}{aside}.")
    else:
        screen.print(render.headline(worst, f"{summary}: {total}{aside}."))
    for item in servers:
        screen.print()
        _show_server(item)


def _show_server(item: Checked) -> None:
    from rich.text import Text

    from cli import render
    from cli.output import console

    screen = console()
    workload = item.workload
    place = f"{workload.file}, document {workload.document}"
    where = f"{place}: {workload.kind} {workload.name}, container {workload.container}"
    screen.print(Text(where, style="bold"))
    if item.verdict is None:
        screen.print(render.headline("unknown", f"{workload.recognised} server"))
        render.findings(screen, item.findings)
    else:
        render.show(screen, item.verdict, commands=False)
