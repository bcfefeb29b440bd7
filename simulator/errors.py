"""The one error that people see, and how they see it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class SimulatorError(Exception):
    """The simulated cluster cannot do what was asked; the message says why and what to do next."""


def run_with_one_message(program: str, work: Callable[[], object]) -> None:
    """Run a command line; what can be expected to fail ends with one message and exit code 1, without a traceback.

    Args:
        program: named at the head of the message.
        work: the command line.
    """
    try:
        work()
    except SimulatorError as error:
        message = "\n".join([str(error), *getattr(error, "__notes__", [])])
    except subprocess.TimeoutExpired as error:
        message = f"{error.cmd[0]} did not end within {error.timeout:.0f} s"
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    else:
        return
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(1)
