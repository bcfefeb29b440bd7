"""What is told of pods that are not ready."""

from __future__ import annotations

from typing import Any

import pytest

from cli.cluster import objects
from cli.deploying.watching import Told, events


def pod(
    *, state: dict[str, Any] | None = None, last: dict[str, Any] | None = None, restarts: int = 0, **rest: Any
) -> Any:
    """Return a pod as the API server has it."""
    status = {"name": "tgi", "ready": False, "restartCount": restarts, "state": state or {}, "lastState": last or {}}
    return objects.pod(
        {
            "metadata": {"name": "tgi-1", "namespace": "llm"},
            "spec": {"containers": [{"name": "tgi", "image": "a/b:1"}]},
            "status": {"phase": "Pending", "containerStatuses": [status] if state or last else [], **rest},
        }
    )


UNSCHEDULED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
}
KILLED = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
BACKOFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            pod(conditions=[UNSCHEDULED]),
            [("pending", "pod tgi-1 waits for a node: 1 node(s) have too few free GPUs (nvidia.com/gpu)")],
        ),
        (
            pod(state=BACKOFF, last=KILLED, restarts=2),
            [
                (
                    "ended",
                    (
                        "pod tgi-1 ended: it took more host memory than its limit, and was killed "
                        "(exit code 137, signal 9); 2 restarts"
                    ),
                )
            ],
        ),
        (
            pod(state={"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "a/b:1"'}}),
            [("waits", "pod tgi-1 waits (ImagePullBackOff): its image cannot be pulled")],
        ),
        (
            pod(state=BACKOFF, last={"terminated": {"exitCode": 3, "reason": "Error"}}, restarts=1),
            [("ended", "pod tgi-1 ended: its program ended with an error (exit code 3)")],
        ),
        (pod(state={"waiting": {"reason": "ContainerCreating"}}), []),
        (pod(state={"running": {"startedAt": "2026-11-21T18:00:00Z"}}), []),
    ],
)
def test_events(found: Any, told: list[tuple[str, str]]) -> None:
    """What matters is told in plain words, and what is usual is not."""
    assert events(found, Told()) == told


def test_nothing_is_told_twice() -> None:
    """The same again is no news; another restart is."""
    told = Told()
    assert events(pod(state=BACKOFF, last=KILLED, restarts=2), told)
    assert not events(pod(state=BACKOFF, last=KILLED, restarts=2), told)
    assert events(pod(state=BACKOFF, last=KILLED, restarts=3), told)
