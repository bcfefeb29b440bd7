"""Objects of the same input that act on a pod: autoscalers, budgets, quotas, Services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.manifests.plain import at, mapping, text, unfilled, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.documents import Object
    from voltaic.manifests.views import Pod, Subject

AUTOSCALERS: Final = ("HorizontalPodAutoscaler", "ScaledObject")


def scalers(subject: Subject) -> Iterator[Object]:
    """Yield what scales the object that holds the pod: autoscalers of Kubernetes and of KEDA."""
    pod = subject.pod
    for one in subject.others.of_kind(*AUTOSCALERS, namespace=pod.namespace):
        target = at(one.content, "spec", "scaleTargetRef")
        # KEDA scales a Deployment where no kind is said.
        if at(target, "name") == pod.holder.name and (at(target, "kind") or "Deployment") == pod.holder.kind:
            yield one


def most(scaler: Object) -> int | None:
    """Return the most replicas that an autoscaler asks for; None where that is not said."""
    return whole(at(scaler.content, "spec", "maxReplicas" if scaler.kind == AUTOSCALERS[0] else "maxReplicaCount"))


def same_namespace(subject: Subject, other: Object) -> bool:
    """Return whether an object is certainly in the pod's namespace.

    Where neither says one, they are applied to the same only if they stand in one file, or there is one of the kind:
    overlays of two sites have one each.
    """
    pod = subject.pod
    if other.namespace != pod.namespace or unfilled(other.namespace):
        return False
    if pod.namespace is not None or other.document.file == pod.holder.document.file:
        return True
    return sum(1 for _ in subject.others.of_kind(other.kind, namespace=None)) == 1


def selects(selector: Any, pod: Pod) -> bool:
    """Return whether labels of a selector, all of them text, are the pod's; an empty one selects nothing here."""
    wanted, labels = mapping(selector), pod.labels
    return bool(wanted) and all(text(value) is not None and labels.get(key) == value for key, value in wanted.items())
