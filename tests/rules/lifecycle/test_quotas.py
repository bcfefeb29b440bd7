"""Quotas, limit ranges and autoscalers: arithmetic and legal exceptions that a fixture would not show."""

from __future__ import annotations

from typing import Any

import pytest

from voltaic import checking
from voltaic.manifests import Document


@pytest.mark.parametrize(
    ("hard", "namespace", "count"),
    [
        ({"requests.nvidia.com/gpu": "1"}, "team-a", 1),
        ({"requests.nvidia.com/gpu": "2"}, "team-a", 0),
        ({"requests.nvidia.com/gpu": 1}, "team-b", 0),
        ({"requests.nvidia.com/gpu": 1}, None, 0),
        ({"memory": "8Gi"}, "team-a", 1),
        ({"cpu": "3"}, "team-a", 1),
        ({"requests.cpu": "4"}, "team-a", 0),
        ({"count/deployments.apps": "0"}, "team-a", 0),
        ({"requests.storage": "1Gi"}, "team-a", 0),
        ({"requests.nvidia.com/gpu": "${GPUS}"}, "team-a", 0),
    ],
)
def test_quotas(lab: Any, hard: dict[str, Any], namespace: str | None, count: int) -> None:
    """A quota counts pods of its own namespace, by the names that Kubernetes gives resources."""
    assert (
        len(lab.said("quota", lab.baseline("tgi"), lab.beside("ResourceQuota", {"hard": hard}, namespace=namespace)))
        == count
    )


def test_quotas_of_overlays_are_not_mixed(lab: Any) -> None:
    """Where no namespace is said, a quota counts if it stands in the same file or is the only one."""
    content = lab.baseline("tgi")
    del content["metadata"]["namespace"]
    quota = lab.beside("ResourceQuota", {"hard": {"pods": "0"}}, namespace=None)
    other = lab.beside("ResourceQuota", {"hard": {"pods": "9"}}, name="other", namespace=None)

    def found(*documents: Document) -> int:
        checked = checking.check(documents)
        return sum(one.finding.rule == "quota" for one in checked[0].said)

    assert found(Document("a.yaml", 1, content), Document("a.yaml", 2, quota), Document("b.yaml", 1, other)) == 1
    assert found(Document("a.yaml", 1, content), Document("b.yaml", 1, quota)) == 1
    assert found(Document("a.yaml", 1, content), Document("b.yaml", 1, quota), Document("c.yaml", 1, other)) == 0


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        ({"type": "Container", "max": {"memory": "10Gi"}}, 0),
        ({"type": "Container", "max": {"memory": "9Gi"}}, 1),
        ({"type": "Container", "min": {"cpu": "4001m"}}, 1),
        ({"type": "Container", "max": {"cpu": "1"}}, 0),
        ({"type": "Container", "maxLimitRequestRatio": {"memory": "1"}}, 0),
        ({"type": "Pod", "max": {"memory": "9Gi"}}, 1),
        ({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, 0),
    ],
)
def test_limit_ranges(lab: Any, entry: dict[str, Any], count: int) -> None:
    """Only what a container states is compared: what it leaves out is filled in."""
    assert len(lab.said("limit-range", lab.baseline("tgi"), lab.beside("LimitRange", {"limits": [entry]}))) == count


