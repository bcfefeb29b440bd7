"""`voltaic import-config`: an old shell configuration, or a manifest, as a stack that starts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import complete
from cli.cluster.options import NamespaceOption  # noqa: TC001  typer reads it
from cli.command import Command
from cli.set import DryRunOption, ForceOption, JsonOption, TakeOption  # noqa: TC001  the same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.editing.edit import Edit
    from cli.editing.importing import Imported
    from cli.editing.run import Options
    from voltaic.imports.old import Line, Translation

HELP = """Make a stack from an old configuration: config.sh of the V100 scripts, or a Kubernetes manifest.

The file is read and never run. Says line by line what was taken over, what would not have worked and what replaces it,
whether the old server would have started, and writes the stack file after judging it. Tokens are neither printed nor
written: the command that sets each as a secret is told.
"""
EXAMPLES = """\b
Examples:
  voltaic import-config configs/config.sh
  voltaic import-config deployment.yaml --profile v100-2gpu --dry-run

Exit codes: 0 written, 1 refused, 2 bad input or usage, 3 unknown (--force-unknown writes it).
"""
SCHEMA = "voltaic/import/v1"
STYLES = {
    "replaced": "bold red",
    "refused": "bold red",
    "unreadable": "bold yellow",
    "unknown": "yellow",
    "secret": "bold",
    "taken": "green",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "import-config",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Make a stack from an old configuration.",
        rich_help_panel="Set up",
    )
    command(import_config)


def import_config(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="config.sh, a manifest, or - for stdin.")],
    *,
    stack: Annotated[
        str | None, typer.Option("--stack", "-s", metavar="NAME", help="Name of the stack. Default: the profile's.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="GPUs in place of those of the file.", autocompletion=complete.profiles),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Model in place of that of the file.", autocompletion=complete.models),
    ] = None,
    namespace: NamespaceOption = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Server of a manifest with several.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace a stack file without asking.")] = False,
    take: TakeOption = None,
    dry_run: DryRunOption = False,
    force_unknown: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a stack from an old configuration."""
    from cli.editing import run
    from cli.editing.edit import NotEditable, find, prepare
    from cli.editing.importing import NotReadable, imported, read
    from cli.editing.request import InvalidRequest, changes
    from cli.init import agreement, stack_name

    options = run.Options("import-config", dry_run=dry_run, force_unknown=force_unknown, as_json=as_json, take=take)
    beside = {"profile": profile, "model": model, "namespace": namespace}
    try:
        found = read(file, _text(file), name=name, profile=profile)
        given = changes([f"{key}={value}" for key, value in beside.items() if value is not None])
        _complete(found, given)
        chosen = stack or stack_name(str(given.get("profile") or found.settings["profile"]))
        project = find(Path.cwd())
        made = imported(project, chosen, found, given)

        def again(values: Mapping[str, Any]) -> Edit:
            return prepare(project, chosen, values, afresh=True)

        if not as_json:
            _show(made)
        edit, notes = run.taken(options, made.edit, again)
    except NotReadable as fault:
        run.usage("import-config", [str(fault)], as_json=as_json)
    except (NotEditable, InvalidRequest) as fault:
        run.usage("import-config", fault.faults, as_json=as_json)
    agree = None if edit.old is None else agreement(edit, yes=yes)
    if as_json:
        _finish_as_json(options, made, edit, notes, yes=yes)
    raise typer.Exit(run.finish(options, edit, [*notes, *_secrets(made, edit)], agree=agree))


def _text(file: str) -> str:
    """Return what a file holds.

    Raises:
        NotReadable: it cannot be read, or is no text.
    """
    from cli.editing.importing import LARGEST, NotReadable

    try:
        if file == "-":
            content = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(LARGEST + 1)
    except OSError as fault:
        raise NotReadable(f"{file}: {fault.strerror or fault}") from None
    if len(content) > LARGEST:
        raise NotReadable(f"{file}: larger than {LARGEST // 1024} KiB; no configuration is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotReadable(f"{file}: not UTF-8 text") from None


def _complete(found: Translation, given: Mapping[str, Any]) -> None:
    """Check that profile and model are known, from the file or beside it."""
    from cli.editing.request import InvalidRequest

    known = {**found.settings, **given}
    missing = {
        "profile": "--profile: the file does not say which GPUs (GPU_TYPE, GPU_COUNT): name them, such as v100-2gpu",
        "model": "--model: the file names no model: name it",
    }
    if faults := [said for key, said in missing.items() if key not in known]:
        raise InvalidRequest(faults)


def _finish_as_json(options: Options, made: Imported, edit: Edit, notes: list[str], *, yes: bool) -> None:
    """Print one document on stdout, and end the command."""
    from cli.editing import run
    from cli.editing.document import document
    from cli.output import REFUSE, print_json
    from voltaic.document import plan_document
    from voltaic.verdict import judge

    code, written = run.settled(options, edit, agreed=edit.old is None or yes)
    old = made.translation.old
    print_json(
        {
            "schema": SCHEMA,
            "lines": [_line_document(line) for line in made.lines],
            "old": None if old is None else plan_document(judge(old)),
            "old_unknown_because": made.translation.old_because or None,
            "edit": document(edit, written=written, notes=[*notes, *_secrets(made, edit)]),
        }
    )
    if edit.old is not None and not yes and not code and not options.dry_run:
        print(f"{edit.path.name} is there already; agree beforehand with --yes.", file=sys.stderr)
        code = REFUSE
    raise typer.Exit(code)


def _line_document(line: Line) -> dict[str, Any]:
    return {
        "where": line.where,
        "name": line.name,
        "value": line.value,
        "outcome": line.outcome,
        "says": line.says,
        "key": line.key,
        "source": None if line.source is None else str(line.source),
    }


def _secrets(made: Imported, edit: Edit) -> list[str]:
    """Return the commands that set what was secret in the old file, once each."""
    keys = dict.fromkeys(line.key for line in made.lines if line.outcome == "secret" and line.key == "hfToken")
    return [
        f"Set the token, typed at the prompt: pulumi config set --secret {key} --stack {edit.stack}" for key in keys
    ]


def _show(made: Imported) -> None:
    """Print the old server's verdict, and what became of each line."""
    from rich.text import Text

    from cli import render
    from cli.output import console
    from voltaic.verdict import judge

    screen, old = console(), made.translation.old
    render.paragraph(screen, Text("As it was", style="bold"))
    if old is None:
        render.indented(screen, Text(f"Whether it started is not known: {made.translation.old_because}."))
    else:
        verdict = judge(old)
        render.indented(screen, render.headline(verdict.verdict, render.subject(old)))
        for finding in verdict.answers:
            render.indented(screen, Text(f"{finding.rule}: {finding.message}"))
    screen.print()
    render.paragraph(screen, Text("Line by line", style="bold"))
    for line in made.lines:
        value = "" if line.value is None else f"={line.value}"
        named = f"{line.name}{value}" if line.name else ""
        head = f"{line.where}  {named}  " if named else f"{line.where}  "
        render.hanging(screen, Text.assemble(head, (line.outcome, STYLES.get(line.outcome, "")), f": {line.says}"))
    screen.print()
    render.paragraph(screen, Text("As a stack", style="bold"))
