"""`voltaic set`: change settings of a stack, judged before they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster.options import StackOption  # noqa: TC001  typer reads it
from cli.command import Command
from cli.editing import complete

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cli.editing.edit import Edit

HELP = """Change settings of a stack, if what they make starts.

Shows the VRAM bill before and after, what restarts and for how long, and writes the stack file: comments, order, quotes
and encrypted values stay as they are. What would fail is refused, with proven ways out, and the file stays untouched.
KEY- (or --unset KEY) removes a key: then it is derived. Secrets are not taken here: pulumi config set --secret KEY
"""
EXAMPLES = """\b
Examples:
  voltaic set maxTotalTokens 8192
  voltaic set model=microsoft/phi-2 modelRevision- --dry-run
  voltaic set quantization awq --take 1
  voltaic set --undo

Exit codes: 0 written, 1 refused, 2 bad input or usage, 3 unknown (--force-unknown writes it).
"""

TakeOption = Annotated[
    str | None,
    typer.Option("--take", metavar="NUMBER", help="Where it is refused, take the way out of this number."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Judge and show, write nothing.")]
ForceOption = Annotated[
    bool,
    typer.Option("--force-unknown", help="Write what cannot be judged for want of facts; never what is refused."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one edit document on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "set",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Change settings of a stack, judged first.",
        rich_help_panel="Set up",
    )
    command(set_)


def set_(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY VALUE…",
            help="Settings: KEY VALUE, KEY=VALUE, or KEY- to remove.",
            autocompletion=complete.pairs,
        ),
    ] = None,
    *,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="KEY", help="Remove a key.", autocompletion=complete.keys),
    ] = None,
    stack: StackOption = None,
    take: TakeOption = None,
    dry_run: DryRunOption = False,
    force_unknown: ForceOption = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last change of this program back.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Change settings of a stack."""
    from cli.editing import run
    from cli.editing.request import InvalidRequest, changes

    options = run.Options("set", dry_run=dry_run, force_unknown=force_unknown, as_json=as_json, take=take)
    if undo:
        if words or unset or take or force_unknown:
            run.usage("set", ["--undo stands alone, beside --stack, --dry-run and --json"], as_json=as_json)
        raise typer.Exit(run.undo(options, stack))
    if not words and not unset:
        run.usage("set", ["nothing to change; give KEY VALUE, KEY=VALUE, KEY- or --undo"], as_json=as_json)
    try:
        asked = changes(words or (), unset or (), stack=stack)
    except InvalidRequest as fault:
        run.usage("set", fault.faults, as_json=as_json)
    apply(options, stack, asked)


def apply(options: Any, stack: str | None, asked: Mapping[str, Any], notes: tuple[str, ...] = ()) -> None:
    """Make a change of a stack that exists, and end the command with its exit code."""
    from cli.editing import run

    def again(values: Mapping[str, Any]) -> Edit:
        return run.prepared(options, stack, values)

    edit, said = run.taken(options, again(asked), again)
    raise typer.Exit(run.finish(options, edit, [*notes, *said, *of_revision(edit)]))


def of_revision(edit: Edit) -> list[str]:
    """Return what is to be said where a revision of the old model stays beside a new one."""
    keys = {change.key for change in edit.changes}
    revision = edit.after.stated.get("modelRevision")
    if "model" not in keys or "modelRevision" in keys or revision is None:
        return []
    return [f"modelRevision {revision} was one of the old model; remove it with: voltaic set modelRevision-"]
