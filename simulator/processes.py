"""The processes of a cluster, found by the folder that they were started from.

Every component is started through a link in `CLUSTER/bin/`, so the first word of its command line names the cluster.
That outlives lost pid files and removed folders, and a reused process id cannot be mistaken for one of ours.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from simulator.errors import SimulatorError

# in the order in which they are stopped; etcd last, for the API server writes to it until the end
COMPONENTS = ("kwok-controller", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
GRACE_SECONDS = 3.0  # etcd needs it to end its log cleanly; the others lose nothing
STARTER = "kwokctl"  # outlives a start that was killed, and goes on starting components
KILL_SECONDS = 5.0
PS_SECONDS = 10


def running(folder: Path) -> dict[str, list[int]]:
    """Process ids by component, of the cluster in this folder."""
    prefix = f"{folder}/bin/"
    found: dict[str, list[int]] = {}
    for pid, program in programs():
        if program.startswith(prefix):
            found.setdefault(program.removeprefix(prefix), []).append(pid)
    return found


def folders() -> set[Path]:
    """The folder of every program that runs from a `bin/` in it, clusters among them."""
    return {path.parents[1] for _, program in programs() if (path := Path(program)).parent.name == "bin"}


def stop(folder: Path) -> int:
    """Stop every process of the cluster in this folder and return how many there were.

    Raises:
        SimulatorError: one of them is still there after SIGKILL.
    """
    for pid in running(folder).get(STARTER, []):
        _signal(pid, signal.SIGKILL)
    if not _gone(folder, STARTER, KILL_SECONDS):
        raise SimulatorError(f"{STARTER} of {folder} does not end, not even by SIGKILL")
    found = running(folder)
    for component in [*COMPONENTS, *(name for name in found if name not in COMPONENTS)]:
        # the API server would wait for its watchers to go; it holds no state, so it is not asked
        first = signal.SIGTERM if component == "etcd" else signal.SIGKILL
        for pid in found.get(component, []):
            _signal(pid, first)
        if component == "etcd" and not _gone(folder, component, GRACE_SECONDS):
            for pid in found[component]:
                _signal(pid, signal.SIGKILL)
    for component, pids in found.items():
        if not _gone(folder, component, KILL_SECONDS):
            raise SimulatorError(f"{component} (process {pids}) of {folder} does not end, not even by SIGKILL")
    return sum(len(pids) for pids in found.values())


def _gone(folder: Path, component: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while running(folder).get(component):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def programs() -> list[tuple[int, str]]:
    """Process id and program (first word of the command line) of what runs; ended processes have none."""
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        return [(int(path.name), program) for path in proc.glob("[0-9]*") if (program := _program(path))]
    ps = shutil.which("ps")
    if not ps:
        raise SimulatorError("neither /proc nor `ps` is there: the simulator cannot see which processes run")
    command = [ps, "-axww", "-o", "pid=,command="]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PS_SECONDS).stdout
    pairs = (line.strip().partition(" ") for line in output.splitlines())
    return [(int(pid), _first_word(rest)) for pid, _, rest in pairs if rest]


def _first_word(command: str) -> str:
    """The program in a line of `ps`: our folders may hold blanks, our arguments start with two dashes."""
    return command.strip().partition(" --")[0]


def _program(path: Path) -> str:
    try:
        return os.fsdecode((path / "cmdline").read_bytes().partition(b"\0")[0])
    except OSError:  # ended, or of another user
        return ""
