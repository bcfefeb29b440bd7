"""The `voltaic` command as typer reads it: its options and sub-commands."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Final

import typer

from cli.command import Group

COMMANDS: Final = (
    "plan",
    "limits",
    "check",
    "preview",
    "policy-pack",
    "rules",
    "models",
    "engines",
    "login",
    "preflight",
    "status",
    "monitor",
    "cleanup",
)
"""Commands in the order in which help lists them; a module of `cli` of the same name, `-` as `_`, adds each."""

app = typer.Typer(
    name="voltaic",
    cls=Group,
    help="Say, before anything is applied, whether a model server starts on these GPUs, why (not), and what to change.",
    epilog="Exit codes: 0 accepted, 1 refused, 2 bad input or usage, 3 unknown.",
    rich_markup_mode=None,  # plain help text: it is fast, and reads well in narrow terminals and in logs
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the shape of an option callback
    if wanted:
        from importlib.metadata import version

        print(f"voltaic {version('voltaic')}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version


def _asked(words: list[str]) -> tuple[str, ...]:
    """Return the commands that these words may be about: the one that is named, else all of them."""
    return tuple(words[1:2]) if words[1:2] and words[1] in COMMANDS else COMMANDS


# A command takes longer to be made than to give a verdict: only the one that is asked for is.
for _name in _asked(sys.argv):
    import_module(f"cli.{_name.replace('-', '_')}").register(app)