@pytest.mark.parametrize(
    ("scaler", "count"),
    [
        ({"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 2}, 1),
        ({"scaleTargetRef": {"kind": "StatefulSet", "name": "llm"}, "maxReplicas": 2}, 0),
        ({"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "metrics": [{"type": "External"}]}, 0),
        ({"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "metrics": [{"resource": {"name": "memory"}}]}, 1),
    ],
)
def test_autoscalers(lab: Any, scaler: dict[str, Any], count: int) -> None:
    """An autoscaler without metrics watches the CPU."""
    assert len(lab.said("autoscaler", lab.baseline("tgi"), lab.beside("HorizontalPodAutoscaler", scaler))) == count


@pytest.mark.parametrize(("mode", "count"), [(None, 1), ("Recreate", 1), ("Initial", 0), ("Off", 0)])
def test_vertical_autoscalers(lab: Any, mode: str | None, count: int) -> None:
    """A size that is given at the start alone ends no pod."""
    spec: dict[str, Any] = {"targetRef": {"kind": "Deployment", "name": "llm"}}
    spec |= {} if mode is None else {"updatePolicy": {"updateMode": mode}}
    assert len(lab.said("vertical-autoscaler", lab.baseline("tgi"), lab.beside("VerticalPodAutoscaler", spec))) == count


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"hard": {"requests.memory": "8Gi"}}, 1),
        (
            {"hard": {"requests.memory": "8Gi"}, "scopeSelector": {"matchExpressions": [{"scopeName": "Terminating"}]}},
            0,
        ),
        ({"hard": {"limits.cpu": "1"}}, 0),
    ],
)
def test_what_is_left_out_counts_as_the_limit(lab: Any, spec: dict[str, Any], count: int) -> None:
    """A request that is left out is as large as the limit; a limit that is left out is not known."""
    content = lab.baseline("tgi")
    del lab.server(content)["resources"]["requests"]["memory"]
    content["spec"]["template"]["spec"]["initContainers"] = [
        {"name": "i", "image": "i:1", "resources": {"limits": {"cpu": 9}, "requests": {"cpu": 9}}}
    ]
    assert len(lab.said("quota", content, lab.beside("ResourceQuota", spec))) == count


def test_the_least_of_several_quotas_counts(lab: Any) -> None:
    """A pod must fit into every quota of its namespace."""
    wide, narrow = ({"hard": {"requests.nvidia.com/gpu": number}} for number in (9, 1))
    for one, other in ((wide, narrow), (narrow, wide)):
        found = lab.said(
            "quota",
            lab.baseline("tgi"),
            lab.beside("ResourceQuota", one, name="a"),
            lab.beside("ResourceQuota", other, name="b"),
        )
        assert [message.endswith("has 1.") for message in found] == [True]


@pytest.mark.parametrize(
    ("kind", "replicas", "count"), [("DaemonSet", 3, 0), ("StatefulSet", 0, 0), ("StatefulSet", 2, 1)]
)
def test_how_many_pods_a_quota_must_hold(lab: Any, kind: str, replicas: int, count: int) -> None:
    """A DaemonSet counts as one pod at least; a parked server as none."""
    content = lab.baseline("tgi")
    content["kind"] = kind
    content["spec"]["replicas"] = replicas
    quota = lab.beside("ResourceQuota", {"hard": {"requests.nvidia.com/gpu": 3 if replicas else 0}})
    assert len(lab.said("quota", content, quota)) == count


@pytest.mark.parametrize(("most", "gpus", "count"), [(4, 8, 0), (5, 8, 1), (None, 8, 0)])
def test_the_most_that_keda_asks_for(lab: Any, most: int | None, gpus: int, count: int) -> None:
    """KEDA's field has another name than that of Kubernetes."""
    spec: dict[str, Any] = {"scaleTargetRef": {"name": "llm"}, "triggers": [{"type": "prometheus"}]}
    spec |= {} if most is None else {"maxReplicaCount": most}
    quota = lab.beside("ResourceQuota", {"hard": {"requests.nvidia.com/gpu": gpus, "requests.memory": "1Gi"}})
    assert len(lab.said("autoscaler", lab.baseline("tgi"), lab.beside("ScaledObject", spec), quota)) == count


def test_replicas_that_are_there_already_are_the_quotas_matter(lab: Any) -> None:
    """An autoscaler that asks for no more than the object itself adds nothing to what the quota says."""
    content = lab.baseline("tgi")
    content["spec"]["replicas"] = 2
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 2, "metrics": [{"type": "Pods"}]}
    quota = lab.beside("ResourceQuota", {"hard": {"requests.nvidia.com/gpu": 2}})
    assert lab.said("autoscaler", content, lab.beside("HorizontalPodAutoscaler", spec), quota) == []
    assert len(lab.said("quota", content, quota)) == 1


def test_a_server_without_gpus_may_be_scaled_on_its_cpus(lab: Any) -> None:
    """Where no GPU computes, the CPU is the load."""
    content = lab.baseline("tgi")
    for kind in ("limits", "requests"):
        del lab.server(content)["resources"][kind]["nvidia.com/gpu"]
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 2}
    assert lab.said("autoscaler", content, lab.beside("HorizontalPodAutoscaler", spec)) == []


