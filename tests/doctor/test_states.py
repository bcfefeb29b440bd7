"""What Kubernetes objects say: pods, containers, conditions and events as facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from voltaic.doctor import Evidence, Log, diagnose, states

NOW = datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
OWNER = {"kind": "ReplicaSet", "name": "server-1", "controller": True}


def pod(name: str = "server-1-a", *, container: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """Return a pod with one container in a state."""
    found = {"name": "tgi", "restartCount": 0, "ready": False} | (container or {})
    return {
        "kind": "Pod",
        "metadata": {"name": name, "ownerReferences": [OWNER]},
        "spec": {"nodeName": "node-1", "containers": [{"name": "tgi"}]},
        "status": {"phase": "Running", "containerStatuses": [found]} | status,
    }


def event(reason: str, message: str, name: str = "server-1-a", kind: str = "Pod", **more: Any) -> dict[str, Any]:
    """Return an event."""
    return {
        "kind": "Event",
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": kind, "name": name},
    } | more


def said(*documents: Any, now: datetime | None = None) -> list[str]:
    """Return the texts of all facts."""
    found = states.objects(documents)
    return [fact.text for fact in states.facts(found, states.pod_states(found), now)]


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
RUNNING = {"state": {"running": {"startedAt": "2026-11-21T10:00:00Z"}}}


def test_lists_are_read_as_what_they_hold() -> None:
    """`kubectl get -o yaml` prints a List; `kubectl get pods -o json` may print a PodList without kinds within."""
    nested = {"kind": "List", "items": [{"kind": "PodList", "items": [{"metadata": {"name": "a"}}]}, {"kind": "Event"}]}
    assert [each["kind"] for each in states.objects([nested])] == ["Pod", "Event"]


@pytest.mark.parametrize("junk", [None, 3, "text", [], {"kind": 4}, {"items": [None, 3]}, {"kind": "Pod"}])
def test_what_is_no_object_says_nothing(junk: Any) -> None:
    """Files of others hold anything; nothing of it is an error."""
    assert diagnose(Evidence(objects=(junk,))).health == "unknown" or junk == {"kind": "Pod"}


def test_a_container_that_ended_says_how() -> None:
    """Reason, exit code, restarts and the termination message are told, of the container before as well."""
    last = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    found = pod(container={"restartCount": 3, "lastState": last, "state": {"waiting": {"reason": "CrashLoopBackOff"}}})
    assert said(found) == ["waiting CrashLoopBackOff: ", "terminated OOMKilled, exit code 137, 3 restarts"]


def test_a_termination_message_that_is_the_log_is_read_as_one() -> None:
    """With FallbackToLogsOnError the message of a container that ended is the end of its log."""
    last = {"terminated": {"reason": "Error", "exitCode": 1, "message": "Error: ShardCannotStart\nlast"}}
    found = pod(container={"restartCount": 1, "lastState": last})
    found["spec"]["containers"][0]["terminationMessagePolicy"] = "FallbackToLogsOnError"
    (log,) = states.last_words(states.pod_states([found]))
    assert Log(("Error: ShardCannotStart", "last"), "server-1-a", "tgi", previous=True) == log


def test_a_container_that_is_not_ready_says_for_how_long() -> None:
    """How long it has been running, and how long its startup probe waits."""
    found = pod(container=RUNNING)
    found["spec"]["containers"][0]["startupProbe"] = {"periodSeconds": 5, "failureThreshold": 60}
    assert said(found, now=NOW) == ["running and not ready for 300 s, a startup probe that waits 300 s, 0 restarts"]
    assert said(found) == []


def test_a_container_that_is_being_created_is_no_news() -> None:
    """What is usual says nothing."""
    assert said(pod(container={"state": {"waiting": {"reason": "ContainerCreating"}}})) == []


def test_an_evicted_pod_that_was_replaced_is_history() -> None:
    """A pod that failed counts no more once another of its kind is ready."""
    evicted = pod("server-1-b", phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    assert said(evicted) == ["Failed Evicted: The node was low on resource: memory."]
    assert said(evicted, pod(**READY)) == []


@pytest.mark.parametrize(
    ("reason", "message", "status"),
    [
        ("FailedScheduling", "0/1 nodes are available", {}),
        ("Failed", "Failed to pull image", {"container": RUNNING}),
        ("FailedMount", "MountVolume.SetUp failed", {"container": RUNNING}),
        ("BackOff", "Back-off restarting failed container", READY),
    ],
)
def test_events_about_what_is_over_are_history(reason: str, message: str, status: dict[str, Any]) -> None:
    """A pod that has a node was scheduled, one that runs was pulled; events stay for an hour all the same."""
    assert f"{reason}: {message}" not in said(event(reason, message), pod(**status))


def test_events_of_pods_that_are_gone_are_history() -> None:
    """An event of a pod that is not there any more says nothing about those that are."""
    assert said(event("Failed", "Error: ErrImagePull", name="gone"), pod(**READY)) == []
    assert said(event("Failed", "Error: ErrImagePull", name="gone")) == ["Failed: Error: ErrImagePull"]


def test_only_telling_events_of_the_usual_kind_are_read() -> None:
    """Of normal events those count that say why something ended."""
    assert said(event("Pulled", "already present", type="Normal")) == []
    assert said(event("Killing", "failed liveness probe", type="Normal")) == ["Killing: failed liveness probe"]


def test_events_of_replica_sets_that_are_scaled_down_are_history() -> None:
    """The quota that refused a pod of the revision before does not matter any more."""
    old = {"kind": "ReplicaSet", "metadata": {"name": "server-1"}, "spec": {"replicas": 0}}
    refused = event("FailedCreate", "exceeded quota", name="server-1", kind="ReplicaSet")
    assert said(old, refused) == []
    assert said(old | {"spec": {"replicas": 1}}, refused) == ["FailedCreate: exceeded quota"]


def test_claims_and_conditions_are_read() -> None:
    """A claim that is not bound and a Deployment that cannot make pods say so."""
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "status": {"phase": "Pending"}}
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no"}
    holder = {"kind": "Deployment", "metadata": {"name": "d"}, "status": {"conditions": [failed]}}
    assert said(claim, holder) == ["claim is Pending, storage class none", "ReplicaFailure=True FailedCreate: no"]


@pytest.mark.parametrize(
    ("expected", "documents"),
    [
        ("unknown", ()),
        ("unhealthy", (pod(),)),
        ("healthy", (pod(**READY),)),
        ("unhealthy", ({"kind": "Deployment", "spec": {"replicas": 2}, "status": {"readyReplicas": 1}},)),
        ("healthy", ({"kind": "Deployment", "spec": {"replicas": 1}, "status": {"readyReplicas": 1}},)),
        ("unknown", ({"kind": "Deployment", "spec": {"replicas": 0}, "status": {}},)),
        ("healthy", (pod(phase="Succeeded", **READY), pod("b", **READY))),
    ],
)
def test_health(expected: str, documents: tuple[Any, ...]) -> None:
    """Healthy is what has as many ready pods as it wants; nobody can say it of nothing."""
    assert expected == diagnose(Evidence(objects=documents)).health


def test_a_pod_that_serves_is_not_blamed_for_its_log() -> None:
    """A line that looks like a failure in the log of a ready pod is no diagnosis, save for failures while serving."""
    log = Log(("RuntimeError: No CUDA GPUs are available",), "server-1-a", "tgi")
    assert diagnose(Evidence((pod(**READY),), (log,))).diagnoses == ()
    (found,) = diagnose(Evidence((pod(),), (log,))).diagnoses
    assert found.pattern.id == "no-gpu-visible"


def test_a_pod_that_serves_may_run_out_of_memory_while_it_does() -> None:
    """Out of memory in a decode is told of a ready pod too."""
    lines = ("Method Decode encountered an error.", "torch.OutOfMemoryError: CUDA out of memory.")
    (found,) = diagnose(Evidence((pod(**READY),), (Log(lines, "server-1-a", "tgi"),))).diagnoses
    assert found.pattern.id == "cuda-memory-decode"


def test_what_explains_the_rest_is_told_alone() -> None:
    """The kill of a shard explains the exit code of its launcher and the lost peer of the others."""
    last = {"terminated": {"reason": "Error", "exitCode": 137}}
    found = pod(container={"restartCount": 2, "lastState": last})
    log = Log(("Shard process was signaled to shutdown with signal 9 rank=0",), "server-1-a", "tgi", previous=True)
    report = diagnose(Evidence((found,), (log,)))
    assert ([each.pattern.id for each in report.diagnoses], report.also) == (["host-memory"], ("killed",))


def test_a_cause_hides_what_follows_from_it() -> None:
    """Within one workload a consequence is told only where there is no cause; it is named among what was found too."""
    ended = {"terminated": {"reason": "Error", "exitCode": 137}}
    found = pod(container={"restartCount": 2, "lastState": ended})
    log = Log(("OSError: You are trying to access a gated repo.",), "server-1-a", "tgi")
    report = diagnose(Evidence((found,), (log,)))
    assert ([each.pattern.id for each in report.diagnoses], report.also) == (["gated-model"], ("killed",))


def test_another_workload_has_its_own_troubles() -> None:
    """The cause of one workload says nothing about the consequence that another shows."""
    ended = {"terminated": {"reason": "Error", "exitCode": 137}}
    other = pod("page-1", container={"restartCount": 2, "lastState": ended})
    other["metadata"]["ownerReferences"] = [OWNER | {"name": "page"}]
    log = Log(("OSError: You are trying to access a gated repo.",), "server-1-a", "tgi")
    report = diagnose(Evidence((pod(), other), (log,)))
    assert {each.pattern.id: each.about.name for each in report.diagnoses} == {
        "gated-model": "server-1-a",
        "killed": "page-1",
    }


def test_why_a_pod_that_serves_was_restarted_is_told_apart() -> None:
    """What ended the container before is history, also where it could happen to one that serves."""
    lines = ("Method Decode encountered an error.", "torch.OutOfMemoryError: CUDA out of memory.")
    log = Log(lines, "server-1-a", "tgi", previous=True)
    report = diagnose(Evidence((pod(container={"restartCount": 1}, **READY),), (log,)))
    assert (report.diagnoses, [each.pattern.id for each in report.before]) == ((), ["cuda-memory-decode"])


def test_events_of_pods_that_were_replaced_are_history() -> None:
    """The eviction of a pod that another one has replaced is no news."""
    evicted = pod("server-1-b", phase="Failed", reason="Evicted", message="low on memory")
    told = event("Evicted", "The node was low on resource: memory.", name="server-1-b")
    assert said(evicted, told, pod(**READY)) == []
