"""The classes of our commands: arguments stay the text that was typed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli.output import BROKEN_PIPE, error_document, leave_quietly, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What is wrong with the words of a command line, of whichever click this typer is built on."""


class _AsTyped:
    """Hands a value through: all our parameters are text or switches, and each command says itself what is wrong."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        del ctx
        return () if value is None and (param.multiple or param.nargs == -1) else value


def _kept_as_typed(params: list[Any]) -> list[Any]:
    """Spare typer the import of pydantic (100 ms a call), which it would use to turn text into text."""
    for param in params:
        if hasattr(param, "_runtime_param"):
            param._runtime_param = _AsTyped()  # noqa: SLF001  there is no public way; without it all works, slower
        if getattr(param, "param_type_name", "") == "argument":
            param.display_type_rich = _nothing  # help says in words what an argument is, not `<str>`
    return params


def _nothing(**_: Any) -> str:
    return ""


@contextmanager
def _told(words: list[str]) -> Iterator[None]:
    """Name the option that was perhaps meant; where a document is asked for, the fault is one too."""
    asked = "--json" in words
    try:
        yield
    except UsageError as fault:
        if meant := getattr(fault, "possibilities", None):
            fault.message += f"; did you mean {' or '.join(sorted(meant))}?"  # type: ignore[attr-defined]
            fault.possibilities = None  # type: ignore[attr-defined]
        if asked:
            print_json(error_document([fault.format_message()]))  # type: ignore[attr-defined]
        raise


class Command(TyperCommand):
    """A command that starts without pydantic, and ends quietly where nobody reads on."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command."""
        with _told(args):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; where its output is a pipe that was closed, end as shells expect it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            leave_quietly()
            raise typer.Exit(BROKEN_PIPE) from None

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, those that typer adds by itself included."""
        return _kept_as_typed(super().get_params(ctx))


class Group(TyperGroup):
    """The program itself, which starts without pydantic."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words before the command."""
        with _told(args):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is named."""
        with _told(args):
            return super().resolve_command(ctx, args)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, those that typer adds by itself included."""
        return _kept_as_typed(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands by what they are for, in the order in which they were added."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                group = getattr(command, "rich_help_panel", None) or "Commands"
                groups.setdefault(str(group), []).append((name, command.get_short_help_str(formatter.width)))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows)
