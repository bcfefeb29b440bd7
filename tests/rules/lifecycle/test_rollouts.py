"""Rollouts, waits and ends: arithmetic and legal exceptions that a fixture would not show."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic.rules.lifecycle import _rollout


@pytest.mark.parametrize(
    ("value", "of", "up", "share"),
    [
        (1, 4, True, 1),
        ("25%", 1, True, 1),
        ("25%", 1, False, 0),
        ("25%", 4, False, 1),
        ("30%", 3, True, 1),
        ("100%", 3, False, 3),
        ("0%", 3, True, 0),
        ("a lot", 3, True, None),
        (None, 3, True, None),
    ],
)
def test_shares_of_replicas(value: Any, of: int, up: bool, share: int | None) -> None:  # noqa: FBT001  the case
    """A percentage is rounded as the Deployment controller rounds it."""
    assert _rollout.share(value, of, up=up) == share


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        ({"exec": {"command": ["sleep", "10"]}}, 10),
        ({"exec": {"command": ["/bin/sleep", "10s"]}}, 10),
        ({"exec": {"command": ["/bin/sh", "-c", "sleep 25"]}}, 25),
        ({"exec": {"command": ["bash", "-c", "sleep 25;"]}}, 25),
        ({"exec": {"command": ["sh", "-c", "curl localhost/drain; sleep 60"]}}, 0),
        ({"sleep": {"seconds": 7}}, 7),
        ({"httpGet": {"path": "/drain", "port": 80}}, 0),
        (None, 0),
    ],
)
def test_sleeps_of_a_hook(hook: Any, seconds: int) -> None:
    """A hook that only sleeps is read; what another one takes is not known."""
    assert _rollout.pre_stop({"preStop": hook})[0] == seconds


@pytest.mark.parametrize(
    ("replicas", "strategy", "count"),
    [
        (1, None, 1),
        (3, None, 1),
        (4, None, 0),
        (0, None, 0),
        ("${REPLICAS}", None, 0),
        (1, {"type": "Recreate"}, 0),
        (1, {"rollingUpdate": {"maxSurge": 0}}, 0),
        (2, {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}, 0),
        (2, {"rollingUpdate": {"maxUnavailable": "${FEWER}"}}, 0),
    ],
)
def test_rollouts_that_add_before_they_take(lab: Any, replicas: Any, strategy: Any, count: int) -> None:
    """What cannot be read is not judged; a rollout that takes a pod down first needs no free GPU."""
    content = lab.baseline("tgi")
    content["spec"] |= {"replicas": replicas, "strategy": strategy}
    assert len(lab.said("rollout-surge", content)) == count


@pytest.mark.parametrize(
    ("seconds", "notes", "count"),
    [
        (None, {}, 0),
        (969, {}, 1),
        (970, {}, 0),
        (None, {"pulumi.com/timeoutSeconds": "969"}, 1),
        (970, {"pulumi.com/timeoutSeconds": "60"}, 0),
        (60, {"pulumi.com/skipAwait": "true"}, 0),
    ],
)
def test_pulumis_patience(lab: Any, seconds: int | None, notes: dict[str, str], count: int) -> None:
    """The custom time-out goes before the annotation, and none of them counts where Pulumi does not wait."""
    content = lab.baseline("tgi")
    content["metadata"]["annotations"] = notes
    assert len(lab.said("pulumi-timeout", content, timeout=seconds)) == count


@pytest.mark.parametrize(
    ("grace", "hook", "count"), [(None, 0, 1), (89, 0, 1), (90, 0, 0), (99, 10, 1), (100, 10, 0), (10, 10, 0)]
)
def test_the_grace_for_answers_that_run(lab: Any, grace: int | None, hook: int, count: int) -> None:
    """TGI itself waits 90 s, and the hook's time comes off; a hook that takes all of it is another rule's matter."""
    content = lab.baseline("tgi")
    pod = content["spec"]["template"]["spec"]
    pod.pop("terminationGracePeriodSeconds")
    pod |= {} if grace is None else {"terminationGracePeriodSeconds": grace}
    lab.server(content)["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", str(hook)]}}}
    assert len(lab.said("termination-grace", content)) == count


def test_vllm_ends_answers_itself(lab: Any) -> None:
    """Of an engine whose drain is not known nothing is said."""
    content = lab.baseline("vllm")
    del content["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert lab.said("termination-grace", content) == []


@pytest.mark.parametrize(
    ("change", "fix"),
    [(2, "Set strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}."), (1, "Set strategy: {type: Recreate}.")],
)
def test_the_strategy_that_is_proposed(lab: Any, change: int, fix: str) -> None:
    """One replica is replaced in its place; of several one goes down first."""
    content = lab.baseline("lmdeploy")
    content["spec"] |= {"replicas": change, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    found = lab.finding("rollout-surge", content)
    assert found.fix == fix
    assert "waits for 1 free GPU that" in found.why


def test_where_pulumi_is_told_to_wait(lab: Any) -> None:
    """An annotation is a field of the document; the program's own time-out is not."""
    content = lab.baseline("tgi")
    assert (
        lab.finding("pulumi-timeout", content, timeout=60).fix
        == "Set customTimeouts.create and update to more than 970 s."
    )
    content["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "60"}
    found = lab.finding("pulumi-timeout", content)
    assert (found.path, found.fix) == ("metadata.annotations", "Set pulumi.com/timeoutSeconds to more than 970 s.")


@pytest.mark.parametrize(("kind", "count"), [("Deployment", 1), ("StatefulSet", 0), ("DaemonSet", 0)])
def test_only_deployments_have_a_progress_deadline(lab: Any, kind: str, count: int) -> None:
    """Other kinds are waited for by nobody but their owner."""
    content = lab.baseline("tgi")
    content["kind"] = kind
    content["spec"]["progressDeadlineSeconds"] = 60
    assert len(lab.said("progress-deadline", content)) == count


def test_what_a_replica_waits_for(lab: Any) -> None:
    """The reason names the time of a load, where it is known."""
    content = lab.baseline("tgi")
    content["kind"] = "StatefulSet"
    content["spec"]["replicas"] = 2
    assert "the load of some 483 s of" in lab.finding("ordered-start", content).why
    lab.server(content)["args"][0] = "--model-id=somebody/unknown"
    del content["spec"]["template"]["spec"]["affinity"]
    assert "the load of the" in lab.finding("ordered-start", content).why


@pytest.mark.parametrize(("grace", "count"), [(10, 1), (11, 0), ("${GRACE}", 0)])
def test_the_hook_of_a_server_alone_counts(lab: Any, grace: Any, count: int) -> None:
    """Another container may sleep as it likes; a grace that is not filled in is not compared."""
    content = lab.baseline("tgi")
    pod = content["spec"]["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = grace
    pod["containers"].append({"name": "p", "image": "p:1", "lifecycle": {"preStop": {"sleep": {"seconds": 900}}}})
    assert len(lab.said("pre-stop", content)) == count
    assert lab.said("termination-grace", content) == [] or grace != "${GRACE}"


@pytest.mark.parametrize(
    ("image", "count"),
    [
        ("ghcr.io/huggingface/text-generation-inference:2.2.0", 1),
        ("ghcr.io/huggingface/text-generation-inference:1.4.5", 0),
        ("ghcr.io/huggingface/text-generation-inference:latest", 0),
        ("registry.example/tgi:2.2.0", 0),
    ],
)
def test_entrypoints(lab: Any, image: str, count: int) -> None:
    """Only of the published image of some releases is known what it starts."""
    content = lab.baseline("tgi")
    lab.server(content)["image"] = image
    assert len(lab.said("entrypoint-signal", content)) == count
