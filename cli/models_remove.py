"""`voltaic models remove`: take back what `voltaic models add` wrote."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

import typer

from cli.command import Command
from cli.complete import added_models
from cli.output import fail

HELP = """Remove a model that was added. What comes with voltaic stays, and is seen again if an added one hid it."""
EXAMPLES = "Example: voltaic models remove Qwen/Qwen2.5-7B-Instruct-1M"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("remove", cls=Command, help=HELP, epilog=EXAMPLES, short_help="Remove a model that was added.")(remove)


def remove(
    model_id: Annotated[str, typer.Argument(metavar="ID", help="Repository id.", autocompletion=added_models)],
) -> None:
    """Remove a model that was added."""
    from voltaic.models import catalogue_files, known, known_model

    wanted = model_id.strip().lower()
    for folder in catalogue_files.folders():
        found = catalogue_files.names(folder).get(wanted)
        if found is None or folder == catalogue_files.SHIPPED:
            continue
        file = folder / catalogue_files.file_name(found)
        try:
            file.unlink()
        except OSError as error:
            fail("models remove", [f"{file}: cannot be removed: {error.strerror or error}"])
        known.forget()
        print(f"Removed {found}: {file}")
        return
    if known_model(model_id) is not None:
        fail("models remove", [f"{model_id}: comes with voltaic and was not added; only what was added is removed"])
    close = get_close_matches(model_id, added_models(""), n=1)
    hint = f"did you mean {close[0]}?" if close else "voltaic models --added lists those that were"
    fail("models remove", [f"{model_id!r}: no model of this id was added; {hint}"])
