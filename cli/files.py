"""Files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Unwritable(OSError):  # noqa: N818  named for what it says
    """A file that cannot be written; the text says which, why and what to do."""


def writable(path: str) -> None:
    """Check, before long work, that a file may be written.

    Raises:
        Unwritable: it may not.
    """
    place = Path(path)
    folder = place.parent
    if place.is_dir():
        raise Unwritable(f"{path} is a folder; give the name of a file in it")
    if not folder.is_dir():
        raise Unwritable(f"{path}: the folder {folder} does not exist; make it first")
    if not os.access(place if place.exists() else folder, os.W_OK):
        raise Unwritable(f"{path}: permission denied; choose a place that you may write to")


def write(path: str, data: bytes) -> None:
    """Write a file as a whole: whoever reads it meanwhile, or interrupts this, finds the old one or the new one.

    Raises:
        Unwritable: it cannot be written.
    """
    place = Path(path)
    try:
        if place.exists() and not stat.S_ISREG(place.stat().st_mode):
            place.write_bytes(data)  # a device or a pipe is written to, not replaced
            return
        replace(place.resolve(), data)
    except OSError as fault:
        raise Unwritable(f"{path}: {fault.strerror or fault}") from fault


def replace(place: Path, data: bytes, *, mode: int = 0o666, settle: Callable[[int], None] = lambda _: None) -> None:
    """Put a file in the place of another, or where none is: at no moment is there half of one.

    Args:
        place: where; no link.
        data: what.
        mode: of the new file, less what the user's mask takes away.
        settle: sets mode or owner by the open file's number, before a byte is in it.

    Raises:
        OSError: it cannot be written; the old file is as it was.
    """
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:  # noqa: PTH123
            settle(stream.fileno())
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(place)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
