"""`voltaic model`: serve another model, judged before it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import complete
from cli.cluster.options import StackOption  # noqa: TC001  typer reads it
from cli.command import Command
from cli.set import DryRunOption, ForceOption, JsonOption, TakeOption  # noqa: TC001  the same

if TYPE_CHECKING:
    from cli.pull_request.model import Side

HELP = """Serve another model: the shortcut for voltaic set model ID.

Limits that the stack does not state are derived anew for the model. Those that it states are kept and judged: where
they do not fit, the proven ways out are listed, and --take NUMBER takes one. A revision belongs to its model and goes
with the old one. Without ID it says which model the stack serves.
"""
EXAMPLES = """\b
Examples:
  voltaic model microsoft/phi-2
  voltaic model Qwen/Qwen2.5-7B-Instruct --dry-run
  voltaic model meta-llama/Llama-2-13b-chat-hf --take 1

Exit codes: 0 written, 1 refused, 2 bad input or usage, 3 unknown (--force-unknown writes it).
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command = app.command(
        "model",
        cls=Command,
        help=HELP,
        epilog=EXAMPLES,
        short_help="Serve another model, judged first.",
        rich_help_panel="Set up",
    )
    command(model)


def model(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Repository id of the model.", autocompletion=complete.models),
    ] = None,
    *,
    revision: Annotated[
        str | None, typer.Option(metavar="R", help="Commit, tag or branch. Default: the main branch.")
    ] = None,
    stack: StackOption = None,
    take: TakeOption = None,
    dry_run: DryRunOption = False,
    force_unknown: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Serve another model."""
    from cli.editing import run
    from cli.editing.request import InvalidRequest, changes
    from cli.set import apply

    options = run.Options("model", dry_run=dry_run, force_unknown=force_unknown, as_json=as_json, take=take)
    if name is None:
        if revision or take or dry_run or force_unknown:
            run.usage("model", ["ID: missing; name the model to serve"], as_json=as_json)
        _show(options, stack)
        return
    words = [f"model={name}", *([f"modelRevision={revision}"] if revision else [])]
    try:
        asked: dict[str, Any] = changes(words, stack=stack)
    except InvalidRequest as fault:
        run.usage("model", fault.faults, as_json=as_json)
    apply(options, stack, asked if revision else {**asked, "modelRevision": None})


def _show(options: Any, stack: str | None) -> None:
    """Print which model a stack serves."""
    from cli.editing import run
    from cli.output import print_json

    edit = run.prepared(options, stack, {})
    side: Side = edit.after
    if options.as_json:
        model = edit.verdict.spec.model
        print_json({"schema": "voltaic/model/v1", "stack": edit.stack, "model": model.id, "revision": model.revision})
    else:
        print(f"{edit.stack}: {side.subject}")
        fits = f"voltaic models --fits {side.stated['profile']}"
        print(f"Another one: voltaic model ID; those that these GPUs take: {fits}")
    raise typer.Exit(edit.verdict.exit_code)
