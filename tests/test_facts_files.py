"""Data files that are kept parsed."""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from voltaic import facts_files

if TYPE_CHECKING:
    from pathlib import Path

TEXT = 'size = 15.770\nname = "1.5"\n[[row]]\nshare = [0.95, 1]\n'
READ = {"size": 15.77, "name": "1.5", "row": [{"share": [0.95, 1]}]}


@pytest.fixture(autouse=True)
def _writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of facts."""
    path = tmp_path / "facts.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def forbid_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break whoever parses."""
    monkeypatch.setattr("tomllib.loads", lambda *_, **__: pytest.fail("parsed"))


def test_a_file_is_parsed_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was parsed is found again without parsing, in an object of its own."""
    first = facts_files.table(file)
    forbid_parsing(monkeypatch)
    again = facts_files.table(file)
    assert first == again == READ
    assert first is not again


def test_numbers_keep_what_they_say(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As decimals, numbers with a point keep every digit, and texts stay texts; both ways are kept apart."""
    expected = {"size": Decimal("15.770"), "name": "1.5", "row": [{"share": [Decimal("0.95"), 1]}]}
    assert facts_files.table(file) == READ
    assert facts_files.table(file, decimals=True) == expected
    forbid_parsing(monkeypatch)
    assert str(facts_files.table(file, decimals=True)["size"]) == "15.770"
    assert facts_files.table(file)["size"] == 15.77


def test_a_changed_file_is_read_anew(file: Path) -> None:
    """Another time or size of the file means other facts."""
    facts_files.table(file)
    file.write_text(TEXT.replace("15.770", "16.000"), encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert facts_files.table(file)["size"] == 16


@pytest.mark.parametrize("content", [b"", b"\0", b"nonsense", b"i\1\0\0\0"])
def test_a_broken_copy_is_made_anew(file: Path, content: bytes) -> None:
    """A copy that is cut short or something else is not trusted."""
    facts_files.table(file)
    (copy,) = (file.parent / "__pycache__").iterdir()
    copy.write_bytes(content)
    assert facts_files.table(file) == READ
    assert copy.read_bytes() != content


def test_nothing_is_written_where_python_writes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with byte code: told so, or where nothing can be written, facts are read and nothing is kept."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert facts_files.table(file) == READ
    assert list(file.parent.iterdir()) == [file]
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (file.parent / "__pycache__").write_text("in the way")
    assert facts_files.table(file) == READ


def test_a_date_is_read_and_not_kept(file: Path) -> None:
    """What cannot be kept is read each time."""
    file.write_text("day = 2026-11-21\n", encoding="utf-8")
    assert facts_files.table(file) == facts_files.table(file)
    assert not (file.parent / "__pycache__").exists()


def test_what_another_version_of_the_reader_kept_is_read_anew(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is what this reader made of the file: another one may have left something in."""
    monkeypatch.setattr(facts_files, "_THIS", (1, 1))
    monkeypatch.setattr(facts_files, "_parsed", lambda *_, **__: {"made": "otherwise"})
    assert facts_files.table(file) == {"made": "otherwise"}
    monkeypatch.undo()
    assert facts_files.table(file) == READ
