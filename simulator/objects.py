"""What the cluster holds beside nodes and stages: namespace, user, rights, quota, storage and the log of every pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator import names

if TYPE_CHECKING:
    from pathlib import Path

RBAC = "rbac.authorization.k8s.io"
READ = ["get", "list", "watch"]
MANAGE = [*READ, "create", "patch", "update", "delete"]

# (API group, resources, verbs): what a stack needs in its namespace, and nothing that reaches beyond it
RIGHTS: tuple[tuple[str, list[str], list[str]], ...] = (
    ("", ["configmaps", "persistentvolumeclaims", "secrets", "serviceaccounts", "services"], MANAGE),
    ("apps", ["deployments"], MANAGE),
    ("batch", ["jobs"], MANAGE),
    ("networking.k8s.io", ["networkpolicies"], MANAGE),
    ("policy", ["poddisruptionbudgets"], MANAGE),
    ("apps", ["deployments/scale"], ["get", "patch", "update"]),
    ("apps", ["replicasets"], READ),
    ("", ["endpoints", "events", "pods", "resourcequotas"], READ),
    ("discovery.k8s.io", ["endpointslices"], READ),
    ("events.k8s.io", ["events"], READ),
    ("", ["pods/log"], ["get"]),
    ("", ["pods/exec", "pods/portforward"], ["create", "get"]),
)


def namespace_objects(namespace: str, gpu_quota: int) -> list[dict[str, Any]]:
    """The namespace with Pod Security and quota, and the user whose rights end there.

    Args:
        namespace: its name.
        gpu_quota: GPUs that all pods of the namespace together may request.
    """
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    metadata = {"name": names.USER, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": levels}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [{"apiGroups": [group], "resources": kinds, "verbs": verbs} for group, kinds, verbs in RIGHTS],
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": names.USER},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        },
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "project", "namespace": namespace},
            "spec": {
                "hard": {
                    f"requests.{names.GPU_RESOURCE}": str(gpu_quota),
                    "persistentvolumeclaims": str(names.CLAIM_QUOTA),
                    "requests.storage": f"{names.STORAGE_QUOTA_GIB}Gi",
                }
            },
        },
    ]


def cluster_objects(log: Path) -> list[dict[str, Any]]:
    """The default storage class, and one log that `kubectl logs` shows for every container.

    Args:
        log: the file with that log, on the machine where kwok runs.
    """
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": names.STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "simulator.voltaic/volume",  # played by the stages of stages.py
            "reclaimPolicy": "Delete",
            # as on most real clusters: a claim stays Pending until a pod uses it
            "volumeBindingMode": "WaitForFirstConsumer",
        },
        {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "ClusterLogs",
            "metadata": {"name": "simulated"},
            "spec": {"logs": [{"logsFile": str(log), "follow": False}]},
        },
    ]


def log_line(timestamp: str) -> str:
    """The one line that `kubectl logs` shows, in the format of the container runtime interface.

    Args:
        timestamp: RFC 3339 with nanoseconds.
    """
    return f"{timestamp} stdout F {names.NOTICE}\n"
