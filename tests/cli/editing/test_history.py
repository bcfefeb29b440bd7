"""Stack files are written as a whole, as they were owned, and can be put back to the byte."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cli.editing import history
from cli.editing.history import NotWritten


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a stack file with odd bytes."""
    path = tmp_path / "Pulumi.s.yaml"
    path.write_bytes("config:\r\n  a:b: ü".encode())
    return path


def test_a_change_is_written_and_taken_back_to_the_byte(file: Path) -> None:
    """Undo gives the very bytes, several changes deep, and then has nothing left."""
    old = file.read_bytes()
    history.write(file, old, b"one", ("one",))
    history.write(file, b"one", b"two", ("two",))

    for what, before in (("two", b"one"), ("one", old)):
        step = history.last(file)
        assert step is not None
        assert step.what == (what,)
        history.undo(file, step)
        assert file.read_bytes() == before
    assert history.last(file) is None


def test_the_undo_of_a_new_file_removes_it(tmp_path: Path) -> None:
    """Before, there was none."""
    path = tmp_path / "Pulumi.new.yaml"
    history.write(path, None, b"config: {}\n", ())
    step = history.last(path)
    assert step is not None
    history.undo(path, step)
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_mode_and_link_stay(file: Path, tmp_path: Path, mode: int) -> None:
    """Who may read the file stays as it was, and a link stays a link."""
    file.chmod(mode)
    link = tmp_path / "elsewhere" / "Pulumi.s.yaml"
    link.parent.mkdir()
    link.symlink_to(file)

    history.write(link, file.read_bytes(), b"new", ())

    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_nothing_of_it_is_committed_by_accident(file: Path) -> None:
    """The folder of the records ignores itself, and is for its owner alone."""
    history.write(file, file.read_bytes(), b"new", ())
    folder = file.parent / ".voltaic" / "undo"
    assert (folder / ".gitignore").read_text(encoding="utf-8").splitlines()[-1] == "*"
    records = list(folder.glob("*/*.json"))
    assert [stat.S_IMODE(record.stat().st_mode) for record in records] == [0o600]


def test_a_file_that_changed_meanwhile_is_not_overwritten(file: Path) -> None:
    """What another program wrote in between stays."""
    with pytest.raises(NotWritten, match="was changed meanwhile"):
        history.write(file, b"something else", b"new", ())
    assert file.read_bytes().endswith("ü".encode())
    assert history.last(file) is None


def test_an_undo_does_not_lose_what_came_after(file: Path) -> None:
    """A file that was edited since is left alone, and the record says where the old text is."""
    history.write(file, file.read_bytes(), b"new", ())
    file.write_bytes(b"edited by hand")
    step = history.last(file)
    assert step is not None
    with pytest.raises(NotWritten, match=r"was changed since .* the text before is in .*00000001\.json"):
        history.undo(file, step)
    assert file.read_bytes() == b"edited by hand"


def test_a_write_that_fails_leaves_no_record(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file nor what an undo would need is half there."""
    old, replace = file.read_bytes(), Path.replace

    def fails(self: Path, target: Path) -> Path:
        if target.name == file.name:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(NotWritten, match="No space left on device"):
        history.write(file, old, b"new", ())
    assert file.read_bytes() == old
    assert history.last(file) is None
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".Pulumi")] == []


def test_old_changes_are_forgotten(file: Path) -> None:
    """The records of a stack do not grow without end."""
    content = file.read_bytes()
    for number in range(history.MOST + 5):
        new = str(number).encode()
        history.write(file, content, new, ())
        content = new
    assert len(list(file.parent.glob(".voltaic/undo/*/*.json"))) == history.MOST


def test_a_record_that_cannot_be_read_is_said(file: Path) -> None:
    """Nothing is guessed from half a record."""
    history.write(file, file.read_bytes(), b"new", ())
    next(file.parent.glob(".voltaic/undo/*/*.json")).write_text("{", encoding="utf-8")
    with pytest.raises(NotWritten, match=r"00000001\.json cannot be read"):
        history.last(file)
