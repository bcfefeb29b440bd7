"""Objects of Kubernetes read into what commands need."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cli.cluster import ClusterError, objects, targets

AT = "2026-11-21T08:00:00Z"
MOMENT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def pod(name: str = "p", **more: Any) -> dict[str, Any]:
    """Return a pod with one container on two GPUs."""
    container = {
        "name": "tgi",
        "image": "x:1",
        "args": ["--port", 8080],
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"secretKeyRef": {}}}],
        "resources": {"limits": {"nvidia.com/gpu": "2", "memory": "1Gi"}},
    }
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": AT}]}
    return {
        "metadata": {"name": name, "namespace": "team", "labels": {"app": "a"}, "creationTimestamp": AT},
        "spec": {"containers": [container], "nodeName": "gpu-1"},
        "status": status | more,
    }


def state(**now: Any) -> dict[str, Any]:
    """Return the status of a pod whose container is in this state."""
    return {"containerStatuses": [{"name": "tgi", "restartCount": 3, **now}]}


def test_a_pod_is_read_whole() -> None:
    """Names, node, ports, arguments, GPUs and plain variables are there; what comes from a Secret is not."""
    found = objects.pod(pod(**state(ready=True, started=True, state={"running": {"startedAt": AT}})))
    container = found.containers[0]
    assert (found.name, found.node, found.ready, found.restarts, found.state) == ("p", "gpu-1", True, 3, "Running")
    assert (container.gpus, container.args, container.env) == (2, ("--port", "8080"), {"A": "1"})
    assert (container.state, container.since, found.created) == ("running", MOMENT, MOMENT)
    assert found.container() is container


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (state(state={"waiting": {"reason": "CrashLoopBackOff"}}), "CrashLoopBackOff"),
        (state(state={"terminated": {"reason": "OOMKilled", "exitCode": 137}}), "OOMKilled"),
        (state(state={"running": {}}), "Running"),
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ({}, "Running"),
        ({"phase": None, "conditions": None, "containerStatuses": None}, "Unknown"),
    ],
)
def test_one_word_says_how_a_pod_is(status: dict[str, Any], word: str) -> None:
    """The same word as in `kubectl get pods`."""
    assert objects.pod(pod(**status)).state == word


def test_an_init_container_that_fails_is_the_state_of_its_pod() -> None:
    """As kubectl has it, with `Init:` before the reason."""
    item = pod(phase="Pending", initContainerStatuses=[{"name": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}])
    item["spec"]["initContainers"] = [{"name": "i", "image": "x"}]
    assert objects.pod(item).state == "Init:ErrImagePull"


def test_a_pod_that_is_deleted_takes_no_requests() -> None:
    """It may still say that it is ready."""
    item = pod()
    item["metadata"]["deletionTimestamp"] = AT
    assert (objects.pod(item).ready, objects.pod(item).state) == (False, "Terminating")


@pytest.mark.parametrize(
    ("ended", "code", "signal"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, 137, 9),
        ({"exitCode": 135}, 135, 7),
        ({"exitCode": 1, "signal": 6}, 1, 6),
        ({"exitCode": 1}, 1, None),
        ({"exitCode": 255}, 255, None),
    ],
)
def test_how_a_container_ended_says_its_signal(ended: dict[str, Any], code: int, signal: int | None) -> None:
    """Exit codes above 128 stand for signals, as shells count; 255 is above all of them."""
    found = objects.pod(pod(**state(state={"waiting": {}}, lastState={"terminated": ended}))).containers[0].last_end
    assert found is not None
    assert (found.exit_code, found.signal) == (code, signal)


def test_events_of_both_ages_have_a_moment() -> None:
    """Old events count and have a last time; new ones have a series, or only when they were made."""
    about = {"involvedObject": {"kind": "Pod", "name": "p"}, "reason": "BackOff", "type": "Warning", "message": "no "}
    old = objects.event({**about, "count": 4, "lastTimestamp": AT, "metadata": {}})
    new = objects.event({**about, "series": {"count": 5, "lastObservedTime": "2026-11-21T08:00:00.123456Z"}})
    bare = objects.event({**about, "lastTimestamp": None, "metadata": {"creationTimestamp": AT}})
    assert (old.count, old.last, old.message, old.name) == (4, MOMENT, "no", "p")
    assert (new.count, new.last) == (5, MOMENT.replace(microsecond=123456))
    assert (bare.count, bare.last) == (1, MOMENT)


def test_workloads_claims_services_and_quotas_are_read() -> None:
    """What is not stated has the default of Kubernetes."""
    deployment = objects.workload({"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 0}})
    bare = objects.workload({"kind": "Deployment", "metadata": {"name": "d"}})
    claim = objects.claim({"metadata": {"name": "c"}, "spec": {"resources": {"requests": {"storage": "5Gi"}}}})
    quota = objects.quota({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "4"}}})
    assert (deployment.wanted, bare.wanted) == (0, 1)
    assert (claim.requested, claim.phase, claim.capacity) == ("5Gi", "Pending", None)
    assert (quota.hard, quota.used) == ({"pods": "4"}, {})


@pytest.mark.parametrize("text", [None, "", "yesterday", 5])
def test_what_is_no_moment_is_none(text: Any) -> None:
    """A moment that cannot be read is not known."""
    assert objects.time(text) is None


@pytest.mark.parametrize(
    ("resource", "gpu"),
    [
        ("nvidia.com/gpu", True),
        ("requests.nvidia.com/gpu", True),
        ("amd.com/gpu", True),
        ("nvidia.com/mig-3g.20gb", True),
        ("gpu.intel.com/i915", True),
        ("cpu", False),
        ("rdma/hca", False),
    ],
)
def test_gpus_are_known_by_their_resource(resource: str, gpu: bool) -> None:  # noqa: FBT001  a table
    """Whole ones and slices, of any maker."""
    assert objects.is_gpu(resource) is gpu


SERVICE = {
    "metadata": {"name": "s"},
    "spec": {"selector": {"app": "a"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
}


def test_a_service_leads_to_the_pod_that_is_ready_longest() -> None:
    """Port names are looked up in the pod that is chosen; pods of others are left out."""
    young = objects.pod(
        pod("young", conditions=[{"type": "Ready", "status": "True", "lastTransitionTime": "2027-01-01T00:00:00Z"}])
    )
    other = pod("other")
    other["metadata"]["labels"] = {"app": "b"}
    waiting = objects.pod(pod("waiting", conditions=[]))
    found = targets.of_service(objects.service(SERVICE), [young, objects.pod(other), waiting, objects.pod(pod("old"))])
    assert found == targets.Target("old", 8080)


@pytest.mark.parametrize(("port", "number"), [(80, 8080), ("http", 8080), (None, 8080)])
def test_a_port_of_a_service_may_be_named(port: int | str | None, number: int) -> None:
    """By number, by name, or not at all."""
    assert targets.of_service(objects.service(SERVICE), [objects.pod(pod())], port).port == number


@pytest.mark.parametrize(
    ("service", "pods", "port", "words"),
    [
        (
            SERVICE,
            [pod(conditions=[], **state(state={"waiting": {"reason": "ErrImagePull"}}))],
            None,
            "p is ErrImagePull",
        ),
        (SERVICE, [], None, "it has no pods"),
        (SERVICE, [pod()], 81, "has no port 81; it has: 80 (http)"),
        (
            {"metadata": {"name": "s"}, "spec": {"selector": {}, "ports": [{"port": 1}]}},
            [pod()],
            None,
            "it has no pods",
        ),
        (
            {"metadata": {"name": "s"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 1, "targetPort": "x"}]}},
            [pod()],
            None,
            "has no port x; it states: http",
        ),
    ],
)
def test_a_service_that_leads_nowhere_says_why(service: Any, pods: list[Any], port: int | None, words: str) -> None:
    """States of its pods, or the ports that there are."""
    with pytest.raises(ClusterError) as said:
        targets.of_service(objects.service(service), [objects.pod(item) for item in pods], port)
    assert words in str(said.value)
