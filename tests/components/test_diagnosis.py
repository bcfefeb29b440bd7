"""Why pods do not become ready, in words."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components import diagnosis, kubectl
from tests.components import harness

GOOD = {"profile": "v100-2gpu", "model": harness.MODEL}


def pod(**status: Any) -> dict[str, Any]:
    """A pod with this status."""
    return {"kind": "Pod", "metadata": {"name": "tgi-1"}, "status": status}


def container(**fields: Any) -> dict[str, Any]:
    """A pod whose only container has this status."""
    return pod(containerStatuses=[{"ready": False, **fields}])


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            pod(
                conditions=[
                    {"type": "PodScheduled", "status": "False", "message": "0/3 nodes: Insufficient nvidia.com/gpu"}
                ]
            ),
            ["tgi-1 is on no node: 0/3 nodes: Insufficient nvidia.com/gpu"],
        ),
        (
            container(
                state={"waiting": {"reason": "CrashLoopBackOff"}},
                lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137, "message": "killed\n"}},
                restartCount=3,
            ),
            ["tgi-1 ended: OOMKilled, exit code 137, 3 restarts: killed"],
        ),
        (
            container(state={"terminated": {"exitCode": 1, "message": "x" * 1000 + " the end"}}),
            [f"tgi-1 ended: Error, exit code 1: …{'x' * 392} the end"],
        ),
        (
            container(state={"waiting": {"reason": "ErrImagePull", "message": "not found"}}),
            ["tgi-1 waits: ErrImagePull: not found"],
        ),
        (container(state={"waiting": {"reason": "ContainerCreating"}}), []),
        (container(state={"running": {}}), ["tgi-1 runs, and does not answer its probe yet"]),
        (pod(containerStatuses=[{"ready": True, "state": {"running": {}}}]), []),
        (
            {
                "kind": "Deployment",
                "metadata": {"name": "tgi"},
                "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]},
            },
            ["tgi: no pod can be made: exceeded quota"],
        ),
        ({"kind": "Pod"}, []),
    ],
)
def test_each_reason_is_one_line(item: dict[str, Any], expected: list[str]) -> None:
    """What the API server knows of a pod becomes a line with its numbers and its last words."""
    assert list(diagnosis.reasons([item])) == expected


def test_a_kept_volume_is_named_with_both_ways_on() -> None:
    """A claim that exists with another size can be used as it is, or given up."""
    claim = {"metadata": {"name": "tgi-s-cache"}, "spec": {"resources": {"requests": {"storage": "40Gi"}}}}
    found: list[str] = []
    harness.perform(lambda: found.append(diagnosis.kept(claim, "modelCacheSize", "kubectl delete pvc x")), stack="s")
    expected = (
        "tgi-s-cache exists with 40Gi, kept from an earlier deployment or bound as it is. "
        "Use it so with: pulumi config set -s s modelCacheSize 40Gi, "
        "or give up what is in it with: kubectl delete pvc x"
    )
    assert found == [expected]


def explained(
    program: harness.Program, monkeypatch: pytest.MonkeyPatch, items: list[dict[str, Any]], hook: str
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Errors that a hook adds when its object fails, and what it asked kubectl for."""
    run = program(GOOD)
    questions: list[tuple[str, ...]] = []

    def answer(*question: str) -> list[dict[str, Any]]:
        questions.append(question)
        return items

    monkeypatch.setattr(kubectl, "items", answer)
    inputs = {"metadata": {"namespace": "team-a"}}
    args = pulumi.ErrorHookArgs("urn", "", "tgi", "t", new_inputs=inputs, failed_operation="create")
    answers: list[Any] = []
    again = harness.perform(lambda: answers.append(run.error_hooks[hook](args)), stack="v100-2gpu")
    assert answers == [False]  # no retry
    return again.errors, questions


def test_a_failed_server_is_explained(program: harness.Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pods of this component, in this namespace and context, are asked for, and the answer is shown."""
    items = [container(state={"running": {}})]
    errors, questions = explained(program, monkeypatch, items, "explain-tgi")
    labels = "app.kubernetes.io/name=tgi,app.kubernetes.io/instance=v100-2gpu"
    assert questions == [("deployments,pods", "--context", "site", "-n", "team-a", "-l", labels)]
    expected = (
        "tgi-1 runs, and does not answer its probe yet\n"
        f"More with: kubectl --context site -n team-a describe pods -l {labels}"
    )
    assert errors == [expected]


def test_without_kubectl_there_is_something_to_type(program: harness.Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The explanation never fails itself."""
    errors, _ = explained(program, monkeypatch, [], "explain-webui")
    (error,) = errors
    assert error.startswith("nothing could be learnt about its pods\nMore with: kubectl --context site")


def test_a_refused_volume_is_explained(program: harness.Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim that stands in the way is looked up by its name."""
    claim = {"metadata": {"name": "tgi-v100-2gpu-cache"}, "spec": {"resources": {"requests": {"storage": "40Gi"}}}}
    (error,), (question,) = explained(program, monkeypatch, [claim], "explain-tgi-cache")
    assert "metadata.name=tgi-v100-2gpu-cache" in question
    assert error.startswith("tgi-v100-2gpu-cache exists with 40Gi")
    assert error.endswith("kubectl --context site -n team-a delete pvc tgi-v100-2gpu-cache")
