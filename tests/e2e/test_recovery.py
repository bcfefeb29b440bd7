"""`pulumi up` killed or interrupted in the middle: no orphan process, and the next run recovers with nothing lost."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from .conftest import Project

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.slow]

STACK = "v100-1gpu"


def processes_of(project: Project) -> dict[int, str]:
    """Return command lines by process id of everything that runs with this project's backend in its environment."""
    mark = f"PULUMI_BACKEND_URL={project.env['PULUMI_BACKEND_URL']}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def wait_for_claim(project: Project, process: subprocess.Popen[str]) -> None:
    """Wait until the run has begun to make objects."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if project.names("persistentvolumeclaims", "secrets", "deployments"):
            return
        time.sleep(0.05)
    pytest.fail("the run made nothing that could be interrupted")


def gone(project: Project, seconds: float) -> dict[int, str]:
    """Wait for every process of the project to end; return those that did not."""
    end = time.monotonic() + seconds
    while (left := processes_of(project)) and time.monotonic() < end:
        time.sleep(0.2)
    return left


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
@pytest.mark.parametrize("how", ["interrupt", "terminate"])
def test_cancelling_leaves_no_orphan(project: Project, how: str) -> None:
    """After a signal to pulumi alone, neither the program's Python nor the pack's nor the provider stays."""
    process = project.spawn("up", "-s", STACK, "--yes", "--skip-preview")
    end = time.monotonic() + 60
    while time.monotonic() < end and not any(
        "pulumi-language-python-exec" in line for line in processes_of(project).values()
    ):
        time.sleep(0.05)
    names = " ".join(processes_of(project).values())
    assert "pulumi-language-python" in names
    process.send_signal(signal.SIGINT if how == "interrupt" else signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert gone(project, 15) == {}, output
    project.pulumi("cancel", "-s", STACK, "--yes")
    recovered = project.pulumi("up", "-s", STACK, "--yes")
    assert recovered.code == 0, recovered.output


def test_a_killed_up_is_recovered_by_the_next(project: Project) -> None:
    """Kill -9 in the middle: `pulumi cancel` and `up` finish the work; the cache made before is the one used after."""
    process = project.spawn("up", "-s", STACK, "--yes", "--skip-preview")
    wait_for_claim(project, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    for pid in processes_of(project):
        os.kill(pid, signal.SIGKILL)
    claims = {item["metadata"]["name"]: item["metadata"]["uid"] for item in project.objects("persistentvolumeclaims")}
    cancelled = project.pulumi("cancel", "-s", STACK, "--yes")
    assert cancelled.code == 0, cancelled.output
    recovered = project.pulumi("up", "-s", STACK, "--yes")
    assert recovered.code == 0, recovered.output
    after = {item["metadata"]["name"]: item["metadata"]["uid"] for item in project.objects("persistentvolumeclaims")}
    assert {name: uid for name, uid in after.items() if name in claims} == claims
    quiet = project.pulumi("up", "-s", STACK, "--yes", "--expect-no-changes")
    assert quiet.code == 0, quiet.output
