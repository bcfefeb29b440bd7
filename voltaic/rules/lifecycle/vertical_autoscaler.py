"""Is the server left alone by what resizes pods?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, mapping, text
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "vertical-autoscaler"
_SOURCES: Final = (
    Source("kubernetes/autoscaler vertical-pod-autoscaler/docs/features.md: update modes; Auto evicts pods"),
)
_EVICTS: Final = frozenset({None, "Auto", "Recreate", "InPlaceOrRecreate"})


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for a vertical autoscaler that ends the pod to give it another size."""
    pod = subject.pod
    for scaler in subject.others.of_kind("VerticalPodAutoscaler", namespace=pod.namespace):
        spec = mapping(at(scaler.content, "spec"))
        target, mode = spec.get("targetRef"), text(at(spec, "updatePolicy", "updateMode"))
        if at(target, "name") != pod.holder.name or at(target, "kind") != pod.holder.kind or mode not in _EVICTS:
            continue
        policies = items(at(spec, "resourcePolicy", "containerPolicies"))
        off = {text(at(one, "containerName")) for one in policies if at(one, "mode") == "Off"}
        if not off.isdisjoint({"*", subject.container.name}):
            continue
        yield Finding(
            rule=ID,
            message=f"VerticalPodAutoscaler {scaler.name} resizes it by itself ({mode or 'Auto'}); wanted is Off.",
            why=(
                "It ends the pod to resize it, and the model loads again; what is used at rest is too little for "
                "loading."
            ),
            fix='Set updatePolicy: {updateMode: "Off"}, and take its recommendation by hand.',
            sources=_SOURCES,
            path=pod.object_path,
        )


RULE: Final = Rule(
    id=ID,
    title="Is the server left alone by what resizes pods?",
    why="A vertical autoscaler ends the pod at any time, and may ask for less memory than loading takes.",
    check=check,
    about="server",
    foreign="advisory",
    whole_input=True,
    fix="Set the update mode of the VerticalPodAutoscaler to Off.",
    sources=_SOURCES,
)
