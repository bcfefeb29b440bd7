"""Parts that every pod of the stack shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes import core

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

SCRATCH = "/tmp"  # noqa: S108 - a volume of the pod's own
"""Where a pod may write whoever it runs as: an emptyDir, and HOME."""


def pod_security(user: int | None, group: int | None = None) -> core.v1.PodSecurityContextArgs:
    """Return the pod's security context.

    Args:
        user: user id; None where the image must run as root.
        group: group id of processes and volumes; None: the user's own.
    """
    seccomp = core.v1.SeccompProfileArgs(type="RuntimeDefault")
    if user is None:
        return core.v1.PodSecurityContextArgs(seccomp_profile=seccomp)
    members = user if group is None else group
    return core.v1.PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=members,
        fs_group=members,
        fs_group_change_policy="OnRootMismatch",  # else every start walks through all files of the volume
        seccomp_profile=seccomp,
    )


def container_security() -> core.v1.SecurityContextArgs:
    """Return a container's security context, as Pod Security `restricted` wants it."""
    return core.v1.SecurityContextArgs(
        allow_privilege_escalation=False, capabilities=core.v1.CapabilitiesArgs(drop=["ALL"])
    )


def probe(path: str, *, period: int, timeout: int, failures: int) -> core.v1.ProbeArgs:
    """Return a probe over HTTP at the container's port `http`; times in seconds."""
    return core.v1.ProbeArgs(
        http_get=core.v1.HTTPGetActionArgs(path=path, port="http"),
        period_seconds=period,
        timeout_seconds=timeout,
        failure_threshold=failures,
    )


def plain(name: str, value: str) -> core.v1.EnvVarArgs:
    """Return a variable with a value that everybody may read."""
    return core.v1.EnvVarArgs(name=name, value=value)


def from_secret(name: str, secret: pulumi.Input[str], key: str) -> core.v1.EnvVarArgs:
    """Return a variable whose value stands in a Secret of the namespace."""
    reference = core.v1.SecretKeySelectorArgs(name=secret, key=key)
    return core.v1.EnvVarArgs(name=name, value_from=core.v1.EnvVarSourceArgs(secret_key_ref=reference))


def variables(values: Mapping[str, str]) -> list[core.v1.EnvVarArgs]:
    """Return plain variables, by name, so that their order never changes a pod."""
    return [plain(name, values[name]) for name in sorted(values)]


def empty_volume(name: str, *, size: str | None = None, memory: bool = False) -> core.v1.VolumeArgs:
    """Return a volume that lives and ends with the pod."""
    source = core.v1.EmptyDirVolumeSourceArgs(medium="Memory" if memory else None, size_limit=size)
    return core.v1.VolumeArgs(name=name, empty_dir=source)


def claimed_volume(name: str, claim: pulumi.Input[str]) -> core.v1.VolumeArgs:
    """Return a volume that outlives the pod."""
    source = core.v1.PersistentVolumeClaimVolumeSourceArgs(claim_name=claim)
    return core.v1.VolumeArgs(name=name, persistent_volume_claim=source)
