"""The program itself as typer reads it, without any command: its help, and what stands before a command."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.command import Group

HELP = "Say, before anything is applied, whether a model server starts on these GPUs, why (not), and what to change."


def program() -> typer.Typer:
    """Return the program without commands."""
    made = typer.Typer(
        name="voltaic",
        cls=Group,
        help=HELP,
        epilog="Exit codes: 0 accepted, 1 refused, 2 bad input or usage, 3 unknown.",
        rich_markup_mode=None,  # plain help text: it is fast, and reads well in narrow terminals and in logs
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    made.callback()(_root)
    return made


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the shape of an option callback
    if wanted:
        from importlib.metadata import version

        print(f"voltaic {version('voltaic')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version
