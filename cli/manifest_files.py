"""Reads manifests from files, folders and stdin, within bounds: one line says what cannot be read, and why."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.bounded_yaml import load_documents
from voltaic.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES = (".yaml", ".yml", ".json")
LARGEST_FILE = 16 * MIB
"""Bytes of one file. The largest public renderings (with all their CRDs) are below 10 MiB."""
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be read, and why, one line a fault."""

    file: str
    faults: tuple[str, ...]


def files(paths: Iterable[str]) -> Iterator[str | Unreadable]:
    """Yield the manifest files under the paths, each once; folders recursively and in order, without hidden ones."""
    seen: set[str] = set()
    for path in paths:
        for file in _under(path):
            name = file.file if isinstance(file, Unreadable) else file
            if name not in seen:
                seen.add(name)
                yield file


def _under(path: str) -> Iterator[str | Unreadable]:
    if path == STDIN:
        yield STDIN
    elif not path:
        yield Unreadable("''", ("an empty name; give a file, a folder, or - for stdin",))
    elif os.path.isdir(path):  # noqa: PTH112  the path is shown as it was typed
        found = False
        closed: list[OSError] = []
        for folder, subfolders, names in os.walk(path, onerror=closed.append):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            for name in sorted(names):
                if name.endswith(SUFFIXES):
                    found = True
                    yield os.path.join(folder, name)  # noqa: PTH118  as above
        yield from (Unreadable(fault.filename, (fault.strerror or str(fault),)) for fault in closed)
        if not found and not closed:
            yield Unreadable(path, (f"no manifests here: looked for {', '.join(f'*{suffix}' for suffix in SUFFIXES)}",))
    else:
        yield path


def read(file: str) -> list[Any] | Unreadable:
    """Return the documents of a file (`-` is stdin), or why it cannot be read."""
    try:
        data = _bytes(file)
    except OSError as fault:
        return Unreadable(file, (fault.strerror or str(fault),))
    if len(data) > LARGEST_FILE:
        return Unreadable(file, (f"larger than {LARGEST_FILE // MIB} MiB; no manifest is",))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        return Unreadable(file, (f"not UTF-8 text (byte {fault.start})",))
    try:
        return load_documents(text, as_json=file.endswith(".json"))
    except ValueError as fault:
        return Unreadable(file, (str(fault),))


def _bytes(file: str) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read(LARGEST_FILE + 1)
    with Path(file).open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)
