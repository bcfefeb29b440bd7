"""The controls of the Pod Security Standards that are asked of every container, with what is found and wanted.

Source: kubernetes.io, Pod Security Standards (v1.33), each control with its fields and allowed values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines.tgi.deployment import deployment
from voltaic.manifests.plain import at, items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from voltaic.manifests.views import Container, Pod

UNSET: Final = "not set"
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
_SELINUX_TYPES: Final = frozenset(
    {"container_t", "container_init_t", "container_kvm_t", "container_engine_t", "container_device_t"}
)


@dataclass(frozen=True, slots=True)
class Control:
    """A control that is asked of every container."""

    field: str
    """Below the container; `[]` stands for any entry."""
    found: Callable[[Pod, Container], str | None]
    """What is found there that is not allowed, to follow `is`; None: nothing."""
    wanted: str
    why: str
    fix: str


def needs_root(container: Container) -> bool:
    """Return whether this image is known to start as root alone, so that another user would only break it."""
    image = container.image
    if image is None or image.version is None:
        return False
    if image.repository == "text-generation-inference":
        return deployment(image.version).root_because is not None
    return image.repository == "open-webui" and tuple(int(part) for part in image.version.split(".")[:3]) < (0, 6, 23)


def _effective(pod: Pod, container: Container, *keys: str) -> Any:
    """Return a field of the container's security context, else the pod's."""
    own = at(container.content, "securityContext", *keys)
    return at(pod.spec, "securityContext", *keys) if own is None else own


def _seccomp(pod: Pod, container: Container) -> str | None:
    return text(_effective(pod, container, "seccompProfile", "type"))


def _user_found(pod: Pod, container: Container) -> str | None:
    """Return as whom a container runs that may run as root; None where it may not, or its image has to."""
    if needs_root(container):
        return None
    user, stated = _effective(pod, container, "runAsUser"), _effective(pod, container, "runAsNonRoot")
    if user == 0 and not isinstance(user, bool):
        return f"{str(stated).lower() if stated is not None else UNSET} with runAsUser 0"
    return None if stated is True else UNSET if stated is None else "false"


def _selinux(pod: Pod, container: Container) -> str | None:
    options = mapping(_effective(pod, container, "seLinuxOptions"))
    own = {key: text(options.get(key)) for key in ("type", "user", "role") if options.get(key)}
    if own.get("type") in _SELINUX_TYPES:
        del own["type"]
    return " and ".join(f"{key} {value}" for key, value in own.items()) or None


def _added(container: Container) -> set[str]:
    stated = items(at(container.content, "securityContext", "capabilities", "add"))
    return {str(one) for one in stated}


def _beyond(pod: Pod, container: Container) -> str | None:
    """Return the capabilities beyond those of a plain container; RDMA between nodes is known to need one."""
    allowed = CAPABILITIES | ({"IPC_LOCK"} if _over_rdma(pod, container) else set())
    return " and ".join(sorted(_added(container) - allowed)) or None


def _over_rdma(pod: Pod, container: Container) -> bool:
    names = (
        *mapping(at(container.content, "resources", "limits")),
        *mapping(at(container.content, "resources", "requests")),
    )
    return pod.holder.group != 1 or any(name.startswith("rdma/") or name.endswith(("/efa", "/hca")) for name in names)


def _kept(_: Pod, container: Container) -> str | None:
    """Return what a container keeps or adds that `restricted` takes away."""
    dropped = items(at(container.content, "securityContext", "capabilities", "drop"))
    if "ALL" not in dropped:
        return "without drop ALL" if dropped else UNSET
    return " and ".join(sorted(_added(container) & CAPABILITIES - {"NET_BIND_SERVICE"})) or None


def _host_port(_: Pod, container: Container) -> str | None:
    stated = (at(port, "hostPort") for port in items(container.content.get("ports")))
    return " and ".join(str(port) for port in stated if port) or None


def _escalation(_: Pod, container: Container) -> str | None:
    stated = at(container.content, "securityContext", "allowPrivilegeEscalation")
    return None if stated is False else UNSET if stated is None else "true"


def _no_seccomp(pod: Pod, container: Container) -> str | None:
    return UNSET if _seccomp(pod, container) is None else None


def _unconfined(*keys: str) -> Callable[[Pod, Container], str | None]:
    return lambda pod, one: "Unconfined" if _effective(pod, one, *keys) == "Unconfined" else None


def _proc_mount(_: Pod, container: Container) -> str | None:
    stated = at(container.content, "securityContext", "procMount")
    return None if stated is None or stated == "Default" else str(stated)


def _privileged(_: Pod, container: Container) -> str | None:
    return "true" if at(container.content, "securityContext", "privileged") is True else None


WALL: Final = "It takes away a wall between the container and its node."
BASELINE: Final = (
    Control(
        "securityContext.privileged",
        _privileged,
        "false",
        "A privileged container has every device and every right of the node: whoever breaks in owns it.",
        "Take it away: the device plugin gives the GPU without it",
    ),
    Control(
        "ports[].hostPort",
        _host_port,
        "none",
        "It goes past Services, Ingress and their rules, and only one such pod fits on a node.",
        "Take hostPort away, and reach the pod through a Service",
    ),
    Control(
        "securityContext.capabilities.add",
        _beyond,
        "none beyond those of a plain container",
        "Such rights lead out of the container, and an engine on one node needs none of them.",
        "Take securityContext.capabilities.add away",
    ),
    Control(
        "securityContext.seccompProfile.type",
        _unconfined("seccompProfile", "type"),
        "RuntimeDefault",
        "Every system call of the kernel is open to the container.",
        "Set securityContext.seccompProfile: {{type: RuntimeDefault}}",
    ),
    Control(
        "securityContext.procMount",
        _proc_mount,
        "Default",
        WALL,
        "Take securityContext.procMount away",
    ),
    Control(
        "securityContext.appArmorProfile.type",
        _unconfined("appArmorProfile", "type"),
        "RuntimeDefault",
        WALL,
        "Take securityContext.appArmorProfile away",
    ),
    Control(
        "securityContext.seLinuxOptions",
        _selinux,
        "a level alone, or none",
        WALL,
        "Take type, user and role of securityContext.seLinuxOptions away",
    ),
)
RESTRICTED: Final = (
    Control(
        "securityContext.allowPrivilegeEscalation",
        _escalation,
        "false",
        "A program with setuid in the image makes root of any user.",
        "Set securityContext.allowPrivilegeEscalation: false",
    ),
    Control(
        "securityContext.capabilities",
        _kept,
        "drop: [ALL], with NET_BIND_SERVICE at most beside it",
        "A container starts with rights that no engine uses; root in it is less without them.",
        "Set securityContext.capabilities: {{drop: [ALL]}}",
    ),
    Control(
        "securityContext.seccompProfile",
        _no_seccomp,
        "RuntimeDefault",
        "Without it the container may make system calls that lead out of it.",
        "Set {pod}.securityContext.seccompProfile: {{type: RuntimeDefault}}",
    ),
    Control(
        "securityContext.runAsNonRoot",
        _user_found,
        "true, with a user other than 0",
        "Root in the container is one fault of the kernel away from root on the node.",
        "Set {pod}.securityContext: {{{user}",
    ),
)
