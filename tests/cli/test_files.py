"""Files that are whole or not there."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from cli import files

if TYPE_CHECKING:
    from pathlib import Path


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What the link leads to is written; the link itself is not replaced."""
    (tmp_path / "deep").mkdir()
    target, link = tmp_path / "deep" / "a.csv", tmp_path / "a.csv"
    target.write_bytes(b"old")
    link.symlink_to(target)

    files.write(str(link), b"new")

    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert os.listdir(target.parent) == ["a.csv"]  # noqa: PTH208  hidden files too


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """A named pipe or a device is no file that could be replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    files.write(str(pipe), b"content")
    reader.join(timeout=5)

    assert read == [b"content"]
    assert pipe.is_fifo()


def test_a_file_keeps_the_rights_that_new_files_get(tmp_path: Path) -> None:
    """What is written is as readable as any other new file, not private as temporary files are."""
    plain, written = tmp_path / "plain", tmp_path / "written"
    plain.write_bytes(b"")

    files.write(str(written), b"")

    assert written.stat().st_mode == plain.stat().st_mode


def test_a_fault_of_the_disk_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is named with the file, and nothing is left beside it."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cli.files.os.fsync", full)

    with pytest.raises(files.Unwritable, match=r"a\.csv: No space left on device$"):
        files.write(str(tmp_path / "a.csv"), b"new")

    assert os.listdir(tmp_path) == []  # noqa: PTH208  hidden files too


def test_a_place_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked before long work, not found out after it."""
    monkeypatch.setattr("cli.files.os.access", lambda *_: False)

    with pytest.raises(files.Unwritable, match="permission denied; choose a place that you may write to"):
        files.writable(str(tmp_path / "a.csv"))
