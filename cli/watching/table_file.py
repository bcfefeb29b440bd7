"""A CSV file that samples are appended to: whole rows or none, by several writers too."""

from __future__ import annotations

import csv
import fcntl
import io
import os
from typing import TYPE_CHECKING

from cli.files import Unwritable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def append(path: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Append rows to a file, with the names of the columns before the first ones.

    The file is locked meanwhile, and all rows are written at once: whoever is killed in between leaves no half row.

    Raises:
        Unwritable: it cannot be written, or holds other columns.
    """
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666), "r+b", buffering=0) as file:  # noqa: PTH123
            fcntl.flock(file, fcntl.LOCK_EX)  # let go when it is closed
            problem = _append(file.fileno(), _text([columns]), _text(rows))
    except OSError as fault:
        raise Unwritable(f"{path}: {fault.strerror or fault}") from fault
    if problem is not None:
        raise Unwritable(f"{path}: {problem}")


def _append(file: int, header: bytes, data: bytes) -> str | None:
    """Append to a file that is ours alone for now; returns why that cannot be."""
    size = os.fstat(file).st_size
    if size and os.pread(file, len(header), 0) != header:
        return "holds other columns than a file of samples; name another file"
    if not size:
        data = header + data
    elif os.pread(file, 1, size - 1) != b"\n":
        data = b"\n" + data  # a row of another program that was cut off stays alone
    if os.write(file, data) != len(data):
        os.ftruncate(file, size)
        return "no room left for another row"
    return None


def _text(rows: Iterable[Sequence[str]]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode()
