"""Running other programs: their output followed line by line, and nothing left behind when set-up is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from typing import TYPE_CHECKING

from toolchain.setup.errors import InterruptedBuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

#: Lines of a program's output that are kept for the message when it fails.
_KEPT_LINES = 25
#: Seconds that a stopped program has to end.
_PATIENCE = 5.0


class ProgramError(Exception):
    """A program ended with another exit code than 0.

    Args:
        command: what was run.
        code: its exit code; negative for a signal.
        tail: the last lines that it printed.
    """

    def __init__(self, command: Sequence[str], code: int, tail: Sequence[str]) -> None:
        super().__init__(f"{command[0]} ended with exit code {code}")
        self.code = code
        self.tail = tuple(tail)


def stop_on_signals() -> None:
    """Turn the signals that end a program into an exception, so that children are ended and temporary files removed."""

    def stop(signum: int, _frame: FrameType | None) -> None:
        raise InterruptedBuildError(signum)

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, stop)


def follow(
    command: Sequence[str],
    line: Callable[[str], None],
    *,
    environ: Mapping[str, str],
    folder: Path,
) -> None:
    """Run a program to its end and hand each line that it prints, on either stream, to ``line``.

    The program gets a process group of its own: when this process is stopped, the whole group is.

    Raises:
        ProgramError: if it fails.
    """
    tail: deque[str] = deque(maxlen=_KEPT_LINES)
    process = subprocess.Popen(
        command,
        env=dict(environ),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101  asked for above
        with process.stdout as output:
            for raw in output:
                text = raw.rstrip("\n")
                tail.append(text)
                line(text)
        code = process.wait()
    except BaseException:
        _end(process)
        raise
    if code != 0:
        raise ProgramError(command, code, tail)


def output(command: Sequence[str], *, environ: Mapping[str, str], folder: Path, timeout: float | None = None) -> str:
    """Return what a program prints on its standard output.

    Raises:
        ProgramError: if it fails, cannot be started, or takes longer than ``timeout`` seconds.
    """
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise ProgramError(command, 127, [str(error)]) from error
    except subprocess.TimeoutExpired as error:
        raise ProgramError(command, 124, [f"no answer within {timeout} s"]) from error
    if done.returncode != 0:
        raise ProgramError(command, done.returncode, done.stderr.splitlines()[-_KEPT_LINES:])
    return done.stdout


def _end(process: subprocess.Popen[str]) -> None:
    """End a process group: politely first."""
    for signum in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, signum)
        except ProcessLookupError:
            return
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            continue
