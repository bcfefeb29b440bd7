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
