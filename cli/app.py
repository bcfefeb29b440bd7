"""The `voltaic` command as typer reads it, with its sub-commands."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

from cli.program import program

COMMANDS: Final = (
    "plan",
    "limits",
    "check",
    "preview",
    "policy-pack",
    "rules",
    "models",
    "engines",
    "init",
    "login",
    "preflight",
    "set",
    "model",
    "scale",
    "import-config",
    "up",
    "destroy",
    "status",
    "monitor",
    "doctor",
    "logs",
    "forward",
    "chat",
    "test",
    "bench",
    "cleanup",
)
"""Commands in the order in which help lists them; a module of `cli` of the same name, `-` as `_`, adds each.

Each has its line in `cli.overview` too.
"""

app = program()


def _asked(words: list[str]) -> tuple[str, ...]:
    """Return the commands that these words may be about: the one that is named, else all of them."""
    return tuple(words[1:2]) if words[1:2] and words[1] in COMMANDS else COMMANDS


# A command takes longer to be made than to give a verdict: only the one that is asked for is.
for _name in _asked(sys.argv):
    import_module(f"cli.{_name.replace('-', '_')}").register(app)
