"""What a pod violates of the Pod Security Standards `baseline` and `restricted`.

A violation is told once a control, with every container that it concerns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, text
from voltaic.rules.supply._pod_controls import BASELINE, RESTRICTED, UNSET, WALL, needs_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voltaic.manifests.views import Container, Pod
    from voltaic.rules.supply._pod_controls import Control

SOURCES: Final = (Source("kubernetes.io, Pod Security Standards, v1.33"),)
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)
_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
        "image",
    }
)
"""Volumes that `restricted` allows; `image` since 1.33."""


MANY: Final = 3
"""Controls of `restricted` that nobody set from which they are told as one."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One control that a pod violates."""

    message: str
    """What was found and what is wanted."""
    why: str
    fix: str
    path: str


def baseline(pod: Pod) -> Iterator[Violation]:
    """Yield what a pod violates of `baseline`."""
    for key, sees in (("hostNetwork", "network"), ("hostPID", "processes"), ("hostIPC", "shared memory")):
        if pod.spec.get(key) is True:
            message = f"{key} is true: the pod sees the {sees} of its node; wanted is false."
            why = "It reaches what other pods and the node itself keep there"
            why += ", and its port is open on the node's own address." if key == "hostNetwork" else "."
            yield Violation(message, why, f"Take {pod.path}.{key} away", f"{pod.path}.{key}")
    why = "It ties the pod to what lies on one node, and lets it read or write what belongs to others."
    what = "hostPath, a folder of the node"
    yield from _volumes(pod, lambda kind: kind != "hostPath", what, "persistentVolumeClaim", why)
    yield from _each(pod, BASELINE)
    named = [text(at(one, "name")) for one in items(at(pod.spec, "securityContext", "sysctls"))]
    foreign = [name for name in named if name is not None and name not in _SYSCTLS]
    if foreign:
        message = f"The pod sets the kernel parameter {' and '.join(foreign)}; wanted are those that are safe, or none."
        path = f"{pod.path}.securityContext.sysctls"
        yield Violation(message, WALL, f"Take it out of {path}", path)


def restricted(pod: Pod) -> Iterator[Violation]:
    """Yield what a pod violates of `restricted` beside `baseline`; where nothing is set at all, as one."""
    wanted = "emptyDir, persistentVolumeClaim, configMap, secret or another that `restricted` allows"
    known = _VOLUMES | {"hostPath"}
    why = "It reaches files past what the administrators of the cluster give out through claims."
    yield from _volumes(pod, lambda kind: kind in known, "a volume of another kind", wanted, why)
    unset = [control for control in RESTRICTED if all(control.found(pod, one) == UNSET for one in pod.containers)]
    if len(unset) < MANY:
        yield from _each(pod, RESTRICTED)
        return
    names = _names(pod.containers)
    fields = ", ".join(control.field.rpartition(".")[2] for control in unset)
    yield Violation(
        f"No security context is set for {names}: {fields} are {UNSET}; wanted are the values of `restricted`.",
        "Each is a wall between the container and its node that is left out.",
        f"Set {pod.path}.securityContext: {{seccompProfile: {{type: RuntimeDefault}}, {_user(pod)}; and for each "
        "container securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}",
        pod.path,
    )


def _user(pod: Pod) -> str:
    """Return fields of a pod's security context, without the brace that opens it, and what else they need."""
    if any(needs_root(view) for view in pod.containers):
        return "fsGroup: 1000}, and no other user, since the image starts as root alone"
    if any(view.role == "page" for view in pod.containers):
        return "runAsNonRoot: true, runAsUser: 1000, runAsGroup: 0, fsGroup: 0}, since the page writes as group 0"
    return (
        "runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000}, with HOME, /tmp and the cache "
        "on volumes that this user may write"
    )


def _names(containers: Iterable[Container]) -> str:
    return " and ".join(f"{'init container' if one.init else 'container'} {one.name or '?'}" for one in containers)


def _each(pod: Pod, controls: Iterable[Control]) -> Iterator[Violation]:
    """Yield one violation for each control, with all containers that it concerns."""
    for control in controls:
        found = [(view, what) for view in pod.containers if (what := control.found(pod, view)) is not None]
        if found:
            said = " or ".join(dict.fromkeys(what for _, what in found))
            where = f"{control.field} of {_names(view for view, _ in found)}"
            path = f"{found[0][0].path}.{control.field.partition('[]')[0]}"
            fix = control.fix.format(pod=pod.path, user=_user(pod))
            yield Violation(f"{where} is {said}; wanted is {control.wanted}.", control.why, fix, path)


def _volumes(pod: Pod, allowed: Callable[[str], bool], what: str, wanted: str, why: str) -> Iterator[Violation]:
    found = {
        name: (kinds, path)
        for name, (volume, path) in pod.volumes.items()
        if (kinds := [kind for kind in volume if kind != "name" and not allowed(kind)])
    }
    if found:
        named = " and ".join(f"{name} ({', '.join(kinds)})" for name, (kinds, _) in found.items())
        message = f"The pod mounts {what}: {named}; wanted is {wanted}."
        yield Violation(message, why, f"Use {wanted}", next(path for _, path in found.values()))


def findings(rule: str, violations: Iterable[Violation]) -> Iterator[Finding]:
    """Yield what a pod violates as findings of that rule."""
    for found in violations:
        yield Finding(rule=rule, message=found.message, why=found.why, fix=found.fix, sources=SOURCES, path=found.path)
