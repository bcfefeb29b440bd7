"""The classes of our commands: arguments stay the text that was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterable


class _AsTyped:
    """Hands a value through: all our parameters are text or switches, and each command says itself what is wrong."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        del ctx
        return () if value is None and (param.multiple or param.nargs == -1) else value


def _keep_as_typed(params: Iterable[Any]) -> None:
    """Spare typer the import of pydantic (100 ms a call), which it would use to turn text into text."""
    for param in params:
        if hasattr(param, "_runtime_param"):
            param._runtime_param = _AsTyped()  # noqa: SLF001  there is no public way; without it all works, slower


class Command(TyperCommand):
    """A command that starts without pydantic."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _keep_as_typed(self.params)


class Group(TyperGroup):
    """The program itself, which starts without pydantic."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _keep_as_typed(self.params)
