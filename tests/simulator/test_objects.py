"""Namespace, rights, quota and storage of the simulated cluster, and its stages."""

from __future__ import annotations

from pathlib import Path

from simulator.objects import RIGHTS, cluster_objects, log_line, namespace_objects
from simulator.pod_stages import pod_stages
from simulator.stages import stages


def one(objects: list[dict], kind: str) -> dict:
    """The only object of this kind."""
    (found,) = [obj for obj in objects if obj["kind"] == kind]
    return found


def test_namespace_enforces_restricted() -> None:
    """Pod Security `restricted` is enforced, warned about and audited."""
    assert one(namespace_objects("team", 4), "Namespace")["metadata"] == {
        "name": "team",
        "labels": {
            "pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/warn": "restricted",
            "pod-security.kubernetes.io/audit": "restricted",
        },
    }


def test_quota_limits_gpus_and_storage() -> None:
    """The quota counts GPUs under the key that Kubernetes uses for extended resources."""
    assert one(namespace_objects("team", 2), "ResourceQuota")["spec"]["hard"] == {
        "requests.nvidia.com/gpu": "2",
        "persistentvolumeclaims": "10",
        "requests.storage": "1024Gi",
    }


def test_rights_end_at_the_namespace() -> None:
    """No wildcard, nothing cluster-scoped, no way to more rights, and pods are read only."""
    kinds = {(group, kind): set(verbs) for group, resources, verbs in RIGHTS for kind in resources}
    assert not any("*" in (group, kind) or "*" in verbs for (group, kind), verbs in kinds.items())
    forbidden = {"nodes", "namespaces", "storageclasses", "persistentvolumes", "roles", "rolebindings"}
    assert forbidden.isdisjoint(kind for _, kind in kinds)
    assert kinds["", "pods"] == {"get", "list", "watch"}
    assert kinds["apps", "deployments"] == {"get", "list", "watch", "create", "patch", "update", "delete"}


def test_default_storage_class_waits_for_a_consumer() -> None:
    """Claims without a class get ours, which binds when a pod uses the claim."""
    storage = one(cluster_objects(Path("/x/log")), "StorageClass")
    assert storage["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"


def test_log_is_a_line_of_the_container_runtime() -> None:
    """Kwok reads nothing but the runtime's own format, and the line says what is simulated."""
    assert log_line("2026-11-21T08:00:01.000000000Z") == (
        "2026-11-21T08:00:01.000000000Z stdout F "
        "The nodes are simulated: no GPU is used, no container runs, nothing of the model is loaded.\n"
    )


def test_stages_have_unique_names_and_failures_win() -> None:
    """Names are unique, and every stage that reads an annotation of ours outweighs those for ordinary pods."""
    names = [stage["metadata"]["name"] for stage in stages()]
    assert len(set(names)) == len(names)
    ordinary = {"pod-ready", "pod-complete", "pod-delete"}
    for stage in pod_stages():
        assert stage["spec"]["weight"] == (0 if stage["metadata"]["name"] in ordinary else 1)
