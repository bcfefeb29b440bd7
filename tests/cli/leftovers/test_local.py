"""What killed commands leave on a machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.cluster.material import PREFIX
from cli.leftovers import local

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def dead() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def lock(folder: Path, name: str, pid: int, host: str) -> Path:
    """Write a lock as Pulumi does."""
    place = folder / ".pulumi" / "locks" / "organization" / "voltaic" / "a" / f"{name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"pid": pid, "hostname": host, "username": "me"}), encoding="utf-8")
    return place


def test_locks_of_dead_processes_of_this_machine_go(tmp_path: Path, dead: int) -> None:
    """A run that goes on keeps its lock, and so does one elsewhere."""
    stale = lock(tmp_path, "stale", dead, socket.gethostname())
    lock(tmp_path, "alive", os.getpid(), socket.gethostname())
    lock(tmp_path, "elsewhere", dead, "other-machine")
    (stale.parent / "broken.json").write_text("{", encoding="utf-8")
    found = list(local.found({"PULUMI_BACKEND_URL": f"file://{tmp_path}"}, tmp_path / "nowhere"))
    assert [left.path for left in found] == [stale]
    assert f"process {dead}" in found[0].what
    local.remove(found[0])
    assert not stale.exists()


def test_a_backend_in_the_home_folder_is_looked_at(tmp_path: Path, dead: int) -> None:
    """`file://~` is how Pulumi names it."""
    stale = lock(tmp_path, "stale", dead, socket.gethostname())
    environment = {"PULUMI_BACKEND_URL": "file://~/", "HOME": str(tmp_path)}
    assert [left.path for left in local.found(environment, tmp_path / "nowhere")] == [stale]


def test_a_backend_that_is_no_folder_is_not(tmp_path: Path) -> None:
    """Locks elsewhere are for Pulumi itself."""
    assert list(local.found({"PULUMI_BACKEND_URL": "s3://bucket"}, tmp_path)) == []
    assert list(local.found({}, tmp_path)) == []


def test_certificates_of_killed_commands_go(tmp_path: Path, dead: int) -> None:
    """Folders of commands that run stay, and so does whatever only looks like one."""
    for name in (f"{PREFIX}{dead}-abc", f"{PREFIX}{os.getpid()}-abc", f"{PREFIX}x", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / f"{PREFIX}{dead}-link").symlink_to(tmp_path / "other")
    found = list(local.found({}, tmp_path))
    assert [left.path.name for left in found] == [f"{PREFIX}{dead}-abc"]
    local.remove(found[0])
    assert not found[0].path.exists()
