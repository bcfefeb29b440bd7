"""What the quotas of the input leave a pod, and what the pod asks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.manifests.plain import at, mapping
from voltaic.manifests.views import cores, size
from voltaic.rules.lifecycle import _beside

if TYPE_CHECKING:
    from voltaic.manifests.views import Container, Subject

GPUS: Final = ("requests.nvidia.com/", "requests.amd.com/")
_ALIASES: Final = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "ephemeral-storage": "requests.ephemeral-storage",
}
"""Names of a quota that mean requests (kubernetes.io, Resource Quotas)."""


def amount(name: str, value: Any) -> float | None:
    """Return a quantity of a resource as a number: bytes, cores or devices; None where it cannot be read."""
    return cores(value) if name.endswith("cpu") else size(value)


def stated(container: Container, name: str) -> Any:
    """Return what a container says of `requests.memory`, `limits.cpu`, … as written; None where it says nothing."""
    kind, _, resource = name.partition(".")
    if kind == "limits":
        return container.limit(resource)
    asked = container.request(resource)
    return container.limit(resource) if asked is None else asked


def hard(subject: Subject) -> dict[str, tuple[float, str]]:
    """Return the bounds on every pod of the namespace with the quota's name: the least of each resource."""
    found: dict[str, tuple[float, str]] = {}
    for quota in subject.others.of_kind("ResourceQuota", namespace=subject.pod.namespace):
        spec = mapping(at(quota.content, "spec"))
        # Scopes leave pods out, of which not all is known here.
        if not _beside.same_namespace(subject, quota) or spec.get("scopes") or spec.get("scopeSelector"):
            continue
        for written, value in mapping(spec.get("hard")).items():
            name, bound = _ALIASES.get(written, written), amount(written, value)
            if bound is not None and (name not in found or bound < found[name][0]):
                found[name] = (bound, str(quota.name))
    return found


def bounds(subject: Subject) -> dict[str, tuple[float, float, str]]:
    """Return by resource what one pod asks at least, the bound and the quota's name; what cannot be read is absent."""
    found: dict[str, tuple[float, float, str]] = {}
    for name, (bound, quota) in hard(subject).items():
        if name == "pods":
            found[name] = (1, bound, quota)
        elif name.startswith(("requests.", "limits.")):
            values = [amount(name, stated(one, name)) for one in subject.pod.containers if not one.init]
            each = sum(value for value in values if value is not None)
            if each > 0:
                found[name] = (each, bound, quota)
    return found
