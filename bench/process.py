"""What one process takes: wall time, processor time, and memory at the highest."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LAUNCHER: Final = """\
import json, os, resource, sys, time
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))  # what hangs ends, whoever waits for it
started = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
with open(sys.argv[1], "w") as out:
    json.dump([os.waitstatus_to_exitcode(status), time.perf_counter() - started,
               used.ru_utime + used.ru_stime, used.ru_maxrss * 1024], out)
"""
"""A small process between this one and the one that is measured.

Linux counts into the highest memory of a process what the one that started it held: that has to be little.
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took."""

    code: int
    """Exit code."""
    seconds: float
    """Wall time."""
    processor: float
    """Seconds of processor time, which other work on the machine does not lengthen."""
    memory: int
    """Bytes of resident memory at the highest."""


def cost(
    command: Sequence[str],
    scratch: Path,
    *,
    cwd: Path,
    stdin: IO[Any] | int = subprocess.DEVNULL,
    stdout: IO[Any] | int = subprocess.DEVNULL,
    stderr: IO[Any] | int = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
) -> Cost:
    """Run a command to its end, and return what it took.

    Args:
        command: the program, by its path, and its arguments.
        scratch: a file that may be written.
        cwd: where it runs.
        stdin: what it reads.
        stdout: where it writes.
        stderr: where its faults go.
        env: its environment; that of this process by default.
    """
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, str(scratch), *command],
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        check=True,
    )
    return Cost(*json.loads(scratch.read_text("utf-8")))
