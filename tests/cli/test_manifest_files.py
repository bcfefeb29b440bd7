"""Manifests are found in files and folders, and a file that cannot be read says so in one line."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from cli import manifest_files
from cli.manifest_files import Manifest, Unreadable, files, read

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

    assert [read(str(file)) for file in files([str(path)])] == [Manifest(str(path), [{"a": 1}])]


def test_a_folder_without_manifests_is_a_fault(tmp_path: Path) -> None:
    """An empty folder is not an accept: it says what was looked for."""
    assert list(files([str(tmp_path)])) == [
        Unreadable(str(tmp_path), ("no manifests here: looked for *.yaml, *.yml, *.json",))
    ]


HELM = b"kind: Pod\nspec:\n  {{- if .Values.a }}\n  a: 1\n  {{- end }}\n"
RENDER = "a template ({{ … }}), which somebody has to render first"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(
            "a: 1\n".encode("utf-16"), 1, "UTF-16 text, which Kubernetes does not read; save it as UTF-8", id="utf-16"
        ),
        pytest.param(b"a: 1\nb: \xff\xfe\n", 2, "not UTF-8 text (byte 8)", id="latin"),
        pytest.param(b"a: 1\nb: \x00\n", 2, "the control character U+0000 is no text", id="zero"),
        pytest.param(b"\x7fELF\x02\x01\x01\x00", 1, "the control character U+007F is no text", id="program"),
        pytest.param(b"a: 1\na: 2\n", 2, "the key 'a' is given twice", id="duplicate key"),
        pytest.param(HELM, 3, f"{RENDER}: helm template CHART | voltaic check -", id="template"),
        pytest.param(
            b"a: {{ .b }}\n---\nc: 'd\n",
            1,
            f"{RENDER}: helm template CHART | voltaic check -",
            id="template at the top",
        ),
    ],
)
def test_an_unreadable_file_says_why(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    """What cannot be read is named with its line and its reason."""
    path = tmp_path / "a.yaml"
    path.write_bytes(content)

    assert read(str(path)) == Unreadable(str(path), (f"line {line}: {message}",), line)


def test_a_template_of_a_chart_names_the_chart(tmp_path: Path) -> None:
    """The command to render it can be typed as it stands."""
    (tmp_path / "Chart.yaml").write_text("name: a\n", "utf-8")
    template = tmp_path / "templates/sub/a.yaml"
    template.parent.mkdir(parents=True)
    template.write_bytes(HELM)

    found = read(str(template))

    assert isinstance(found, Unreadable)
    assert found.faults[0].endswith(f": helm template {tmp_path} | voltaic check -")


def test_text_that_fits_a_template_only_by_its_braces_is_read(tmp_path: Path) -> None:
    """What is YAML is read, whatever stands in its quotes."""
    path = tmp_path / "a.yaml"
    path.write_text("a: '{{ b }}'\n", "utf-8")

    assert read(str(path)) == Manifest(str(path), [{"a": "{{ b }}"}])


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


def test_links_that_lead_back_are_followed_once(tmp_path: Path) -> None:
    """Folders behind links are read, a circle of links ends, and a file with two names is judged once."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one.yaml").write_text("a: 1\n", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/two.yaml").write_text("a: 2\n", "utf-8")
    (tmp_path / "a/back").symlink_to(tmp_path / "a")
    (tmp_path / "a/out").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "a/same.yaml").symlink_to(tmp_path / "a/one.yaml")
    (tmp_path / "a/self.yaml").symlink_to(tmp_path / "a/self.yaml")

    found = list(files([str(tmp_path / "a"), str(tmp_path / "a/back"), str(tmp_path / "elsewhere")]))

    assert [os.path.relpath(str(file), tmp_path) for file in found] == ["a/one.yaml", "a/self.yaml", "a/out/two.yaml"]
    assert read(str(tmp_path / "a/self.yaml")) == Unreadable(
        str(tmp_path / "a/self.yaml"), ("Too many levels of symbolic links",)
    )


def test_a_pipe_is_read_as_long_as_somebody_writes(tmp_path: Path) -> None:
    """What a shell substitutes for a command is a pipe: it is read to its end, and kept for a second look."""
    path = tmp_path / "a.yaml"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("a: 1\n",))
    writer.start()

    found = read(str(path))

    writer.join()
    assert found == Manifest(str(path), [{"a": 1}], "a: 1\n")


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that lies around in a folder does not hold up the others."""
    monkeypatch.setattr(manifest_files, "SECONDS_FOR_A_WRITER", 0.05)
    path = tmp_path / "a.yaml"
    os.mkfifo(path)

    assert read(str(path)) == Unreadable(str(path), ("a pipe that nobody writes to",))


def test_a_file_is_read_a_second_time_for_its_lines(tmp_path: Path) -> None:
    """Its text is not kept; a file that is gone meanwhile has none."""
    path = tmp_path / "a.yaml"
    path.write_text("\ufeffa: 1\n", "utf-8")
    found = read(str(path))

    assert isinstance(found, Manifest)
    assert found.text() == "a: 1\n"
    path.unlink()
    assert found.text() == ""
