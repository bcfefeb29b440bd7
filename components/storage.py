"""Volumes that outlive pods, and the stack where it is not told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes import core

from voltaic import units

if TYPE_CHECKING:
    from components.names import Owner

# The provider's wait reads the StorageClass, which a user of one namespace may not: it then hangs for 5 minutes on a
# class that binds only when a pod comes (pulumi-kubernetes v4.25.0 pkg/await/awaiters.go).
NO_WAIT = {"pulumi.com/skipAwait": "true"}


def claim(
    owner: Owner, part: str, *, size: int, storage_class: str | None, keep: bool
) -> core.v1.PersistentVolumeClaim:
    """Return a volume for one node at a time.

    Args:
        owner: component that it belongs to.
        part: what it holds; never changes, since a replaced claim is an emptied volume.
        size: bytes.
        storage_class: None: the cluster's own default.
        keep: whether it outlives the stack.
    """
    return core.v1.PersistentVolumeClaim(
        owner.logical_name(part),
        metadata=owner.metadata(part, NO_WAIT),
        spec=core.v1.PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            resources=core.v1.VolumeResourceRequirementsArgs(requests={"storage": units.quantity(size)}),
            storage_class_name=storage_class,
        ),
        opts=owner.options(retain_on_delete=keep),
    )
