"""The controls of the Pod Security Standards `baseline` and `restricted`, as what a pod violates.

Source: kubernetes.io, Pod Security Standards (v1.33), each control with its fields and allowed values. A violation is
told once a control, with every container that it concerns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.tgi.deployment import deployment
from voltaic.findings import Source
from voltaic.manifests.plain import at, items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voltaic.manifests.views import Container, Pod

SOURCES: Final = (Source("kubernetes.io, Pod Security Standards, v1.33"),)
CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""Capabilities that `baseline` lets a container add."""
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
_SELINUX_TYPES: Final = frozenset(
    {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t", "container_device_t"}
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


@dataclass(frozen=True, slots=True)
class Violation:
    """One control that a pod violates."""

    message: str
    """What was found and what is wanted."""
    why: str
    fix: str
    path: str


@dataclass(frozen=True, slots=True)
class _Control:
    """A control that is asked of every container."""

    field: str
    """Below the container; `[]` stands for any entry."""
    wrong: Callable[[Pod, Container], bool]
    what: str
    """What is found and what is wanted, to follow the names of the containers."""
    why: str
    fix: str


def baseline(pod: Pod) -> Iterator[Violation]:
    """Yield what a pod violates of `baseline`."""
    for key, sees in (("hostNetwork", "network"), ("hostPID", "processes"), ("hostIPC", "shared memory")):
        if pod.spec.get(key) is True:
            message = f"{key} is true: the pod sees the {sees} of its node; wanted is false."
            why = "It reaches what other pods and the node itself keep there"
            why += ", and its port is open on the node's own address." if key == "hostNetwork" else "."
            yield Violation(message, why, f"Take {pod.path}.{key} away", f"{pod.path}.{key}")
    yield from _volumes(pod, lambda kind: kind != "hostPath", "hostPath, a folder of the node", "persistentVolumeClaim")
    yield from _each(pod, _BASELINE)
    named = [text(at(one, "name")) for one in items(at(pod.spec, "securityContext", "sysctls"))]
    foreign = [name for name in named if name is not None and name not in _SYSCTLS]
    if foreign:
        message = f"The pod sets the kernel parameter {' and '.join(foreign)}; wanted are those that are safe, or none."
        path = f"{pod.path}.securityContext.sysctls"
        yield Violation(message, _WALL, f"Take it out of {path}", path)


def restricted(pod: Pod) -> Iterator[Violation]:
    """Yield what a pod violates of `restricted` beside `baseline`."""
    wanted = "emptyDir, persistentVolumeClaim, configMap, secret or another that `restricted` allows"
    known = _VOLUMES | {"hostPath"}
    yield from _volumes(pod, lambda kind: kind in known, "a volume of the node's rights", wanted)
    yield from _each(pod, _RESTRICTED)


def needs_root(container: Container) -> bool:
    """Return whether this image is known to start as root alone, so that another user would only break it."""
    image = container.image
    if image is None or image.version is None:
        return False
    if image.repository == "text-generation-inference":
        return deployment(image.version).root_because is not None
    return image.repository == "open-webui" and tuple(int(part) for part in image.version.split(".")[:3]) < (0, 6, 23)


def _user(pod: Pod) -> str:
    if any(view.role == "page" for view in pod.containers):
        return "{runAsNonRoot: true, runAsUser: 1000, runAsGroup: 0, fsGroup: 0}, since the page writes as group 0"
    return (
        "{runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000}, with HOME, /tmp and the cache on "
        "volumes that this user may write"
    )


def _each(pod: Pod, controls: Iterable[_Control]) -> Iterator[Violation]:
    """Yield one violation for each control, with all containers that it concerns."""
    for control in controls:
        found = [view for view in pod.containers if control.wrong(pod, view)]
        if found:
            names = " and ".join(f"{'init container' if one.init else 'container'} {one.name or '?'}" for one in found)
            path = f"{found[0].path}.{control.field.partition('[]')[0]}"
            fix = control.fix.format(pod=pod.path, user=_user(pod))
            yield Violation(f"{control.field} of {names} {control.what}.", control.why, fix, path)


def _volumes(pod: Pod, allowed: Callable[[str], bool], what: str, wanted: str) -> Iterator[Violation]:
    found = {
        name: (kinds, path)
        for name, (volume, path) in pod.volumes.items()
        if (kinds := [kind for kind in volume if kind != "name" and not allowed(kind)])
    }
    if found:
        named = " and ".join(f"{name} ({', '.join(kinds)})" for name, (kinds, _) in found.items())
        message = f"The pod mounts {what}: {named}; wanted is {wanted}."
        why = "It ties the pod to what lies on one node, and lets it read or write what belongs to others."
        yield Violation(message, why, f"Use {wanted}", next(path for _, path in found.values()))


def _effective(pod: Pod, container: Container, *keys: str) -> Any:
    """Return a field of the container's security context, else the pod's."""
    own = at(container.content, "securityContext", *keys)
    return at(pod.spec, "securityContext", *keys) if own is None else own


def _seccomp(pod: Pod, container: Container) -> str | None:
    return text(_effective(pod, container, "seccompProfile", "type"))


def _as_root(pod: Pod, container: Container) -> bool:
    user = _effective(pod, container, "runAsUser")
    return _effective(pod, container, "runAsNonRoot") is not True or (user == 0 and not isinstance(user, bool))


def _selinux(pod: Pod, container: Container) -> bool:
    options = mapping(_effective(pod, container, "seLinuxOptions"))
    return options.get("type", "") not in _SELINUX_TYPES or bool(options.get("user") or options.get("role"))


def _added(container: Container) -> set[str]:
    stated = items(at(container.content, "securityContext", "capabilities", "add"))
    return {str(one) for one in stated}


def _drops_all(container: Container) -> bool:
    return "ALL" in items(at(container.content, "securityContext", "capabilities", "drop"))


_WALL: Final = "It takes away a wall between the container and its node."
_BASELINE: Final = (
    _Control(
        "securityContext.privileged",
        lambda _, one: at(one.content, "securityContext", "privileged") is True,
        "is true: the container is root on its node; wanted is false",
        "A privileged container has every device and every right of the node: whoever breaks in owns it.",
        "Take it away: the device plugin gives the GPU without it",
    ),
    _Control(
        "ports[].hostPort",
        lambda _, one: any(at(port, "hostPort") for port in items(one.content.get("ports"))),
        "is set: the port is open on the node's own address; wanted is none",
        "It goes past Services, Ingress and their rules, and only one such pod fits on a node.",
        "Take hostPort away, and reach the pod through a Service",
    ),
    _Control(
        "securityContext.capabilities.add",
        lambda _, one: not _added(one) <= CAPABILITIES,
        "has capabilities beyond those of a plain container; wanted is none",
        "Such rights lead out of the container, and no engine needs them.",
        "Take securityContext.capabilities.add away",
    ),
    _Control(
        "securityContext.seccompProfile.type",
        lambda pod, one: _seccomp(pod, one) == "Unconfined",
        "is Unconfined; wanted is RuntimeDefault",
        "Every system call of the kernel is open to the container.",
        "Set securityContext.seccompProfile: {{type: RuntimeDefault}}",
    ),
    _Control(
        "securityContext.procMount",
        lambda _, one: at(one.content, "securityContext", "procMount") not in {None, "Default"},
        "is not Default; wanted is Default",
        _WALL,
        "Take securityContext.procMount away",
    ),
    _Control(
        "securityContext.appArmorProfile.type",
        lambda pod, one: _effective(pod, one, "appArmorProfile", "type") == "Unconfined",
        "is Unconfined; wanted is RuntimeDefault",
        _WALL,
        "Take securityContext.appArmorProfile away",
    ),
    _Control(
        "securityContext.seLinuxOptions",
        _selinux,
        "sets a type, user or role of its own; wanted is the default",
        _WALL,
        "Take securityContext.seLinuxOptions away",
    ),
)
_RESTRICTED: Final = (
    _Control(
        "securityContext.allowPrivilegeEscalation",
        lambda _, one: at(one.content, "securityContext", "allowPrivilegeEscalation") is not False,
        "is not false; wanted is false",
        "A program with setuid in the image makes root of any user.",
        "Set securityContext.allowPrivilegeEscalation: false",
    ),
    _Control(
        "securityContext.capabilities",
        lambda _, one: not _drops_all(one) or (_added(one) <= CAPABILITIES and not _added(one) <= {"NET_BIND_SERVICE"}),
        "does not drop ALL, or adds others than NET_BIND_SERVICE; wanted is drop: [ALL]",
        "A container starts with rights that no engine uses; root in it is less without them.",
        "Set securityContext.capabilities: {{drop: [ALL]}}",
    ),
    _Control(
        "securityContext.seccompProfile",
        lambda pod, one: _seccomp(pod, one) is None,
        "is not set; wanted is RuntimeDefault",
        "Without it the container may make system calls that lead out of it.",
        "Set {pod}.securityContext.seccompProfile: {{type: RuntimeDefault}}",
    ),
    _Control(
        "securityContext.runAsNonRoot",
        lambda pod, one: _as_root(pod, one) and not needs_root(one),
        "is not true, or runAsUser is 0; wanted is a user other than root",
        "Root in the container is one fault of the kernel away from root on the node.",
        "Set {pod}.securityContext: {user}",
    ),
)
