"""The real Pulumi, stopped in the middle: no process of a program or policy pack is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

PROGRAM = """\
import os, subprocess, time
child = subprocess.Popen(["sleep", "600"])
with open("pids.part", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename("pids.part", "pids")
time.sleep(600)
"""
PACK = """\
import os
from pulumi_policy import PolicyPack, ResourceValidationPolicy

with open("pids.part", "w") as file:
    file.write(str(os.getpid()))
os.rename("pids.part", "pids")
rule = ResourceValidationPolicy(name="rule", description="Nothing.", validate=lambda _args, _report: None)
PolicyPack("pack", policies=[rule])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose program sleeps, with a policy pack."""
    options = f"runtime:\n  name: python\n  options:\n    toolchain: pip\n    virtualenv: {ROOT / '.venv'}\n"
    (tmp_path / "pack").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(f"name: sleeper\n{options}", encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "pack" / "PulumiPolicy.yaml").write_text(options, encoding="utf-8")
    (tmp_path / "pack" / "__main__.py").write_text(PACK, encoding="utf-8")
    return tmp_path


@pytest.fixture
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A `pulumi up` whose program sleeps, and the processes of program, child and pack."""
    state = folder / "state"
    state.mkdir()
    script = f'. "{ROOT}/.voltaic/env.sh"; export PULUMI_BACKEND_URL="file://{state}"; exec "$@"'
    run = ["sh", "-c", script, "sh", "pulumi", "--non-interactive"]
    subprocess.run([*run, "stack", "init", "test"], cwd=folder, check=True, capture_output=True, timeout=60)
    process = subprocess.Popen(
        [*run, "up", "--yes", "--skip-preview", "--stack", "test", "--policy-pack", "pack"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    files = [folder / "pids", folder / "pack" / "pids"]
    deadline = time.monotonic() + 60
    while not all(path.exists() for path in files):
        assert time.monotonic() < deadline, "the program does not start"
        assert process.poll() is None, "pulumi ended early"
        time.sleep(0.05)
    pids = [int(pid) for path in files for pid in path.read_text(encoding="utf-8").split()]
    yield process, pids
    for pid in (process.pid, *pids):
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()[:1] not in {"", "Z"}


def wait_until_gone(pids: list[int], limit: float) -> list[int]:
    """Wait for processes to end; return those that did not within ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("signals", "limit"),
    [([signal.SIGINT], 20.0), ([signal.SIGINT, signal.SIGINT], 20.0), ([signal.SIGKILL], 15.0)],
    ids=["interrupted", "interrupted twice", "killed"],
)
def test_stopping_pulumi_leaves_no_process(
    running: tuple[subprocess.Popen[bytes], list[int]], signals: list[signal.Signals], limit: float
) -> None:
    """However `pulumi up` is stopped, the program, what it started, and the policy pack are gone soon after."""
    process, pids = running
    assert wait_until_gone(pids, 0) == pids, "all of them run"
    for signum in signals:
        process.send_signal(signum)
        time.sleep(0.5)
    process.wait(30)
    assert wait_until_gone(pids, limit) == []
