"""Where a preview is run: copies and links, and nothing of the user's is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cli.pull_request.project import Project, StackFile, find
from cli.pull_request.tools import environment, pack
from cli.pull_request.workplace import backend_of, place, state_file

TEXT = """# kept only in the original
encryptionsalt: v1:abc
config:
  voltaic:model: gpt2
  voltaic:hfToken: {secure: v1:x:y}
  other:settings: {list: [{secure: v1:z}]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with a program, a stack file, and things that are not to be linked."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "Pulumi.yaml").write_text("name: voltaic\n", encoding="utf-8")
    (root / "Pulumi.lab.yaml").write_text(TEXT, encoding="utf-8")
    (root / "Pulumi.other.yaml").write_text("config: {}\n", encoding="utf-8")
    (root / "__main__.py").write_text("", encoding="utf-8")
    (root / ".git").mkdir()
    return find(root)


def lab(project: Project) -> StackFile:
    """Return its stack file."""
    found = project.here("lab")
    assert found is not None
    return found


def test_an_ephemeral_place_has_a_state_and_a_home_of_its_own(project: Project, tmp_path: Path) -> None:
    """No login, no passphrase, no cluster, no state of the user's is in its environment; plugins are."""
    home = tmp_path / "home"
    (home / "plugins").mkdir(parents=True)
    env = {
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": "s3://theirs",
        "PULUMI_ACCESS_TOKEN": "x",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "/theirs",
        "KUBECONFIG": "/theirs",
        "PATH": "/bin",
    }
    with place(project, lab(project), "team/lab", env, ephemeral=True) as made:
        assert made.stack == "lab"
        assert made.env["PULUMI_CONFIG_PASSPHRASE"] == ""
        assert "PULUMI_ACCESS_TOKEN" not in made.env
        assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in made.env
        assert made.env["PULUMI_BACKEND_URL"] == f"file://{Path(made.env['PULUMI_HOME']).parent}/state"
        assert Path(made.env["KUBECONFIG"]).parent == Path(made.env["PULUMI_HOME"]).parent
        assert not Path(made.env["KUBECONFIG"]).exists()
        assert Path(made.env["PULUMI_HOME"], "plugins").resolve() == (home / "plugins").resolve()
        assert made.env["PATH"] == "/bin"
        home = Path(made.env["PULUMI_HOME"])
    assert not home.parent.exists()


def test_its_stack_file_has_stand_ins_for_secrets(project: Project) -> None:
    """What only the user's passphrase opens is left out; what is to be encrypted anew is named."""
    with place(project, lab(project), "lab", {}, ephemeral=True) as made:
        found = yaml.safe_load((made.folder / "Pulumi.lab.yaml").read_text(encoding="utf-8"))
        assert found == {"config": {"voltaic:model": "gpt2", "other:settings": {"list": ["not-readable-here"]}}}
        assert made.secrets == {"voltaic:hfToken": "not-readable-here"}


def test_a_place_on_the_users_state_has_his_file_as_it_is(project: Project) -> None:
    """Byte for byte, and his environment."""
    with place(project, lab(project), "team/lab", {"A": "b"}, ephemeral=False) as made:
        assert (made.folder / "Pulumi.lab.yaml").read_text(encoding="utf-8") == TEXT
        assert (made.stack, made.env, made.secrets) == ("team/lab", {"A": "b"}, {})


@pytest.mark.parametrize("ephemeral", [True, False])
def test_the_program_is_linked_and_stack_files_are_not(project: Project, ephemeral: bool) -> None:  # noqa: FBT001
    """Pulumi can write into no file of the user's that it would."""
    before = {path: path.read_bytes() for path in project.root.glob("*") if path.is_file()}
    with place(project, lab(project), "lab", {}, ephemeral=ephemeral) as made:
        assert (made.folder / "__main__.py").is_symlink()
        assert {path.name for path in made.folder.iterdir()} == {"Pulumi.yaml", "Pulumi.lab.yaml", "__main__.py"}
        (made.folder / "Pulumi.lab.yaml").write_text("changed", encoding="utf-8")
    assert {path: path.read_bytes() for path in project.root.glob("*") if path.is_file()} == before


def test_what_lies_above_the_project_is_there_too(tmp_path: Path) -> None:
    """Up to the top of the repository: an environment or a module that several projects share."""
    root = tmp_path / "repo" / "deploy" / "llm"
    root.mkdir(parents=True)
    (tmp_path / "repo/.git").mkdir()
    (tmp_path / "outside").touch()
    (tmp_path / "repo/.venv").mkdir()
    (tmp_path / "repo/deploy/shared.py").write_text("x = 1\n", encoding="utf-8")
    (root / "Pulumi.yaml").write_text("name: a\n", encoding="utf-8")
    (root / "Pulumi.lab.yaml").write_text("config: {}\n", encoding="utf-8")
    project = find(root)
    with place(project, lab(project), "lab", {}, ephemeral=True) as made:
        assert (made.folder / "../../.venv").is_dir()
        assert (made.folder / "../shared.py").read_text(encoding="utf-8") == "x = 1\n"
        assert not (made.folder / "../../../outside").exists()
        assert (made.folder / "Pulumi.yaml").is_file()


@pytest.mark.parametrize(
    ("env", "declared", "stored", "expected"),
    [
        ({}, None, None, None),
        ({"PULUMI_ACCESS_TOKEN": "x"}, None, None, "https://api.pulumi.com"),
        ({"PULUMI_BACKEND_URL": "s3://a"}, "s3://b", "s3://c", "s3://a"),
        ({}, "s3://b", "s3://c", "s3://b"),
        ({}, None, '{"current": "s3://c", "accessTokens": {"s3://c": "t"}}', "s3://c"),
        ({}, None, "not json", None),
        ({"PULUMI_BACKEND_URL": "file:///a/b"}, None, None, "file:///a/b"),
    ],
)
def test_the_backend_is_found_as_pulumi_finds_it(
    tmp_path: Path, env: dict[str, str], declared: str | None, stored: str | None, expected: str | None
) -> None:
    """Environment, project, login; none of them is no fault."""
    if stored is not None:
        (tmp_path / "credentials.json").write_text(stored, encoding="utf-8")
    project = Project(tmp_path, "voltaic", {"backend": {"url": declared}} if declared else {})
    assert backend_of(project, {"PULUMI_HOME": str(tmp_path), **env}) == expected


def test_a_relative_backend_is_one_of_the_working_directory(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Pulumi has it; in its place it would be another."""
    monkeypatch.chdir(tmp_path)
    env = {"PULUMI_BACKEND_URL": "file://./state"}
    assert backend_of(project, env) == f"file://{tmp_path}/state"
    with place(project, lab(project), "lab", env, ephemeral=False) as made:
        assert made.env["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/state"


def test_a_state_of_a_local_backend_is_seen_without_pulumi(project: Project, tmp_path: Path) -> None:
    """Compressed or not; an empty backend is not touched."""
    url = f"file://{tmp_path}/state"
    assert state_file(url, project, "lab", {}) is None
    assert not (tmp_path / "state").exists()
    folder = tmp_path / "state/.pulumi/stacks/voltaic"
    folder.mkdir(parents=True)
    (folder / "lab.json.gz").write_bytes(b"")
    assert state_file(url, project, "organization/voltaic/lab", {}) == folder / "lab.json.gz"


def test_pulumi_is_taken_from_this_shell_first(tmp_path: Path) -> None:
    """Its environment stays as it is."""
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    own = {"PATH": str(tmp_path), "X": "y"}
    assert environment(tmp_path, own) == own


def test_else_from_what_set_up_made_in_the_project(tmp_path: Path) -> None:
    """As `. ./activate` would."""
    tools = tmp_path / ".voltaic"
    (tools / "bin").mkdir(parents=True)
    program = tools / "bin/pulumi"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    (tools / "env.sh").write_text(f'PATH={tools}/bin:$PATH\nexport PATH VALUE="a b"\n', encoding="utf-8")
    found = environment(tmp_path, {"PATH": "/usr/bin:/bin"})
    assert found["PATH"].startswith(f"{tools}/bin")
    assert found["VALUE"] == "a b"


def test_the_pack_is_the_one_beside_this_command() -> None:
    """Found, and not imported."""
    assert (pack() / "PulumiPolicy.yaml").is_file()
    assert pack().name == "policies"
