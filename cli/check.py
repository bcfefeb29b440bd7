"""`voltaic check`: the verdict on every model server in Kubernetes manifests, and what else is wrong around it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.command import Command
from cli.complete import profiles
from cli.output import exit_code, fail, fault_text, print_json
from cli.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.check_run import Run
    from voltaic.hardware import Profile
    from voltaic.levels import Levels

FORMATS: Final = ("text", "json", "sarif", "github")
FAIL_ON: Final = ("mandatory", "advisory")

HELP = """Judge the model servers in Kubernetes manifests: files, folders (recursively), or - for stdin.

Every server gets its verdict, and every pod with a server or a chat page is read by the rules of `voltaic rules`: what
they find in the manifests of others is advice, unless --levels says otherwise. What is not a model server is listed
and never refused.
"""
EXAMPLES = """\b
Examples:
  voltaic check manifests/
  helm template my-chart | voltaic check - --profile v100-2gpu --json
  voltaic check k8s/ --format sarif > voltaic.sarif
  voltaic check k8s/ --fail-on advisory --levels levels.json

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


def _formats(incomplete: str) -> list[str]:
    return [name for name in FORMATS if name.startswith(incomplete)]


def _fail_on(incomplete: str) -> list[str]:
    return [name for name in FAIL_ON if name.startswith(incomplete)]


def check(
    paths: Annotated[list[str], typer.Argument(metavar="PATH|-", help="Files, folders, or - for stdin.")],
    *,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="GPUs of manifests that do not name a GPU model.", autocompletion=profiles),
    ] = None,
    format: Annotated[  # noqa: A002  the option's name
        str | None,
        typer.Option(metavar="|".join(FORMATS), help="What to print on stdout.", autocompletion=_formats),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    fail_on: Annotated[
        str,
        typer.Option(
            metavar="|".join(FAIL_ON),
            help="Least level of a violation that refuses; one that is waived never does.",
            autocompletion=_fail_on,
        ),
    ] = FAIL_ON[0],
    levels: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="JSON or YAML with levels by rule, as --policy-pack-config takes it."),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="As text: only what decides the exit code, and the numbers.")
    ] = False,
) -> None:
    """Judge every model server in the manifests, and read what is around it."""
    form = _form(format, as_json=as_json)
    faults = [] if fail_on in FAIL_ON else [f"--fail-on: {fail_on!r} is none; there are {', '.join(FAIL_ON)}"]
    gpus = _profile(profile, faults)
    held = _levels(levels, faults)
    if faults:
        fail("check", faults, as_json=form == "json")
    strict = fail_on == "advisory"
    found = _run(paths, gpus, held)
    code = _exit_code(found, strict=strict)
    _print(found, form, code, quiet=quiet, strict=strict)
    for one in found.unreadable if form != "github" else ():
        faults = [printable(fault) for fault in one.faults]
        print(fault_text(f"voltaic check: {printable(one.file)}", faults), file=sys.stderr)
    raise typer.Exit(code)


def _form(asked: str | None, *, as_json: bool) -> str:
    """Return the format that is asked for."""
    if asked is not None and asked not in FORMATS:
        fail("check", [f"--format: {asked!r} is none; there are {', '.join(FORMATS)}"], as_json=as_json)
    if as_json and asked not in {None, "json"}:
        fail("check", [f"--json, --format {asked}: both write to stdout; give one"], as_json=True)
    return "json" if as_json else asked or "text"


def _profile(name: str | None, faults: list[str]) -> Profile | None:
    from voltaic import hardware

    try:
        return None if name is None else hardware.profile(name)
    except hardware.UnknownProfile as unknown:
        faults.append(f"--profile: {unknown}")
        return None


def _levels(file: str | None, faults: list[str]) -> Levels | None:
    if file is None:
        return None
    from cli.manifest_files import Unreadable, read
    from voltaic import levels
    from voltaic.rules import catalogue

    found = read(file)
    if isinstance(found, Unreadable):
        faults += [f"--levels {file}: {fault}" for fault in found.faults]
        return None
    try:
        content = found.documents[0] if len(found.documents) == 1 else None
        return levels.read(content, levels.policies(catalogue.catalogue()))
    except levels.InvalidLevels as invalid:
        faults += [f"--levels {file}: {fault}" for fault in invalid.faults]
        return None


def _run(paths: Sequence[str], profile: Profile | None, levels: Levels | None) -> Run:
    from cli.check_progress import progress
    from cli.check_run import run
    from cli.garbage import rare_collections

    if "-" in paths and sys.stdin.isatty():
        print("voltaic check: reads manifests from the terminal; end with Ctrl-D", file=sys.stderr)
    with rare_collections(), progress() as advance:
        return run(paths, profile=profile, levels=levels, advance=advance)


def _exit_code(found: Run, *, strict: bool) -> int:
    verdicts: list[str] = [one.checked.judgement for one in found.judged]
    if strict and any(told.said.counts for one in found.judged for told in one.told):
        verdicts.append("refuse")
    return exit_code(verdicts, bad_input=bool(found.unreadable))


def _print(found: Run, form: str, code: int, *, quiet: bool, strict: bool) -> None:
    """Print what was found, and nothing else, on stdout."""
    if form == "json":
        from cli.check_document import document

        print_json(document(found))
    elif form == "sarif":
        from cli import check_sarif

        print_json(check_sarif.document(found, exit_code=code))
    elif form == "github":
        from cli import check_github

        check_github.show(found)
    elif found.files:
        from cli import check_text
        from cli.output import console

        check_text.show(console(), found, quiet=quiet, strict=strict)
