"""Reads manifests from files, folders and stdin, within bounds: one line says what cannot be read, and why."""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.bounds import Fault
from voltaic.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES = (".yaml", ".yml", ".json")
LARGEST_FILE = 16 * MIB
"""Bytes of one file. The largest public renderings (with all their CRDs) are below 10 MiB."""
STDIN = "-"
SECONDS_FOR_A_WRITER: Final = 1.0
"""How long somebody may take to open the other end of a named pipe."""
_CHART: Final = "Chart.yaml"
_CHART_LEVELS: Final = 4
"""Folders above a template that are looked into for the chart that it belongs to."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be read, and why, one line a fault."""

    file: str
    faults: tuple[str, ...]
    line: int | None = None
    """Line of the first fault, where it is known."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file that was read."""

    file: str
    documents: list[Any]
    kept: str | None = None
    """Its text, where it cannot be read a second time."""

    @property
    def as_json(self) -> bool:
        """Whether it has to be JSON."""
        return self.file.endswith(".json")

    def text(self) -> str:
        """Return its text; empty where the file is gone by now."""
        if self.kept is not None:
            return self.kept
        with suppress(OSError):
            return _text(Path(self.file).read_bytes()[:LARGEST_FILE])
        return ""


def files(paths: Iterable[str]) -> Iterator[str | Unreadable]:
    """Yield the manifest files under the paths, each once; folders recursively and in order, without hidden ones.

    Links are followed, and a folder that links lead back to is entered once.
    """
    seen: set[str] = set()
    entered: set[str] = set()
    for path in paths:
        for file in _under(path, entered):
            name = file.file if isinstance(file, Unreadable) else file
            key = name if name in {STDIN, ""} else os.path.realpath(name)
            if key not in seen:
                seen.add(key)
                yield file


def _under(path: str, entered: set[str]) -> Iterator[str | Unreadable]:
    if path == STDIN:
        yield STDIN
    elif not path:
        yield Unreadable("''", ("an empty name; give a file, a folder, or - for stdin",))
    elif os.path.isdir(path):  # noqa: PTH112  the path is shown as it was typed
        found = os.path.realpath(path) in entered
        for file in _within(path, entered):
            found = True
            yield file
        if not found:
            yield Unreadable(path, (f"no manifests here: looked for {', '.join(f'*{suffix}' for suffix in SUFFIXES)}",))
    else:
        yield path


def _within(top: str, entered: set[str]) -> Iterator[str | Unreadable]:
    closed: list[OSError] = []
    for folder, subfolders, names in os.walk(top, onerror=closed.append, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIXES):
                yield os.path.join(folder, name)  # noqa: PTH118  shown as it was typed
    yield from (Unreadable(fault.filename, (fault.strerror or str(fault),)) for fault in closed)


def read(file: str) -> Manifest | Unreadable:
    """Return the documents of a file (`-` is stdin), or why it cannot be read."""
    from cli.bounded_yaml import load_documents

    text = ""
    try:
        data, again = _bytes(file)
        if len(data) > LARGEST_FILE:
            return Unreadable(file, (f"larger than {LARGEST_FILE // MIB} MiB; no manifest is",))
        text = _text(data)
        del data
        documents = load_documents(text, as_json=file.endswith(".json"))
    except OSError as fault:
        return Unreadable(file, (fault.strerror or str(fault),))
    except Fault as fault:
        return _template(file, text, fault) or Unreadable(file, (str(fault),), fault.line)
    return Manifest(file, documents, None if again else text)


def _text(data: bytes) -> str:
    """Return text in UTF-8, which is what Kubernetes reads.

    Raises:
        Fault: it is in no such encoding.
    """
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise Fault("UTF-16 text, which Kubernetes does not read; save it as UTF-8", 1)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise Fault(f"not UTF-8 text (byte {fault.start})", line) from None


def _bytes(file: str) -> tuple[bytes, bool]:
    """Return what a file holds, to just beyond the bound, and whether it can be read once more."""
    if file == STDIN:
        return sys.stdin.buffer.read(LARGEST_FILE + 1), False
    kind = Path(file).stat()
    if stat.S_ISFIFO(kind.st_mode):
        return _piped(file), False
    if stat.S_ISREG(kind.st_mode) and kind.st_size > LARGEST_FILE:
        return b" " * (LARGEST_FILE + 1), True
    with Path(file).open("rb") as stream:
        return stream.read(LARGEST_FILE + 1), stat.S_ISREG(kind.st_mode)


def _piped(file: str) -> bytes:
    """Return what comes through a named pipe; one that nobody writes to is not waited for.

    Raises:
        OSError: nobody writes to it.
    """
    pipe = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(pipe, "rb") as stream:
        until = time.monotonic() + SECONDS_FOR_A_WRITER
        first = b""
        while not first:
            try:
                first = os.read(pipe, 1)
            except BlockingIOError:  # somebody has it open, and has written nothing so far
                break
            if not first and time.monotonic() > until:
                raise OSError(0, "a pipe that nobody writes to")
            time.sleep(0 if first else 0.02)
        os.set_blocking(pipe, True)
        return first + stream.read(LARGEST_FILE + 1 - len(first))


def _template(file: str, text: str, fault: Fault) -> Unreadable | None:
    """Return that a file is a template, with what renders it; None where nothing in it says so."""
    first = text.find("{{")
    if first < 0:
        return None
    # The sign that is nearest before the fault; where all of them come after it, the first.
    nearest = text.rfind("{{", 0, _end_of_line(text, fault.line or 0))
    line = text.count("\n", 0, max(first, nearest)) + 1
    chart = _chart(file)
    how = f"helm template {chart or 'CHART'} | voltaic check -"
    message = f"line {line}: a template ({{{{ … }}}}), which somebody has to render first: {how}"
    return Unreadable(file, (message,), line)


def _end_of_line(text: str, number: int) -> int:
    """Return the offset at which a line ends, counted from 1; of line 0 the beginning of the text."""
    end = -1
    for _ in range(number):
        end = text.find("\n", end + 1)
        if end < 0:
            return len(text)
    return max(end, 0)


def _chart(file: str) -> str | None:
    """Return the folder of the chart that a file belongs to."""
    folder = Path(file).parent
    for _ in range(_CHART_LEVELS):
        if file != STDIN and (folder / _CHART).is_file():
            return str(folder)
        folder = folder.parent
    return None
