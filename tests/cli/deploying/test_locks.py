"""Locks: whose they are, whether that run is gone, and the way on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.deploying import locks
from cli.deploying.locks import Lock

if TYPE_CHECKING:
    from pathlib import Path

HERE = socket.gethostname()
SAID = """error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete \
the lock file with `pulumi cancel`.
  file:///state/.pulumi/locks/organization/voltaic/v100-2gpu/7d.json: created by ann@build-7 (pid 4711) at \
2026-11-21T18:00:00Z
"""


def test_who_holds_it_by_what_pulumi_says() -> None:
    """Process and machine are read from the message."""
    assert locks.is_locked(SAID)
    assert locks.of_text(SAID) == [Lock(4711, "build-7", "ann", "2026-11-21T18:00:00Z")]


def test_who_holds_it_by_the_files(tmp_path: Path) -> None:
    """The locks of this stack alone are read; files that are none are left out."""
    for stack, text in {"a": json.dumps({"pid": 7, "hostname": "h", "username": "u"}), "b": "{}"}.items():
        folder = tmp_path / ".pulumi" / "locks" / "organization" / "p" / stack
        folder.mkdir(parents=True)
        (folder / "1.json").write_text(text)
        (folder / "1.json.attrs").write_text("{}")
    assert list(locks.of_files(tmp_path, "a")) == [Lock(7, "h", "u")]
    assert list(locks.of_files(tmp_path, "b")) == []


@pytest.mark.parametrize(
    ("lock", "alive", "stale"),
    [(Lock(1, HERE), False, True), (Lock(1, HERE), True, False), (Lock(1, "elsewhere"), False, False)],
)
def test_stale(lock: Lock, alive: bool, stale: bool) -> None:  # noqa: FBT001  a table
    """A run is gone only where its process is known to be: of another machine nobody knows."""
    assert locks.stale(lock, lambda _: alive) is stale


def test_a_process_of_something_else_holds_no_lock() -> None:
    """A process that got the id later, one that ended and was not reaped, and none at all."""
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert locks.stale(Lock(ended.pid, HERE))
    ended.wait()
    assert locks.stale(Lock(ended.pid, HERE))
    assert locks.stale(Lock(os.getpid(), HERE))


def test_what_is_told_of_a_stale_lock() -> None:
    """The first line says what happened, the second what to type."""
    told = locks.told([Lock(4711, HERE, at="2026-11-21T18:00:00")], "gpu", lambda _: False).splitlines()
    assert told == [
        f"gpu is locked by a run that is gone (process 4711 on {HERE}, 2026-11-21T18:00:00): it was killed.",
        "Give the lock back with: pulumi cancel --yes -s gpu",
        "Then run the same command again: it goes on where that run stopped.",
    ]


@pytest.mark.parametrize("held", [[Lock(1, "elsewhere")], [Lock(1, HERE), Lock(2, "elsewhere")], []])
def test_what_is_told_of_a_lock_that_may_be_held(held: list[Lock]) -> None:
    """Waiting comes first where a run may live."""
    told = locks.told(held, "gpu", lambda _: False)
    assert "Wait until it ends." in told
    assert "that is gone" not in told


def test_a_state_that_is_half_written(tmp_path: Path) -> None:
    """What is cut off beside it is removed, a state from its whole copy put back; anything else is left alone."""
    state, copy, about = (tmp_path / f"gpu.json{end}" for end in ("", ".bak", ".attrs"))
    for path in (state, copy, about):
        path.write_text("{}")
    assert locks.repairs(state) == []
    about.write_text("")
    assert locks.repairs(state) == [f"rm {about}"]
    about.unlink()
    assert locks.repairs(state) == []
    state.write_text('{"version": 3, "che')
    assert locks.repairs(state) == [f"cp {copy} {state}"]
    copy.write_text("")
    assert locks.repairs(state) == []
    assert locks.repairs(None) == []


def test_what_a_killed_run_had_begun() -> None:
    """Kind and name of what is pending in a state."""
    urn = "urn:pulumi:s::p::voltaic:index:TGIServer$kubernetes:apps/v1:Deployment::tgi"
    pending = [{"type": "creating", "resource": {"urn": urn, "type": "kubernetes:apps/v1:Deployment"}}]
    assert locks.pending({"deployment": {"pending_operations": pending}}) == ["Deployment tgi"]
    assert locks.pending({"deployment": {}}) == []
    assert locks.pending({}) == []
