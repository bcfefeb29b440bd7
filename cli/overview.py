"""`voltaic --help`: the list of commands, printed without loading any of them.

Making all commands takes longer than everything else that help does; of each it shows a panel and a line. A test holds
this list against what the commands say of themselves.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHOWN: Final = (
    ("plan", "Judge", "Judge one spec, a batch, or a grid."),
    ("limits", "Judge", "Say the largest limits that are safe."),
    ("check", "Judge", "Judge the model servers in manifests."),
    ("preview", "Judge", "Preview stacks, and write the comment of a pull request."),
    ("policy-pack", "Judge", "Print the folder of the policy pack."),
    ("rules", "Look up", "List the rules, or explain one."),
    ("engines", "Look up", "Print what engines do, by release and GPU."),
    ("models", "Look up", "List, show, add and remove models."),
    ("init", "Set up", "Make a stack, judged first."),
    ("login", "Set up", "Check a kubeconfig, or take one over."),
    ("preflight", "Set up", "Ask whether a namespace has what a stack needs."),
    ("set", "Set up", "Change settings of a stack, judged first."),
    ("model", "Set up", "Serve another model, judged first."),
    ("scale", "Set up", "Choose GPUs, shards and replicas."),
    ("up", "Operate", "Deploy a stack, and tell how it starts."),
    ("destroy", "Operate", "Take a stack down; data stays."),
    ("import-config", "Set up", "Make a stack from an old configuration."),
    ("status", "Operate", "Show what a stack is doing now."),
    ("monitor", "Operate", "Watch what a stack is doing."),
    ("doctor", "Operate", "Say why it fails, and what mends it."),
    ("logs", "Operate", "Print and follow the logs of all pods."),
    ("forward", "Operate", "Reach API and chat page on local ports."),
    ("chat", "Operate", "Ask the served model a question."),
    ("test", "Operate", "Test whether server and chat page answer."),
    ("bench", "Operate", "Measure how fast the model answers."),
    ("cleanup", "Operate", "Take away what stacks left behind."),
)
"""Name, panel and line of every command, in the order in which help shows them."""
ASKED: Final = ((), ("--help",), ("-h",))


def wanted(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the words ask for the list of commands alone; completion, which has no words, does not."""
    return tuple(words) in ASKED and not any(name.startswith("_VOLTAIC") for name in environment)


def show(words: Sequence[str]) -> None:
    """Print the list of commands."""
    from cli.command import Command
    from cli.program import program

    app = program()
    for name, panel, line in SHOWN:
        app.command(name, cls=Command, short_help=line, rich_help_panel=panel)(_nothing)
    app(list(words), prog_name="voltaic")


def _nothing() -> None:
    """Stand in for a command."""
