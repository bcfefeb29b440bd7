"""What killed commands left on this machine: locks of a state kept in files, folders with certificates."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from cli.cluster.material import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Left:
    """A file or folder that nobody uses any more."""

    path: Path
    what: str


def found(environment: Mapping[str, str] = os.environ, temporary: Path | None = None) -> Iterator[Left]:
    """Yield what dead processes of this machine and this user left."""
    yield from _locks(environment.get("PULUMI_BACKEND_URL", ""), environment)
    for place in sorted((temporary or Path(tempfile.gettempdir())).glob(f"{PREFIX}*")):
        pid = place.name.removeprefix(PREFIX).partition("-")[0]
        try:
            ours = place.is_dir() and not place.is_symlink() and place.stat().st_uid == os.getuid()
        except OSError:
            continue
        if ours and pid.isdecimal() and not _alive(int(pid)):
            yield Left(place, "certificates of a command that was killed")


def remove(left: Left) -> None:
    """Remove it; what went meanwhile is fine."""
    if left.path.is_dir():
        shutil.rmtree(left.path, ignore_errors=True)
    else:
        left.path.unlink(missing_ok=True)


def _locks(backend: str, environment: Mapping[str, str]) -> Iterator[Left]:
    """Yield locks whose process is dead (pulumi 3.259 pkg/backend/diy/lock.go: pid, hostname, one file a lock)."""
    address = urlsplit(backend)
    if address.scheme != "file":
        return
    text = unquote(f"{address.netloc}{address.path}")
    home = environment.get("HOME") or str(Path.home())
    folder = Path(home) / text[2:] if text.startswith("~/") else Path(text)
    for place in sorted((folder / ".pulumi" / "locks").rglob("*.json")):
        try:
            lock = json.loads(place.read_text(encoding="utf-8"))
            pid, host = int(lock["pid"]), str(lock["hostname"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if host == socket.gethostname() and not _alive(pid):
            yield Left(place, f"lock of a run of Pulumi that was killed (process {pid})")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
