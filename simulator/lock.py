"""One start, stop or delete of a cluster at a time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from simulator.errors import SimulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_SECONDS = 120.0


@contextmanager
def exclusive(path: Path, cluster: str) -> Iterator[None]:
    """Hold the lock of a cluster; it ends with its process, however that ends.

    Args:
        path: the lock file. Who holds the lock may remove it.
        cluster: name of the cluster, for the message.

    Raises:
        SimulatorError: somebody else holds it for too long.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("w") as handle:
            if _try_lock(handle.fileno(), path):
                yield
                return
        if time.monotonic() > deadline:
            raise SimulatorError(
                f"another process has been starting or stopping the simulated cluster {cluster} "
                f"for {LOCK_SECONDS:.0f} s; end it and try again"
            )
        time.sleep(0.1)


def _try_lock(handle: int, path: Path) -> bool:
    """Whether the lock is ours now, and its file still the one that others will open."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
