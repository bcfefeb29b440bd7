"""`voltaic preview` as it is typed: exit codes, documents, files, and what it does not load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.complete import stacks
from cli.pull_request import previewing
from cli.pull_request.engine import Run, Violation
from cli.pull_request.model import Message, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT = Path(__file__).parents[2]
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
ACCEPTED = f"config:\n  voltaic:profile: v100-2gpu\n  voltaic:model: {MISTRAL}\n"
REFUSED = "config:\n  voltaic:profile: v100-1gpu\n  voltaic:model: meta-llama/Llama-2-13b-chat-hf\n"
UNKNOWN = "config:\n  voltaic:profile: v100-1gpu\n  voltaic:model: nobody/unknown\n"
INVALID = "config:\n  voltaic:profile: v100-1gpu\n  voltaic:modle: x\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in the working directory, and a pulumi that is only found."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    program.chmod(0o755)
    root = tmp_path / "root"
    root.mkdir()
    keys = "config:\n  profile: {default: ''}\n  model: {default: ''}\n"
    (root / "Pulumi.yaml").write_text(f"name: voltaic\nruntime: python\n{keys}", encoding="utf-8")
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_OPTION_POLICY_PACK"):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """What the previews show, in turn; the last one again and again."""
    planned = [Run(began=True)]

    def preview(*_: Any) -> Run:
        return planned.pop(0) if len(planned) > 1 else planned[0]

    monkeypatch.setattr(previewing.engine, "preview", preview)
    return planned


def stack(project: Path, name: str, text: str) -> None:
    """Write a stack file."""
    (project / f"Pulumi.{name}.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [(ACCEPTED, 0, "ACCEPTED"), (REFUSED, 1, "REFUSED"), (INVALID, 2, "NOT PREVIEWED"), (UNKNOWN, 3, "UNKNOWN")],
)
def test_exit_codes_and_the_comment_that_is_always_written(  # noqa: PLR0917  one row of a table
    voltaic: Voltaic,
    project: Path,
    runs: list[Run],
    text: str,
    code: int,
    word: str,
) -> None:
    """0, 1, 2 or 3; the comment says the same, whatever the verdict."""
    stack(project, "lab", text)
    result = voltaic("preview", "-s", "lab", "--comment", "comment.md")
    assert result.exit_code == code
    assert result.stdout.startswith(word)
    comment = (project / "comment.md").read_text(encoding="utf-8")
    assert comment.startswith("<!-- voltaic-preview project=voltaic -->\n\n## voltaic preview: ")
    assert f"preview: {word.lower()}" in comment
    assert "Traceback" not in result.output


def test_a_mandatory_violation_of_another_pack_refuses(voltaic: Voltaic, project: Path, runs: list[Run]) -> None:
    """What the judge accepts, a company's own policy may refuse."""
    stack(project, "lab", ACCEPTED)
    runs[0] = Run(violations=[Violation("no-gpu", "company", "mandatory", "No GPUs on Sunday.", "urn::x")], failed=True)
    result = voltaic("preview", "-s", "lab")
    assert result.exit_code == 1
    assert "No GPUs on Sunday." in result.stdout


def test_an_unknown_that_is_stopped_shows_no_steps(voltaic: Voltaic, project: Path, runs: list[Run]) -> None:
    """What a preview had shown until then would not come to pass."""
    stack(project, "lab", UNKNOWN)
    runs[0] = Run(deployment("nobody/unknown").steps, failed=True, began=True)
    result = voltaic("preview", "-s", "lab")
    assert result.exit_code == 3
    assert "What cannot be judged is not deployed" in result.stdout
    assert "Deployment" not in result.stdout
    runs[0] = deployment("nobody/unknown")
    assert "Deployment tgi starts" in voltaic("preview", "-s", "lab").stdout


def test_a_preview_that_fails_is_no_accept(voltaic: Voltaic, project: Path, runs: list[Run]) -> None:
    """The reason is told, and the exit code is that of bad input."""
    stack(project, "lab", ACCEPTED)
    runs[0] = Run(messages=[Message("error", "this stack lives in another cluster")], failed=True, began=True)
    result = voltaic("preview", "-s", "lab")
    assert result.exit_code == 2
    assert "this stack lives in another cluster" in result.stdout


