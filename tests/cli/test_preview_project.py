"""A project's stack files, here and at another commit."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from cli.pull_request.project import Project, Unreadable, at, find, lines_of, secrets_in

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "config:\n  voltaic:profile: v100-1gpu\n  voltaic:model: gpt2\n"


def git(folder: Path, *words: str) -> None:
    """Run git as somebody."""
    who = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b.c",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b.c",
    }
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *words], cwd=folder, env=env, check=True, capture_output=True
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in a folder of a repository, with one stack committed."""
    root = tmp_path / "deploy"
    root.mkdir()
    (root / "Pulumi.yaml").write_text("name: voltaic\nruntime: python\n", encoding="utf-8")
    (root / "Pulumi.lab.yaml").write_text(CONFIG, encoding="utf-8")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    return find(root)


def test_the_project_is_found_from_a_folder_within(project: Project) -> None:
    """As Pulumi finds it."""
    within = project.root / "a" / "b"
    within.mkdir(parents=True)
    assert find(within) == project
    assert project.name == "voltaic"
    assert project.stacks_here() == ["lab"]


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "no Pulumi.yaml in"), ("name: [", "Pulumi.yaml"), ("runtime: python\n", "names no project")],
)
def test_no_project_is_one_clear_error(tmp_path: Path, text: str | None, told: str) -> None:
    """It says what is missing, and where."""
    if text is not None:
        (tmp_path / "Pulumi.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Unreadable, match=told):
        find(tmp_path)


def test_files_at_a_commit_are_those_that_were_committed(project: Project) -> None:
    """What lies here, committed or not, changes nothing of it."""
    (project.root / "Pulumi.lab.yaml").write_text(CONFIG.replace("gpt2", "other"), encoding="utf-8")
    (project.root / "Pulumi.new.yaml").write_text(CONFIG, encoding="utf-8")
    base = at(project, "main")
    old, here = base.file("lab"), project.here("lab")
    assert old is not None
    assert here is not None
    assert old.text == CONFIG
    assert here.config["voltaic:model"] == "other"
    assert base.file("new") is None
    assert base.stacks() == ["lab"]
    assert project.stacks_here() == ["lab", "new"]


def test_a_stack_of_an_organization_has_the_same_file(project: Project) -> None:
    """Its file bears the last part of its name."""
    assert project.here("team/voltaic/lab") == project.here("lab")


def test_a_deleted_file_is_only_at_the_commit(project: Project) -> None:
    """Here there is none."""
    (project.root / "Pulumi.lab.yaml").unlink()
    assert project.here("lab") is None
    assert at(project, "HEAD").file("lab") is not None


@pytest.mark.parametrize("ref", ["nowhere", "--help", "", "main:deploy/Pulumi.yaml", "a b", "-"])
def test_a_bad_ref_is_one_clear_error(project: Project, ref: str) -> None:
    """Nothing that is typed there is taken for an option of git."""
    with pytest.raises(Unreadable, match=r"^--base .*: no branch, tag or commit of this name here"):
        at(project, ref)


def test_a_ref_that_is_nearly_right_is_named(project: Project) -> None:
    """The branch that was perhaps meant."""
    with pytest.raises(Unreadable, match="did you mean main"):
        at(project, "mian")


def test_without_a_repository_the_error_is_that_of_git(tmp_path: Path) -> None:
    """One line."""
    (tmp_path / "Pulumi.yaml").write_text("name: a\n", encoding="utf-8")
    with pytest.raises(Unreadable) as raised:
        at(find(tmp_path), "main")
    assert "not a git repository" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_git_the_next_step_is_told(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A preview without --base needs none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreadable, match="git is not on PATH, and --base needs it"):
        at(project, "main")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"config: [", "line"),
        (b"\xff\xfe", "UTF-8"),
        (b"a: 1\n---\nb: 2\n", "not one mapping"),
        (b"- a\n", "not one mapping"),
        (b"x" * (1024 * 1024 + 1), "larger than"),
    ],
    ids=["no YAML", "no text", "two documents", "a list", "too large"],
)
def test_a_stack_file_that_cannot_be_read_says_why(project: Project, data: bytes, told: str) -> None:
    """The fault belongs to the file, and other stacks go on."""
    (project.root / "Pulumi.lab.yaml").write_bytes(data)
    found = project.here("lab")
    assert found is not None
    assert found.fault is not None
    assert told in found.fault
    assert found.config == {}


def test_an_empty_stack_file_says_nothing(project: Project) -> None:
    """It is no fault of its form."""
    (project.root / "Pulumi.lab.yaml").write_text("", encoding="utf-8")
    found = project.here("lab")
    assert found is not None
    assert (found.fault, found.config) == (None, {})


def test_keys_have_lines() -> None:
    """As messages name them; keys of other namespaces are not ours."""
    text = 'encryptionsalt: x\nconfig:\n  voltaic:profile: a\n  "voltaic:model": b\n  other:model: c\n'
    assert lines_of(text, "voltaic") == {"profile": 3, "model": 4}


def test_encrypted_values_are_known_at_any_depth() -> None:
    """In lists and objects too."""
    config = {"a": {"secure": "x"}, "b": {"c": [{"secure": "x"}]}, "d": {"secure": "x", "e": 1}, "f": "secure"}
    assert list(secrets_in(config)) == ["a", "b"]


def test_values_of_the_project_file_count_unless_they_are_empty(project: Project) -> None:
    """Pulumi merges them into every stack."""
    settings = {"config": {"model": {"default": ""}, "voltaic:profile": {"value": "v100-1gpu"}, "gpus": 2}}
    assert Project(project.root, "voltaic", settings).defaults() == {"profile": "v100-1gpu", "gpus": 2}
