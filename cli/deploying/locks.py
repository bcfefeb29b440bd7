"""Locks of a state: who holds one, and whether that run is gone. Nothing is changed here."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HELD: Final = "the stack is currently locked by"
"""How Pulumi says it of a state of files or buckets (pulumi 3.259 pkg/backend/diy/lock.go)."""
BUSY: Final = "Another update is currently in progress"
"""How Pulumi's service says it (HTTP 409)."""
_HOLDER: Final = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")


@dataclass(frozen=True, slots=True)
class Lock:
    """Who took a lock."""

    pid: int
    host: str
    user: str = ""
    at: str = ""

    @property
    def who(self) -> str:
        """Return the run that took it, in words."""
        since = f", {self.at}" if self.at else ""
        return f"process {self.pid} on {self.host}{since}"


def of_text(said: str) -> list[Lock]:
    """Return the locks that a message of Pulumi names."""
    return [Lock(int(found["pid"]), found["host"], found["user"], found["at"]) for found in _HOLDER.finditer(said)]


def of_files(state: Path, stack: str) -> Iterator[Lock]:
    """Yield the locks of a stack in a folder that holds states; those that cannot be read are left out."""
    for path in sorted((state / ".pulumi" / "locks").glob(f"*/*/{stack}/*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            yield Lock(int(found["pid"]), str(found["hostname"]), str(found.get("username", "")), _moment(found))
        except (OSError, ValueError, KeyError, TypeError):
            continue


def is_locked(said: str) -> bool:
    """Return whether a message says that another run holds the stack."""
    return HELD in said or BUSY in said


def stale(lock: Lock, alive: Callable[[int], bool] | None = None) -> bool:
    """Return whether the run that took it is gone: one of this machine whose process is none of Pulumi any more."""
    return lock.host == socket.gethostname() and not (alive or _runs_pulumi)(lock.pid)


def told(found: list[Lock], stack: str, alive: Callable[[int], bool] | None = None) -> str:
    """Return what holds the stack, and the way on, first line first."""
    give_back = f"Give the lock back with: pulumi cancel --yes -s {stack}"
    if found and all(stale(lock, alive) for lock in found):
        who = "; ".join(lock.who for lock in found)
        return (
            f"{stack} is locked by a run that is gone ({who}): it was killed.\n{give_back}\n"
            "Then run the same command again: it goes on where that run stopped."
        )
    others = "; ".join(lock.who for lock in found if not stale(lock, alive)) or "another run"
    return (
        f"{stack} is locked by {others}.\nWait until it ends. "
        f"Only if it is certain that it runs no more: {give_back[0].lower()}{give_back[1:]}"
    )


def repairs(state: Path | None) -> list[str]:
    """Return the commands that mend a state which a run left half written, because it was killed then; mostly none.

    Pulumi writes a state of files under another name first, but what stands about it beside it (`.attrs`) in place, and
    reads nothing where that is cut off. A state that is cut off itself has a copy beside it (pulumi 3.259
    pkg/backend/diy; gocloud.dev blob/fileblob).
    """
    if state is None or state.suffix != ".json":
        return []
    copy = state.with_name(f"{state.name}.bak")
    about = (path.with_name(f"{path.name}.attrs") for path in (state, copy))
    found = [shlex.join(["rm", str(path)]) for path in about if path.exists() and not _is_json(path)]
    if not _is_json(state) and _is_json(copy):
        found.append(shlex.join(["cp", str(copy), str(state)]))
    return found


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def pending(state: Mapping[str, object]) -> list[str]:
    """Return what a run that was killed had begun, by an exported state: kind and name of each."""
    deployment = state.get("deployment")
    listed = deployment.get("pending_operations") if isinstance(deployment, dict) else None
    found = []
    for operation in listed if isinstance(listed, list) else ():
        resource = operation.get("resource") if isinstance(operation, dict) else None
        if isinstance(resource, dict):
            urn = str(resource.get("urn", ""))
            found.append(f"{str(resource.get('type', '')).rpartition(':')[2]} {urn.rpartition('::')[2]}")
    return found


def _moment(found: Mapping[str, object]) -> str:
    text = str(found.get("timestamp", ""))
    return text[:19]  # to the second: 2026-11-21T18:00:00


def _runs_pulumi(pid: int) -> bool:
    """Return whether a process lives that may hold a lock; one that got its id later does not count."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return True  # no /proc here: it may be one
    return b"pulumi" in words[0]  # empty: it ended, and nobody has taken note of it yet
