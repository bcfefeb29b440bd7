"""The hooks of .pre-commit-hooks.yaml, run by pre-commit itself on a repository of somebody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent
FITS = "config:\n  voltaic:profile: v100-2gpu\n  voltaic:model: mistralai/Mistral-7B-Instruct-v0.2\n"
TOO_LARGE = FITS.replace("v100-2gpu", "v100-1gpu").replace("Mistral-7B-Instruct-v0.2", "Mixtral-8x7B-Instruct-v0.1")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository that uses our hooks, with the program of this environment instead of an install of its own."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    for hook in hooks:
        hook["language"] = "unsupported"
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def hook(repository: Path, name: str, **files: str) -> subprocess.CompletedProcess[str]:
    """Put files there, and run one hook on all of them."""
    for path, text in files.items():
        file = repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    subprocess.run(["git", "add", "--all"], cwd=repository, check=True)
    environ = os.environ | {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(repository.parent / f"{repository.name}-hooks"),
    }
    return subprocess.run(
        [TOOLS / "pre-commit", "run", "--all-files", "--color=never", "--verbose", name],
        cwd=repository,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_stack_that_starts_is_committed(repository: Path) -> None:
    """A stack file that is accepted passes its hook."""
    done = hook(
        repository, "voltaic-stacks", **{"infra/Pulumi.lab.yaml": FITS, "Pulumi.yaml": "name: x\nruntime: python\n"}
    )
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout
    assert "infra/Pulumi.lab.yaml:1: Stack lab" in done.stdout


def test_a_stack_that_would_fail_is_not(repository: Path) -> None:
    """A stack file that is refused stops the commit, with the number and the reason."""
    done = hook(repository, "voltaic-stacks", **{"Pulumi.lab.yaml": TOO_LARGE})
    assert done.returncode == 1
    assert "vram-budget" in done.stdout
    assert "Failed" in done.stdout


def test_manifests_are_judged_and_templates_left_out(repository: Path) -> None:
    """What is rendered is judged; templates of charts, stack files and other files are not this hook's."""
    refused = (ROOT / "docs" / "examples" / "public-recipe.yaml").read_text(encoding="utf-8")
    files = {"deploy/server.yaml": refused, "chart/templates/server.yaml": "{{ if }}", "Pulumi.lab.yaml": TOO_LARGE}
    done = hook(repository, "voltaic-manifests", **files, **{"notes.md": "text"})
    assert done.returncode == 1
    assert "deploy/server.yaml" in done.stdout
    for name in ("chart/templates", "Pulumi.lab.yaml", "notes.md"):
        assert name not in done.stdout


def test_hooks_are_what_pre_commit_reads() -> None:
    """The file is a manifest of hooks as pre-commit wants it."""
    command = [TOOLS / "pre-commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
