"""The workflow files: valid, pinned, safe for forks; and their commands, run here as far as they can be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
GITLAB = ROOT / "ci" / "gitlab.yml"
USES = re.compile(r"^\s*(?:- )?uses: (?P<what>[^\s@#]+)(?:@(?P<ref>\S+))?(?: # (?P<remark>.*))?$", re.MULTILINE)


def load(path: Path) -> Any:
    """Return a workflow file; YAML 1.1 reads its key `on` as true."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("schema", "path"),
    [("github-workflows", path) for path in WORKFLOWS]
    + [("github-actions", path) for path in ACTIONS]
    + [("gitlab-ci", GITLAB)],
    ids=lambda value: value if isinstance(value, str) else f"{value.parent.name}-{value.stem}",
)
def test_files_are_what_their_service_reads(schema: str, path: Path) -> None:
    """Every file follows the schema that its service publishes."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    if schema == "gitlab-ci":
        command += ["--data-transform", "gitlab-ci"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_audit_finds_nothing_unsafe() -> None:
    """No injection, no leaked credentials, no dangerous trigger but the one that says why it is none."""
    done = subprocess.run(
        [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", "--persona=auditor", ".github"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_actions_of_others_are_pinned_by_commit(path: Path) -> None:
    """An action of somebody else is named by its commit, with the release for readers beside it."""
    found = list(USES.finditer(path.read_text(encoding="utf-8")))
    assert found
    for use in found:
        if use["what"].startswith("./"):
            continue
        assert re.fullmatch(r"[0-9a-f]{40}", use["ref"] or ""), use[0]
        assert re.match(r"v[0-9]+\.[0-9]+\.[0-9]+", use["remark"] or ""), use[0]


def test_what_a_pull_request_brings_runs_without_rights() -> None:
    """The workflow that runs foreign code may read this repository and no more, and has no secret to lose."""
    text = (ROOT / ".github" / "workflows" / "preview.yml").read_text(encoding="utf-8")
    workflow = load(ROOT / ".github" / "workflows" / "preview.yml")
    assert set(workflow[True]) == {"pull_request"}
    assert workflow["permissions"] == {}
    assert [job["permissions"] for job in workflow["jobs"].values()] == [{"contents": "read"}]
    assert "secrets" not in text
    for path in [*WORKFLOWS, *ACTIONS]:
        assert "pull_request_target" not in path.read_text(encoding="utf-8")


def test_the_right_to_comment_runs_nothing_of_the_pull_request() -> None:
    """The workflow with the right to write checks out the default branch alone, and reads the artifact as a file."""
    workflow = load(ROOT / ".github" / "workflows" / "comment.yml")
    (job,) = workflow["jobs"].values()
    checkouts = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert [checkout["ref"] for checkout in checkouts] == ["${{ github.event.repository.default_branch }}"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == [
        'python3 ci/comment.py github "$RUNNER_TEMP/voltaic/comment.md" --head "$HEAD" --commit "$COMMIT"'
    ]


def test_names_that_files_share_agree() -> None:
    """The artifact that one workflow leaves is the one that the other fetches, under the name that it has there."""
    preview = load(ROOT / ".github" / "workflows" / "preview.yml")
    comment = load(ROOT / ".github" / "workflows" / "comment.yml")
    action = load(ROOT / ".github" / "actions" / "preview" / "action.yml")
    left = preview["jobs"]["preview"]["steps"][-1]["with"]["name"]
    fetched = [step["with"] for step in comment["jobs"]["comment"]["steps"] if "artifact" in step.get("uses", "")]
    assert [step["name"] for step in fetched] == [left]
    assert comment[True]["workflow_run"]["workflows"] == [preview["name"]]
    assert Path(action["inputs"]["comment"]["default"]).name == "comment.md"
    gitlab = load(GITLAB)
    assert gitlab["voltaic-preview"]["artifacts"]["paths"] == [gitlab["voltaic-preview"]["variables"]["COMMENT"]]
    assert gitlab["voltaic-comment"]["script"][-1].endswith(gitlab["voltaic-preview"]["variables"]["COMMENT"])
