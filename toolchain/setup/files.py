"""Small file operations that leave nothing half-written."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_if_changed(path: Path, text: str) -> bool:
    """Write a text file in one step, unless it has that text already. Returns whether it was written."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass  # absent or damaged: written anew
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).chmod(0o644)
    Path(name).replace(path)
    return True


def link(path: Path, target: Path) -> None:
    """Make path a symbolic link to target, in one step, unless it is one already."""
    if path.is_symlink() and path.readlink() == target:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)


def remove(path: Path) -> None:
    """Remove a file, link or folder, if it is there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)


def digest(parts: Iterable[str | bytes]) -> str:
    """Return the SHA-256 of the parts, each told from the next."""
    result = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        result.update(f"{len(data)}:".encode())
        result.update(data)
    return result.hexdigest()


def tree_digest(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of all files in a folder; hidden ones do not count."""
    parts: list[str | bytes] = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in inside.parts):
            parts += [inside.as_posix(), path.read_bytes()]
    return digest(parts)
