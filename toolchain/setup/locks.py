"""One set-up at a time builds; the others wait for it and then find everything done."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from toolchain.setup.console import note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def exclusive(path: Path, purpose: str) -> Iterator[None]:
    """Hold a lock on a file; say who has it while waiting.

    The kernel gives the lock back when its holder ends, however it ends: a file that is left behind does no harm.

    Args:
        path: the lock file; it is made, and holds the number of the process that has the lock.
        purpose: what the holder does, for the message: ``builds the tool chain``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            note(f"another set-up (process {holder}) {purpose}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
