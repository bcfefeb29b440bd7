"""Volumes that outlive pods, and the stack where it is not told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes import core

from components import diagnosis
from voltaic import units

if TYPE_CHECKING:
    import pulumi

    from components.names import Owner

# The provider's wait reads the StorageClass, which a user of one namespace may not: it then hangs for 5 minutes on a
# class that binds only when a pod comes (pulumi-kubernetes v4.25.0 pkg/await/awaiters.go).
NO_WAIT = {"pulumi.com/skipAwait": "true"}


def claim(
    owner: Owner,
    part: str,
    *,
    size: int,
    size_key: str,
    size_is_stated: bool,
    storage_class: str | None,
    keep: bool,
    context: str | None,
) -> core.v1.PersistentVolumeClaim:
    """Return a volume for one node at a time.

    Args:
        owner: component that it belongs to.
        part: what it holds; never changes, since a replaced claim is an emptied volume.
        size: bytes.
        size_key: setting that states the size, for messages.
        size_is_stated: False: the size was derived, and a volume that exists keeps the one that it has. Volumes never
            shrink, and many do not grow.
        storage_class: None: the cluster's own default.
        keep: whether it outlives the stack.
        context: kubeconfig context, to ask why the claim is refused.
    """
    return core.v1.PersistentVolumeClaim(
        owner.logical_name(part),
        metadata=owner.metadata(part, NO_WAIT),
        spec=core.v1.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            resources=core.v1.VolumeResourceRequirementsArgs(requests={"storage": units.quantity(size)}),
            storage_class_name=storage_class,
        ),
        opts=owner.options(
            retain_on_delete=keep,
            ignore_changes=[] if size_is_stated else ["spec.resources.requests.storage"],
            hooks=diagnosis.of_claim(owner, part, size_key, context),
        ),
    )


def size_of(claimed: core.v1.PersistentVolumeClaim) -> pulumi.Output[int]:
    """Return the bytes that a volume was asked for, when it was made or since."""

    def read(spec: core.v1.outputs.PersistentVolumeClaimSpec) -> int:
        requests = spec.resources.requests if spec.resources else None
        return units.size_of((requests or {}).get("storage", "0"))

    return claimed.spec.apply(read)
