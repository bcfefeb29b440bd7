"""Stack files on disk: written as a whole, as they were owned, with the text before kept for an undo.

What was there before lies in `.voltaic/undo/` beside Pulumi.yaml, which holds a .gitignore for itself: it is nothing to
commit.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cli import files

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = (".voltaic", "undo")
MOST: Final = 20
"""Changes of one stack that can be taken back; older ones are forgotten."""
FOLDER_MODE: Final = 0o700
NEW_MODE: Final = 0o644
IGNORED: Final = "# What voltaic set --undo needs: nothing to commit\n*\n"


class NotWritten(OSError):  # noqa: N818  named for what it says
    """Nothing was written; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """A change that can be taken back."""

    record: Path
    before: bytes | None
    """The file as it was; None: there was none."""
    after: str
    """SHA-256 of the file as it was written."""
    what: tuple[str, ...]
    """What changed, a line each."""


def write(path: Path, old: bytes | None, new: bytes, what: tuple[str, ...]) -> None:
    """Write a stack file, and keep what was there.

    Args:
        path: the file; a link stays one.
        old: what it held when it was read; None: it was not there.
        new: what it is to hold.
        what: what changed, a line each, without secrets.

    Raises:
        NotWritten: the file changed meanwhile, or it or its record cannot be written.
    """
    _same(path, old)
    record = _keep(path, old, new, what)
    try:
        _replace(path, new)
    except BaseException:
        with suppress(OSError):
            record.unlink()
        raise


def last(path: Path) -> Step | None:
    """Return the last change of a stack file; None where none is known.

    Raises:
        NotWritten: its record cannot be read.
    """
    records = _records(path)
    if not records:
        return None
    record = records[-1]
    try:
        found: Any = json.loads(record.read_text(encoding="utf-8"))
        before = found["before"]
        return Step(record, None if before is None else before.encode(), str(found["after"]), tuple(found["what"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise NotWritten(f"{record} cannot be read; remove it, or take the text before from git") from None


def undo(path: Path, step: Step) -> None:
    """Put back what was there before a change: the same bytes, or no file.

    Raises:
        NotWritten: the file was changed since, or cannot be written.
    """
    data = _data(path)
    if data is None or hashlib.sha256(data).hexdigest() != step.after:
        raise NotWritten(
            f"{path.name} was changed since by something else, and an undo would lose that; the text before is in "
            f"{step.record}"
        )
    if step.before is None:
        path.unlink()
    else:
        _replace(path, step.before)
    with suppress(OSError):
        step.record.unlink()


def _data(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise NotWritten(f"{path}: {fault.strerror or fault}") from fault


def _same(path: Path, old: bytes | None) -> None:
    if _data(path) != old:
        raise NotWritten(f"{path} was changed meanwhile by another program; run the command again")


def _folder(path: Path) -> Path:
    return path.parent.joinpath(*FOLDER, path.stem)


def _records(path: Path) -> list[Path]:
    return sorted(_folder(path).glob("*.json"))


def _keep(path: Path, old: bytes | None, new: bytes, what: tuple[str, ...]) -> Path:
    """Write the record of a change, and forget the oldest."""
    folder = _folder(path)
    records = _records(path)
    number = int(records[-1].stem) + 1 if records and records[-1].stem.isdecimal() else len(records) + 1
    content = {
        "before": None if old is None else old.decode(),
        "after": hashlib.sha256(new).hexdigest(),
        "what": list(what),
    }
    record = folder / f"{number:08}.json"
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        ignore = folder.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text(IGNORED, encoding="utf-8")
        _replace(record, json.dumps(content).encode(), mode=0o600)
        for old_record in records[: max(0, len(records) + 1 - MOST)]:
            old_record.unlink(missing_ok=True)
    except OSError as fault:
        raise NotWritten(f"what an undo needs cannot be kept in {folder}: {fault.strerror or fault}") from fault
    return record


def _replace(path: Path, data: bytes, mode: int = NEW_MODE) -> None:
    """Write a file as a whole, with the mode and owner that it has."""
    try:
        place = path.resolve()
        found = place.stat() if place.exists() else None
        files.replace(
            place, data, mode=mode, settle=partial(_as_before, found) if found is not None else lambda _: None
        )
    except OSError as fault:
        if isinstance(fault, NotWritten):
            raise
        raise NotWritten(f"{path}: {fault.strerror or fault}") from fault


def _as_before(found: os.stat_result, number: int) -> None:
    """Give an open file the mode and owner that the file in its place has."""
    os.fchmod(number, stat.S_IMODE(found.st_mode))
    if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):  # somebody else's file stays readable, and becomes ours
            os.fchown(number, found.st_uid, found.st_gid)
