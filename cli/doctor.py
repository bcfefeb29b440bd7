"""`voltaic doctor`: what happened to a workload that fails, why, and the change that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.cluster.options import ContextOption, NamespaceOption, StackOption, place
from cli.command import Command
from cli.complete import profiles
from cli.output import ACCEPT, REFUSE, UNKNOWN, fail, print_json

if TYPE_CHECKING:
    from cli.cluster.options import Place
    from voltaic.doctor import Evidence, Report
    from voltaic.hardware import Profile

CODES: Final = {"healthy": ACCEPT, "cause": REFUSE, "unknown": UNKNOWN}

HELP = """Say what happened to a workload that fails, why, and what mends it.

Reads states, exit codes, events and logs, of a cluster or of files that kubectl wrote, and compares them with patterns
of known failures. Ways out that the judge has accepted come first. What is not known is shown, tidily, and never
guessed. Secrets are not printed.
"""
EXAMPLES = """\b
Examples:
  voltaic doctor
  voltaic doctor --namespace llm --all
  kubectl get pods,events,deployments -o yaml | voltaic doctor --from -
  voltaic doctor --from evidence/ --profile v100-2gpu --json

Exit codes: 0 healthy, 1 a cause was found, 2 bad input, 3 not healthy and nothing of it known.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "doctor",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Say why it fails, and what mends it.",
        rich_help_panel="Operate",
    )
    command(doctor)


def doctor(
    *,
    stack: StackOption = None,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Look at everything in the namespace, not only at what voltaic made.")
    ] = False,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="PATH|-",
            help="Files, folders or stdin in place of a cluster: objects as YAML or JSON, POD_CONTAINER.log, text.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="GPUs of what does not name a GPU model.", autocompletion=profiles),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one doctor document on stdout.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the failures that are known.")] = False,
) -> None:
    """Say why a workload fails."""
    if listing:
        _list(as_json=as_json)
        return
    gpus = _profile(profile, as_json=as_json)
    if files:
        if stack or context or namespace or everything:
            fail("doctor", ["--from asks no cluster: leave --stack, --context, --namespace and --all out"], usage=True)
        evidence, words = (
            _from_files(files, gpus, as_json=as_json),
            ", ".join("stdin" if each == "-" else each for each in files),
        )
        about: dict[str, str | None] = {"stack": None, "namespace": evidence.namespace, "context": None}
    else:
        with place("doctor", stack, context, namespace, as_json=as_json) as here:
            evidence = _from_cluster(here, gpus, everything=everything)
            words = _where(here, everything=everything)
            cluster = here.cluster
            name = here.stack.name if here.stack else None
            about = {"stack": name, "namespace": cluster.namespace, "context": cluster.context}
    report = examined(evidence)
    _print(report, words, about, as_json=as_json)
    from cli.doctoring.show import verdict

    raise typer.Exit(CODES[verdict(report)])


def examined(evidence: Evidence) -> Report:
    """Return the report on some evidence, without secrets."""
    from cli.doctoring import secrets
    from voltaic.doctor import diagnose

    return secrets.hidden(diagnose(evidence), secrets.redactor(evidence))


def _from_cluster(here: Place, profile: Profile | None, *, everything: bool) -> Evidence:
    from dataclasses import replace

    from cli.doctoring.gather import gather

    found = gather(here.cluster, None if everything else here.labels, here.stack)
    return found if profile is None else replace(found, profile=profile)


def _from_files(files: list[str], profile: Profile | None, *, as_json: bool) -> Evidence:
    from cli.doctoring import files as read

    found, faults = read.evidence(files, profile)
    if faults:
        fail("doctor", faults, as_json=as_json)
    if not (found.objects or found.logs or found.texts):
        fail("doctor", [f"{', '.join(files)}: nothing to read"], as_json=as_json)
    return found


def _where(here: Place, *, everything: bool) -> str:
    what = "Everything" if everything else f"Stack {here.stack.name}" if here.stack else "Everything of voltaic"
    return f"{what} in the namespace {here.cluster.namespace} (context {here.cluster.context})"


def _profile(name: str | None, *, as_json: bool) -> Profile | None:
    from voltaic import hardware

    try:
        return None if name is None else hardware.profile(name)
    except hardware.UnknownProfile as unknown:
        fail("doctor", [f"--profile: {unknown}"], as_json=as_json)


def _print(report: Report, words: str, about: dict[str, str | None], *, as_json: bool) -> None:
    from cli.doctoring import show

    if as_json:
        print_json(show.document(report, **about))
        return
    from cli.output import console

    show.show(console(), report, words)


def _list(*, as_json: bool) -> None:
    from cli.doctoring import show

    if as_json:
        rows = [
            {"id": name, "subject": subject, "what": what} for subject, found in show.listed() for name, what in found
        ]
        print_json({"schema": "voltaic/failures/v1", "failures": rows})
        return
    from rich.text import Text

    from cli import render
    from cli.output import console

    screen, count = console(), 0
    for subject, found in show.listed():
        count += len(found)
        render.paragraph(screen, Text(subject, style="bold"))
        for name, what in found:
            render.hanging(screen, Text.assemble((name, "bold"), f"  {what}"))
        screen.print()
    render.paragraph(screen, Text(f"{count} failures. docs/reference/doctor.md has ways out, examples and sources."))
