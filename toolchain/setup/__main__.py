"""Command line of set-up: ``python3 -m toolchain.setup COMMAND``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from toolchain.setup import clean, environment, pins, processes, shell, tools
from toolchain.setup.console import note
from toolchain.setup.errors import InterruptedBuildError, SetupError
from toolchain.setup.layout import find_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolchain.setup.layout import Layout

_COMMANDS = {
    "all": "the Python environment, the tools and the environment file; quick when nothing has changed",
    "python": "the Python environment alone",
    "tools": "the tools and the environment file alone",
    "env": "print the environment file",
    "lock": "write requirements.txt anew from pyproject.toml",
    "clean": "remove everything that was made in this checkout",
    "clean-cache": "remove the built tool chain that all checkouts share",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 bad usage, 128 + N stopped by signal N."""
    parser = argparse.ArgumentParser(prog="python3 -m toolchain.setup", description="Set this checkout up.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text)
        if name == "lock":
            command.add_argument("--upgrade", action="store_true", help="take the newest versions that are allowed")
    options = parser.parse_args(arguments)
    processes.stop_on_signals()
    try:
        _run(options, find_layout(os.environ))
    except SetupError as error:
        note(f"set-up failed: {error}")
        return 1
    except OSError as error:  # a full disk, a folder that may not be written
        note(f"set-up failed: {error}")
        return 1
    except InterruptedBuildError as stop:
        note("set-up was stopped; what is done so far is kept, and the next `make setup` goes on from there")
        return 128 + stop.signum
    return 0


def _run(options: argparse.Namespace, layout: Layout) -> None:
    """Run the chosen command."""
    match options.command:
        case "clean":
            clean.checkout(layout, os.environ)
        case "clean-cache":
            clean.cache(layout)
        case "lock":
            pins.lock(layout, os.environ, upgrade=options.upgrade)
        case "env":
            sys.stdout.write(shell.read(layout))
        case command:
            if command in {"all", "python"}:
                environment.ensure(layout, os.environ)
                environment.compile_sources(layout)
            if command in {"all", "tools"}:
                shell.write(layout, tools.ensure(layout, os.environ))
                shell.write_completions(layout)


if __name__ == "__main__":
    sys.exit(main())