@pytest.mark.parametrize(
    ("metrics", "count"),
    [
        ([{"type": "ContainerResource", "containerResource": {"name": "cpu"}}], 1),
        ([{"type": "Resource", "resource": {"name": "cpu"}}, {"type": "Pods"}], 0),
        ([{"type": "Resource", "resource": {"name": "nvidia.com/gpu"}}], 0),
    ],
)
def test_metrics_of_an_autoscaler(lab: Any, metrics: list[Any], count: int) -> None:
    """One metric beside CPU and memory is enough."""
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 2, "metrics": metrics}
    assert len(lab.said("autoscaler", lab.baseline("tgi"), lab.beside("HorizontalPodAutoscaler", spec))) == count


@pytest.mark.parametrize(
    ("target", "count"), [({"kind": "Deployment", "name": "other"}, 0), ({"kind": "StatefulSet", "name": "llm"}, 0)]
)
def test_a_vertical_autoscaler_of_another_object(lab: Any, target: dict[str, str], count: int) -> None:
    """Name and kind decide what it resizes."""
    assert (
        len(
            lab.said(
                "vertical-autoscaler", lab.baseline("tgi"), lab.beside("VerticalPodAutoscaler", {"targetRef": target})
            )
        )
        == count
    )


def test_a_policy_that_leaves_the_server_on(lab: Any) -> None:
    """Only a policy of mode Off leaves a container alone."""
    policies = {"containerPolicies": [{"containerName": "tgi", "mode": "Auto"}]}
    spec = {"targetRef": {"kind": "Deployment", "name": "llm"}, "resourcePolicy": policies}
    assert len(lab.said("vertical-autoscaler", lab.baseline("tgi"), lab.beside("VerticalPodAutoscaler", spec))) == 1


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        ({"type": "Container", "min": {"cpu": "4"}}, 0),
        ({"type": "Container", "min": {"ephemeral-storage": "5Gi"}}, 1),
        ({"type": "Container", "min": {"storage": "5Gi"}}, 0),
        ({"type": "Container", "min": {"memory": "${LEAST}"}}, 0),
        ({"type": "Container", "max": {"memory": "${MOST}"}}, 0),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "1", "memory": "${TIMES}"}}, 0),
        ({"type": "Pod", "max": {"memory": "10Gi", "cpu": "1"}}, 0),
        ({"type": "Pod", "max": {"memory": "${MOST}"}}, 0),
        ({"type": "Image", "max": {"memory": "1Gi"}}, 0),
    ],
)
def test_bounds_of_a_limit_range(lab: Any, entry: dict[str, Any], count: int) -> None:
    """A bound is kept at its own value; what cannot be read bounds nothing."""
    content = lab.baseline("tgi")
    small = {"name": "i", "image": "i:1", "resources": {"limits": {"memory": "9Gi", "ephemeral-storage": "9Gi"}}}
    content["spec"]["template"]["spec"]["initContainers"] = [small]
    assert len(lab.said("limit-range", content, lab.beside("LimitRange", {"limits": [entry]}))) == count


def test_a_limit_range_of_overlays_is_not_mixed(lab: Any) -> None:
    """Of two without a namespace in other files nobody says which is meant."""
    content = lab.baseline("tgi")
    del content["metadata"]["namespace"]
    limits = lab.beside("LimitRange", {"limits": [{"type": "Pod", "max": {"memory": "1Gi"}}]}, namespace=None)

    def found(*files: str) -> int:
        documents = [Document("a.yaml", 1, content), *(Document(file, 1, limits) for file in files)]
        return sum(one.finding.rule == "limit-range" for one in checking.check(documents)[0].said)

    assert found("b.yaml") == 1
    assert found("b.yaml", "c.yaml") == 0
