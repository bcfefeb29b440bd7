"""The scripts of the workflows, run by the files that call them, with a `voltaic` that tells how it was called."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
VOLTAIC = """#!/usr/bin/env python3
import json, os, pathlib, sys
words = sys.argv[1:]
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps([os.getcwd(), *words]) + "\\n")
if "--comment" in words and os.environ.get("ANSWER") != "2":
    pathlib.Path(words[words.index("--comment") + 1]).write_text("the comment\\n")
if "sarif" in words:
    print("{}")
sys.exit(int(os.environ.get("ANSWER", "0")))
"""


class Runner:
    """Runs the steps of an action, or the script of a job, as its service would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "voltaic"
        for name in ("ci", ".github"):
            shutil.copytree(ROOT / name, self.checkout / name)
        self.project = folder / "project"
        self.project.mkdir()
        tools = folder / "bin"
        tools.mkdir()
        for name, text in {"voltaic": VOLTAIC, "make": "#!/bin/sh\n:\n"}.items():
            (tools / name).write_text(text, encoding="utf-8")
            (tools / name).chmod(0o755)
        (self.checkout / ".voltaic").mkdir()
        (self.checkout / ".voltaic" / "env.sh").write_text(f"PATH={tools}:$PATH\n", encoding="utf-8")
        self.env = {
            "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "CALLS": str(folder / "calls"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "RUNNER_TEMP": str(folder / "temp"),
        }

    def bash(self, script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run one step as GitHub runs `shell: bash`."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.project,
            env=self.env | env,
            capture_output=True,
            text=True,
            check=False,
        )

    def step(self, action: str, which: str, inputs: dict[str, str], **env: str) -> subprocess.CompletedProcess[str]:
        """Run the step of an action whose script holds a word, with the action's inputs."""
        file = yaml.safe_load((self.checkout / ".github" / "actions" / action / "action.yml").read_text())
        (step,) = [step for step in file["runs"]["steps"] if which in step.get("run", "")]
        values = {f"inputs.{name}": str(one.get("default", "")) for name, one in file["inputs"].items()}
        values |= {f"inputs.{name}": value for name, value in inputs.items()}
        values["steps.tools.outputs.root"] = str(self.checkout)
        values["github.action_path"] = str(self.checkout / ".github" / "actions" / action)
        given = {name: filled(text, values) for name, text in step.get("env", {}).items()}
        return self.bash(step["run"], given | env)

    @property
    def calls(self) -> list[list[str]]:
        """Folder and words of each call of `voltaic`."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def outputs(self) -> dict[str, str]:
        """Return what the steps handed on."""
        lines = (self.folder / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


def filled(text: Any, values: dict[str, str]) -> str:
    """Return an expression of a workflow with its values; those of the event are empty."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: values.get(match[1], ""), str(text))


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a runner with an empty project."""
    return Runner(tmp_path)


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, "accept"), (1, "refuse"), (2, "failed"), (3, "unknown"), (130, "failed")]
)
def test_the_preview_hands_on_its_verdict(runner: Runner, code: int, verdict: str) -> None:
    """The action ends as `voltaic preview` does, and says the verdict and where the comment is."""
    comment = runner.folder / "new folder" / "comment.md"
    done = runner.step("preview", "preview.sh", {"comment": str(comment)}, ANSWER=str(code))
    assert done.returncode == code, done.stderr
    assert done.stdout == f"verdict: {verdict}\n"
    written = {} if code == 2 else {"comment": str(comment)}
    assert runner.outputs() == {"verdict": verdict, **written}
    assert comment.exists() == (code != 2)
    if written:
        assert (runner.folder / "summary").read_text() == "the comment\n"


def test_inputs_are_words_not_code(runner: Runner) -> None:
    """Names of stacks and commits reach the command as they are, whatever a shell would make of them."""
    comment = runner.folder / "comment.md"
    inputs = {"stacks": "v100-1gpu $(touch${IFS}x) ;ls", "base": "main; touch x", "comment": str(comment)}
    assert runner.step("preview", "preview.sh", inputs).returncode == 0
    assert runner.calls == [
        [
            str(runner.project),
            *("preview", "--comment", str(comment)),
            *("--stack=v100-1gpu", "--stack=$(touch${IFS}x)", "--stack=;ls"),
            "--base=main; touch x",
        ]
    ]
    assert not (runner.project / "x").exists()


def test_an_old_comment_is_not_handed_on(runner: Runner) -> None:
    """Where a preview fails before it can write, the comment of the run before does not stand in for it."""
    comment = runner.folder / "comment.md"
    comment.write_text("old", encoding="utf-8")
    assert runner.step("preview", "preview.sh", {"comment": str(comment)}, ANSWER="2").returncode == 2
    assert not comment.exists()


def test_the_tools_have_a_key_of_their_own(runner: Runner) -> None:
    """The cache of the tool chain follows the files that it is built from, and nothing else."""
    for name in ("requirements.txt", "toolchain/go.sum", "README.md"):
        (runner.checkout / name).parent.mkdir(exist_ok=True)
        (runner.checkout / name).write_text("one", encoding="utf-8")
    keys = []
    for changed in ("README.md", "toolchain/go.sum", "requirements.txt"):
        (runner.folder / "output").unlink(missing_ok=True)
        (runner.checkout / changed).write_text("two", encoding="utf-8")
        assert runner.step("preview", "sha256sum", {}).returncode == 0
        keys.append(runner.outputs()["key"])
        assert runner.outputs()["root"] == str(runner.checkout)
    assert len(set(keys)) == 3
    (runner.checkout / "README.md").write_text("three", encoding="utf-8")
    (runner.folder / "output").unlink()
    assert runner.step("preview", "sha256sum", {}).returncode == 0
    assert runner.outputs()["key"] == keys[-1]


@pytest.mark.parametrize("code", [0, 1, 3])
def test_gitlab_runs_the_same_preview(runner: Runner, code: int) -> None:
    """The job's own script previews with the merge request's base, and leaves the comment where the artifact is."""
    job = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())["voltaic-preview"]
    env = {
        **{name: str(value) for name, value in job["variables"].items()},
        "VOLTAIC": str(runner.checkout),
        "STACKS": "v100-1gpu",
        "BASE": "c0ffee",
        "ANSWER": str(code),
    }
    env.pop("XDG_CACHE_HOME")
    script = "\n".join(job["script"]).replace("ci/preview.sh", str(runner.checkout / "ci" / "preview.sh"))
    assert runner.bash(script, env).returncode == code
    words = ["preview", "--comment", "voltaic/comment.md", "--stack=v100-1gpu", "--base=c0ffee"]
    assert runner.calls == [[str(runner.project), *words]]
    assert (runner.project / job["artifacts"]["paths"][0]).read_text() == "the comment\n"


def test_the_check_says_it_at_the_lines_and_as_a_report(runner: Runner) -> None:
    """The action asks for remarks at the lines, and for a SARIF report besides where one is wanted."""
    report = runner.folder / "out" / "voltaic.sarif"
    inputs = {"paths": "deploy charts/out.yaml", "profile": "v100-2gpu", "levels": "l.json", "sarif": str(report)}
    done = runner.step("check", "check.sh", inputs, ANSWER="1", GITHUB_ACTIONS="true")
    assert done.returncode == 1, done.stderr
    options = ["check", "--fail-on=mandatory", "--profile=v100-2gpu", "--levels=l.json", "--format"]
    paths = ["--", "deploy", "charts/out.yaml"]
    assert [call[1:] for call in runner.calls] == [[*options, "sarif", *paths], [*options, "github", *paths]]
    assert report.read_text() == "{}\n"


def test_the_check_needs_no_inputs(runner: Runner) -> None:
    """With nothing said the whole folder is checked, in text outside of GitHub."""
    assert runner.step("check", "check.sh", {}).returncode == 0
    assert [call[1:] for call in runner.calls] == [["check", "--fail-on=mandatory", "--format", "text", "--", "."]]
