"""Manifests are found in files and folders, and a file that cannot be read says so in one line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cli import manifest_files
from cli.manifest_files import Unreadable, files, read

if TYPE_CHECKING:
    from pathlib import Path


def test_folders_are_walked_in_order_without_hidden_ones(tmp_path: Path) -> None:
    """A folder gives its *.yaml, *.yml and *.json, sub-folders too, hidden folders and other files not."""
    for name in ("b.yaml", "a.yml", "sub/c.json", ".git/d.yaml", "readme.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("a: 1\n", encoding="utf-8")

    found = [os.path.relpath(str(file), tmp_path) for file in files([str(tmp_path)])]

    assert found == ["a.yml", "b.yaml", "sub/c.json"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    """A file that is named and lies in a named folder counts once."""
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n", encoding="utf-8")

    assert list(files([str(path), str(tmp_path), "-", "-"])) == [str(path), "-"]


def test_a_named_file_is_read_whatever_its_ending(tmp_path: Path) -> None:
    """The endings choose among the files of a folder only."""
    path = tmp_path / "rendered.txt"
    path.write_text("\ufeffa: 1\n", encoding="utf-8")

    assert [read(str(file)) for file in files([str(path)])] == [[{"a": 1}]]


def test_a_folder_without_manifests_is_a_fault(tmp_path: Path) -> None:
    """An empty folder is not an accept: it says what was looked for."""
    assert list(files([str(tmp_path)])) == [
        Unreadable(str(tmp_path), ("no manifests here: looked for *.yaml, *.yml, *.json",))
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"\xff\xfe\x00a", "not UTF-8 text (byte 0)", id="binary"),
        pytest.param(b"a: 1\na: 2\n", "line 2: the key 'a' is given twice", id="duplicate key"),
    ],
)
def test_an_unreadable_file_says_why(tmp_path: Path, content: bytes, message: str) -> None:
    """What cannot be read is named with its reason."""
    path = tmp_path / "a.yaml"
    path.write_bytes(content)

    assert read(str(path)) == Unreadable(str(path), (message,))


def test_a_missing_file_says_so() -> None:
    """A path that does not exist is a fault of the input."""
    assert read("nowhere.yaml") == Unreadable("nowhere.yaml", ("No such file or directory",))


def test_a_file_beyond_the_bound_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too large is refused before it is parsed."""
    monkeypatch.setattr(manifest_files, "LARGEST_FILE", manifest_files.MIB)
    path = tmp_path / "a.yaml"
    path.write_bytes(b"#" * (manifest_files.MIB + 1))

    assert read(str(path)) == Unreadable(str(path), ("larger than 1 MiB; no manifest is",))


def test_a_folder_that_may_not_be_entered_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in a folder that is closed to the user is not passed over in silence."""
    closed = tmp_path / "closed"
    closed.mkdir()
    (tmp_path / "a.yaml").write_text("{}")
    listed = os.scandir

    def scandir(folder: str) -> object:
        if str(folder) == str(closed):
            raise PermissionError(13, "Permission denied", folder)
        return listed(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list(files([str(tmp_path)])) == [
        str(tmp_path / "a.yaml"),
        Unreadable(str(closed), ("Permission denied",)),
    ]