def test_all_stacks_where_none_is_named(voltaic: Voltaic, project: Path, runs: list[Run]) -> None:
    """Every stack with a file; the exit code is the worst of all."""
    stack(project, "a", ACCEPTED)
    stack(project, "b", REFUSED)
    document = json.loads(voltaic("preview", "--json").stdout)
    assert [(one["stack"], one["outcome"]) for one in document["stacks"]] == [("a", "accept"), ("b", "refuse")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-s", "lub"), "lub: there is no Pulumi.lub.yaml in"),
        (("-s", "lub"), "did you mean lab?"),
        (("-s", "lab", "--base", "nowhere"), "--base nowhere: "),
    ],
)
def test_bad_input_is_one_clear_error(
    voltaic: Voltaic, project: Path, runs: list[Run], words: tuple[str, ...], told: str
) -> None:
    """Exit code 2, in the report and in the comment."""
    stack(project, "lab", ACCEPTED)
    result = voltaic("preview", *words, "--comment", "comment.md")
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
    assert "not previewed" in (project / "comment.md").read_text(encoding="utf-8")


def test_outside_of_a_project_it_says_so(voltaic: Voltaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, with the next step."""
    monkeypatch.chdir(tmp_path)
    result = voltaic("preview")
    assert result.exit_code == 2
    assert "no Pulumi.yaml in" in result.output


def test_a_project_without_stacks_says_so(voltaic: Voltaic, project: Path) -> None:
    """And how to make one."""
    result = voltaic("preview")
    assert result.exit_code == 2
    assert "pulumi stack init NAME" in result.output


def test_without_pulumi_one_line_says_what_to_do(
    voltaic: Voltaic, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where set-up has not run either."""
    from cli.pull_request import tools

    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(tools, "__file__", str(tmp_path / "a/b/c/tools.py"))
    stack(project, "lab", ACCEPTED)
    result = voltaic("preview", "-s", "lab")
    assert result.exit_code == 2
    assert result.output.strip() == "voltaic preview: pulumi is not on PATH: run `make setup`, then: . ./activate"


def test_a_broken_pulumi_is_told(voltaic: Voltaic, project: Path) -> None:
    """A program of that name that is none ends in no traceback."""
    stack(project, "lab", ACCEPTED)
    result = voltaic("preview", "-s", "lab")
    assert result.exit_code == 2
    assert "pulumi on PATH does not tell its version" in " ".join(result.output.split())


def test_a_comment_that_cannot_be_written_is_known_before_the_work(voltaic: Voltaic, project: Path) -> None:
    """Nothing is previewed for it."""
    stack(project, "lab", ACCEPTED)
    result = voltaic("preview", "-s", "lab", "--comment", "no/such/folder/c.md")
    assert result.exit_code == 2
    assert "no/such/folder" in result.output


def test_the_document_meets_its_schema(
    voltaic: Voltaic, project: Path, runs: list[Run], problems: Callable[[str, Any], list[str]]
) -> None:
    """Accepted, refused, invalid and unknown stacks, steps and messages; and the document of bad usage."""
    for name, text in (("a", ACCEPTED), ("b", REFUSED), ("c", INVALID), ("d", UNKNOWN)):
        stack(project, name, text)
    urn = "urn:pulumi:a::voltaic::voltaic:index:TGIServer$kubernetes:apps/v1:Deployment::tgi"
    runs[0] = Run(
        steps={urn: Step("create", urn, "kubernetes:apps/v1:Deployment", new={"spec": {"replicas": 1}})},
        violations=[Violation("image-tag", "voltaic", "advisory", "T?\nNo tag.\nSources: a; b", urn)],
        messages=[Message("warning", "careful")],
    )
    document = json.loads(voltaic("preview", "--json").stdout)
    assert problems("preview.schema.json", document) == []
    assert document["stacks"][0]["pods"][0]["is_server"] is True
    broken = json.loads(voltaic("preview", "--base", "nowhere", "--json").stdout)
    assert problems("preview.schema.json", broken) == []
    assert broken["faults"]
    usage = json.loads(voltaic("preview", "--comment", "no/such/c.md", "--json").stdout)
    assert problems("preview.schema.json", usage) == []


@pytest.mark.parametrize("change", [{"outcome": "fine"}, {"stacks": [{}]}, {"schema": "x"}, {"marker": None}])
def test_the_schema_refuses_what_is_no_preview(
    voltaic: Voltaic, project: Path, runs: list[Run], problems: Callable[[str, Any], list[str]], change: dict[str, Any]
) -> None:
    """A schema that accepts everything would prove nothing."""
    stack(project, "a", ACCEPTED)
    document = json.loads(voltaic("preview", "--json").stdout)
    assert problems("preview.schema.json", document | change)


def test_completion_offers_the_stacks_of_the_project(project: Path) -> None:
    """Read when the shell asks; elsewhere there are none."""
    stack(project, "lab", ACCEPTED)
    stack(project, "prod", ACCEPTED)
    assert stacks("") == ["lab", "prod"]
    assert stacks("l") == ["lab"]
    os.chdir("/")
    assert stacks("") == []


@pytest.mark.parametrize("words", [("--help",), ("preview", "--help"), ("plan", "--help"), ("rules",)])
def test_nobody_else_loads_pulumi(words: tuple[str, ...]) -> None:
    """The Automation API is loaded by a preview alone, and not even by its help."""
    code = (
        "import sys\nfrom cli.main import app\n"
        "try:\n    app(sys.argv[1:], prog_name='voltaic')\nexcept SystemExit:\n    pass\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in {'pulumi', 'grpc', 'semver', 'google'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_shows_an_example_and_the_exit_codes(voltaic: Voltaic) -> None:
    """What to type, and what the answer means."""
    text = voltaic("preview", "--help").stdout
    assert "voltaic preview -s v100-2gpu" in text
    assert "Exit codes: 0 accepted, 1 refused, 2 bad input" in text


def test_a_terminal_sees_progress_and_a_pipe_none(voltaic: Voltaic, project: Path, runs: list[Run]) -> None:
    """Continuous integration keeps quiet logs."""
    stack(project, "lab", ACCEPTED)
    assert voltaic("preview", "-s", "lab").stderr == ""


def git(folder: Path, *words: str) -> None:
    """Run git as somebody."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def committed(project: Path) -> Path:
    """The project with two stacks committed."""
    stack(project, "lab", ACCEPTED)
    stack(project, "old", ACCEPTED.replace("v100-2gpu", "v100-32gb-1gpu"))
    git(project, "init")
    git(project, "add", ".")
    git(project, "commit", "-m", "one")
    return project


def told(voltaic: Voltaic, *words: str) -> dict[str, dict[str, Any]]:
    """Return the stacks of a preview against the commit, by name."""
    document = json.loads(voltaic("preview", "--base", "main", "--json", *words).stdout)
    return {one["stack"]: one for one in document["stacks"]}


def deployment(model: str) -> Run:
    """Return a preview that makes a server of this model, and a volume."""
    kind = "kubernetes:apps/v1:Deployment"
    urn = f"urn:pulumi:lab::voltaic::voltaic:index:TGIServer${kind}::tgi"
    spec = {"replicas": 1, "template": {"spec": {"containers": [{"args": ["--model-id", model]}]}}}
    claim = "kubernetes:core/v1:PersistentVolumeClaim"
    labels = {"app.kubernetes.io/component": "inference"}
    volume = Step("create", f"urn:::{claim}::cache", claim, new={"metadata": {"name": "cache", "labels": labels}})
    return Run(steps={urn: Step("create", urn, kind, new={"spec": spec}), volume.urn: volume}, began=True)


def test_a_changed_model_restarts_and_keeps_its_volume(voltaic: Voltaic, committed: Path, runs: list[Run]) -> None:
    """The two previews, of the file here and of that at the base, are compared; only another model is downloaded."""
    for model, downloads in ((MISTRAL, "nothing is downloaded again"), ("microsoft/phi-2", "download at 50 MB/s")):
        extra = "  voltaic:maxBatchSize: 1\n" if model == MISTRAL else ""
        stack(committed, "lab", ACCEPTED.replace(MISTRAL, model) + extra)
        runs[:] = [deployment(f"{model}!"), deployment(MISTRAL)]
        found = told(voltaic, "-s", "lab", "--comment", "c.md")["lab"]
        assert found["compared_with"] == "base"
        assert [(one["fate"], one["is_server"]) for one in found["pods"]] == [("restarts", True)]
        assert [one["fate"] for one in found["volumes"]] == ["stays"]
        assert downloads in (committed / "c.md").read_text(encoding="utf-8")


def test_new_deleted_and_renamed_stacks(voltaic: Voltaic, committed: Path, runs: list[Run]) -> None:
    """All are listed where none is named; a deleted one fails nothing, and a renamed one is called what it is."""
    (committed / "Pulumi.old.yaml").rename(committed / "Pulumi.fresh.yaml")
    stack(committed, "other", "config:\n  voltaic:profile: v100-1gpu\n  voltaic:model: microsoft/phi-2\n")
    result = voltaic("preview", "--base", "main")
    assert result.exit_code == 0
    found = told(voltaic)
    assert {name: one["outcome"] for name, one in found.items()} == {
        "fresh": "accept",
        "lab": "accept",
        "old": "gone",
        "other": "accept",
    }
    assert "looks like Pulumi.old.yaml at main under another name" in found["fresh"]["notes"][0]
    assert found["fresh"]["compared_with"] == "nothing"
    assert found["other"]["notes"][0] == "New stack: there is no Pulumi.other.yaml at main."
    assert "pulumi destroy -s old" in found["old"]["notes"][0]


def test_a_base_that_would_not_run_is_nothing_to_compare_with(
    voltaic: Voltaic, committed: Path, runs: list[Run]
) -> None:
    """A refused or unreadable file at the base is said, and the change is judged all the same."""
    for text, word in ((REFUSED, "refused"), (INVALID, "not previewed")):
        stack(committed, "lab", text)
        git(committed, "commit", "-am", word)
        stack(committed, "lab", ACCEPTED)
        found = told(voltaic, "-s", "lab")["lab"]
        assert (found["outcome"], found["compared_with"]) == ("accept", "nothing")
        assert any(f"Pulumi.lab.yaml at main is itself {word}" in note for note in found["notes"])


def test_a_base_that_cannot_be_previewed_any_more_is_said(voltaic: Voltaic, committed: Path, runs: list[Run]) -> None:
    """The program may have changed so that the old file fails in it."""
    runs[:] = [deployment(MISTRAL), Run(failed=True)]
    found = told(voltaic, "-s", "lab")["lab"]
    assert (found["outcome"], found["compared_with"]) == ("accept", "nothing")
    assert any("cannot be previewed any more" in note for note in found["notes"])


def test_a_state_that_cannot_be_read_is_said(
    voltaic: Voltaic, committed: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend without an answer stops nothing: the file at the base is compared with, and the note says why."""
    from pulumi.automation._cmd import CommandResult
    from pulumi.automation.errors import CommandError

    def no_answer(*_: Any) -> bool:
        raise CommandError(CommandResult("", "error: could not connect with token hunter2-planted", 255))

    monkeypatch.setattr(previewing.engine, "has_stack", no_answer)
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://theirs")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "hunter2-planted")
    found = told(voltaic, "-s", "lab")["lab"]
    assert (found["outcome"], found["compared_with"]) == ("accept", "base")
    assert any(
        "the state cannot be read here (could not connect with token (hidden))" in note for note in found["notes"]
    )


def test_what_is_deployed_is_what_comes_before(
    voltaic: Voltaic, committed: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a state and no base, the bill before is that of the deployed server; with a base, a difference is said."""
    spec = {"gpu": "v100-16gb", "gpus": 1.0, "engine": "tgi", "model": "microsoft/phi-2", "engine_version": "3.0.1"}
    inputs = {"spec": spec, "settings": {"profile": "v100-1gpu", "model": "microsoft/phi-2"}}
    resources = [{"type": "voltaic:index:TGIServer", "inputs": inputs}]
    monkeypatch.setattr(previewing.engine, "has_stack", lambda *_: True)
    monkeypatch.setattr(
        previewing.engine, "exported", lambda *_, **__: {"deployment": {"resources": resources}, "version": 3}
    )
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://theirs")
    document = json.loads(voltaic("preview", "-s", "lab", "--json").stdout)
    (found,) = document["stacks"]
    assert (found["compared_with"], found["before"]["where"]) == ("state", "deployed")
    assert {"name": "model", "before": "microsoft/phi-2", "after": MISTRAL} in found["settings"]
    based = told(voltaic, "-s", "lab")["lab"]
    assert based["before"]["where"] == "Pulumi.lab.yaml at main"
    assert any(note.startswith("Deployed is microsoft/phi-2 on 1 x v100-16gb") for note in based["notes"])


def test_a_state_without_its_passphrase_is_not_used(
    voltaic: Voltaic, committed: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview that ends before the program is started says nothing of the stack."""
    monkeypatch.setattr(previewing.engine, "has_stack", lambda *_: True)
    monkeypatch.setattr(previewing.engine, "exported", lambda *_, **__: {})
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://theirs")
    runs[:] = [Run(failed=True, said="error: incorrect passphrase"), deployment(MISTRAL)]
    found = told(voltaic, "-s", "lab")["lab"]
    assert (found["outcome"], found["compared_with"]) == ("accept", "base")
    assert any("the state cannot be used here (incorrect passphrase)" in note for note in found["notes"])
