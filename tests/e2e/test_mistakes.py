"""A user's mistakes: one clear error with all faults, no traceback, nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Project

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.slow]

KINDS = ("deployments", "services", "persistentvolumeclaims", "secrets")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"modle": "x"}, ["modle", "did you mean", "model"]),
        ({"maxInputTokens": "0"}, ["maxInputTokens", "0"]),
        ({"gpus": "1.5"}, ["gpus", "1.5"]),
    ],
    ids=["a typo", "no tokens", "half a GPU"],
)
def test_a_fault_in_the_stack_file_is_one_clear_error(
    project: Project, values: dict[str, str], expected: list[str]
) -> None:
    """The error names the stack, the key, the value found and what is allowed."""
    project.config("v100-2gpu", **values)
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done = project.pulumi(*command, "-s", "v100-2gpu")
        assert done.code not in (0, None), done.output
        for text in expected:
            assert text.lower() in done.output.lower(), done.output
        assert "Traceback" not in done.output
        assert project.names(*KINDS) == set()


def test_all_faults_come_in_one_error(project: Project) -> None:
    """Three faults, one error, one round."""
    project.config("v100-2gpu", modle="x", maxInputTokens="0", gpus="1.5")
    done = project.pulumi("preview", "-s", "v100-2gpu")
    assert done.code != 0
    for key in ("modle", "maxInputTokens", "gpus"):
        assert key in done.output, done.output
    assert done.output.count("invalid configuration") <= 2  # the CLI repeats the program's error in its summary
    assert "Traceback" not in done.output


def test_a_stack_file_that_is_not_yaml_is_one_clear_error(project: Project) -> None:
    """Pulumi names the line before it starts the program, `voltaic check` the file too; the file is left as it is."""
    stack_file = project.folder / "Pulumi.v100-2gpu.yaml"
    text = "config:\n  voltaic:profile: [unclosed\n\tmodel: x\n"
    stack_file.write_text(text, encoding="utf-8")
    done = project.pulumi("up", "-s", "v100-2gpu", "--yes", "--skip-preview")
    assert done.code != 0
    assert "invalid YAML file: yaml: line 2" in done.output, done.output
    assert "Traceback" not in done.output
    assert "goroutine" not in done.output
    checked = project.run("voltaic", "check", "Pulumi.v100-2gpu.yaml")
    assert checked.code == 2, checked.output
    assert "Pulumi.v100-2gpu.yaml" in checked
    assert "Traceback" not in checked.output
    assert stack_file.read_text(encoding="utf-8") == text
    assert project.names(*KINDS) == set()


def test_without_a_cluster_preview_still_judges(offline: Project) -> None:
    """No kubeconfig at all: an accepted stack previews, a refused one is refused."""
    accepted = offline.pulumi("preview", "-s", "v100-2gpu")
    assert accepted.code == 0, accepted.output
    offline.config("v100-1gpu", shards="2")
    refused = offline.pulumi("preview", "-s", "v100-1gpu")
    assert refused.code == 1, refused.output
    assert "single-gpu-shard" in refused.output


def test_without_a_cluster_up_says_what_to_do(offline: Project) -> None:
    """The error names the missing kubeconfig and the next step; nothing is half-made."""
    done = offline.pulumi("up", "-s", "v100-2gpu", "--yes", "--skip-preview")
    assert done.code != 0
    assert "kubeconfig" in done.output.lower(), done.output
    assert "Traceback" not in done.output


def test_another_cluster_is_not_touched(
    project: Project, tmp_path_factory: pytest.TempPathFactory, tools: dict[str, str]
) -> None:
    """A kubeconfig that was switched to another cluster is noticed before anything is created or deleted there."""
    from simulator.cluster import Cluster

    up = project.pulumi("up", "-s", "v100-1gpu", "--yes")
    assert up.code == 0, up.output
    other = Cluster(name="other", root=tmp_path_factory.mktemp("other"))
    other.start()
    try:
        before = project.names("deployments", "pods", "services")
        own = project.env["KUBECONFIG"]
        project.env["KUBECONFIG"] = str(other.user_kubeconfig)
        for command in (("preview",), ("up", "--yes", "--skip-preview")):
            done = project.pulumi(*command, "-s", "v100-1gpu")
            assert done.code != 0, done.output
            assert "this stack lives in the cluster of context voltaic-sim" in done.output, done.output
            assert "Nothing was changed" in done.output
            assert "Traceback" not in done.output
        assert project.names("deployments", "pods", "services") == set()
        project.env["KUBECONFIG"] = own
        assert project.names("deployments", "pods", "services") == before
    finally:
        other.delete()
