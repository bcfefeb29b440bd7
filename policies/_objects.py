"""What is said about Kubernetes objects, whoever wrote them: each alone, and all of a program together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pulumi

from policies import _reports
from policies._unread import Unread
from voltaic import checking, hardware, kubernetes_names, manifests
from voltaic.manifests.plain import at
from voltaic.manifests.views import Objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policies._reports import Report
    from policies._resource import Resource
    from voltaic.checking import Checked, Said
    from voltaic.findings import Level
    from voltaic.hardware import Profile
    from voltaic.manifests import Workload

_DECISIVE: Final = re.compile(
    r"(spec|template|jobTemplate|containers|initContainers|nodeSelector)$"
    r"|containers\[\d+\](\.(image|command|args|resources)\b.*|\.env|\.env\[\d+\](\.name|\.value)?|\.envFrom\b.*)?$"
    r"|\b(nodeSelector|nodeAffinity)\b"
)
"""Paths of a manifest that decide whether a server starts; names, labels, volumes and Secret references do not."""
_IMAGE: Final = re.compile(r"(spec|template|jobTemplate|containers|containers\[\d+\]|containers\[\d+\]\.image)$")
"""Paths without which it is not even known whether this is a model server."""


def reports(resource: Resource) -> Iterator[Report]:
    """Yield what is to be said about an object before it is created or changed, from what it says itself."""
    profile, fault = _profile()
    found = manifests.workloads([resource.document], profile=profile)
    servers = [workload for workload in found if workload.spec is not None]
    if servers and fault is not None:
        yield fault
    decisive = _DECISIVE if servers else _IMAGE
    yield from _not_known_yet([path for path in resource.properties.unknown if decisive.search(path)])
    yield from _not_shown([path for path in resource.properties.sealed if decisive.search(path)])
    strict = _strict(resource)
    if resource.server_of_ours and not servers:
        yield _no_server(found, "mandatory" if strict else "advisory")
    unread = Unread.of(resource.properties)
    for checked in _checked(resource, found, Objects.of([resource.document])):
        for said in checked.said:
            if not _asks_others(said) and not unread.hides(said):
                yield _reports.of_said(said, strict=strict, place=_place(resource, checked, said))


def reports_together(resources: Iterable[Resource]) -> Iterator[tuple[Resource, Report]]:
    """Yield what only all objects of the program together tell, each with the resource that it is about.

    That is what the rules find that look at other objects, and what the others find in settings that stand in other
    objects, such as a ConfigMap. What an object says alone was said when it was registered.
    """
    objects = sorted((one for one in resources if one.kind and not one.kind.patch), key=lambda one: one.urn)
    profile, _ = _profile()
    workloads = manifests.workloads([one.document for one in objects], profile=profile)
    others = Objects.of([one.document for one in objects])
    for resource in objects:
        found = [workload for workload in workloads if workload.file == resource.urn]
        unread = Unread.of(resource.properties)
        together = [
            (checked, said)
            for checked in _checked(resource, found, others)
            for said in checked.said
            if not unread.hides(said)
        ]
        if not together:
            continue
        alone = manifests.workloads([resource.document], profile=profile)
        known = {
            (said.finding.rule, said.finding.message, said.finding.path)
            for checked in _checked(resource, alone, Objects.of([resource.document]))
            for said in checked.said
        }
        for checked, said in together:
            if _asks_others(said) or (said.finding.rule, said.finding.message, said.finding.path) not in known:
                place = _place(resource, checked, said)
                yield resource, _reports.of_said(said, strict=_strict(resource), place=place)


def reports_of_patch(resource: Resource) -> Iterator[Report]:
    """Say that a patch of a pod template cannot be judged: the rest of the object is not part of the program."""
    if any(_has_containers(value) for value in resource.properties.values.values()):
        yield _reports.unreadable(
            "advisory",
            "It changes containers of an object whose rest is not in this program.",
            "A part of a manifest has no verdict: the rest decides as well.",
            "Declare the whole object, or judge the result with: kubectl get … -o yaml | voltaic check -",
        )


def reports_of_release(resource: Resource) -> Iterator[Report]:
    """Say that the objects of a chart cannot be judged where the chart may run a model server."""
    from policies import _charts  # noqa: PLC0415  few programs have one

    sign = _charts.sign_of_server(resource.properties.values)
    if sign is not None:
        yield _reports.unreadable(
            "advisory",
            f"The chart may run a model server ({sign}), and its objects are made where no policy sees them.",
            "A Release is rendered and applied by Helm within the provider; only its values are in the program.",
            "Use kubernetes.helm.sh/v4 Chart, whose objects are judged one by one, or judge the chart with: "
            "helm template … | voltaic check -",
        )


def _checked(resource: Resource, found: Sequence[Workload], others: Objects) -> tuple[Checked, ...]:
    # What our own components create is held to our own standard, so that no transform can slip past.
    return checking.of_workloads(found, others, ours=resource.ours, timeout_seconds=resource.timeout_seconds)


def _strict(resource: Resource) -> bool:
    """Return whether what cannot be known counts like a violation."""
    allowed = at(resource.document.content, "metadata", "annotations", kubernetes_names.UNKNOWN_ANNOTATION) == "true"
    return resource.ours and not allowed


def _asks_others(said: Said) -> bool:
    rule = _reports.rule_of(said.finding.rule)
    return rule is not None and rule.whole_input


def _place(resource: Resource, checked: Checked, said: Said) -> str:
    """Return the field that a finding is about, with the container or the other object that it lies in."""
    path = said.finding.path or ""
    if said.file != resource.urn:
        return f"{path} of {said.file.partition('::')[2]}" if path else said.file
    pod = checked.workload.pod
    views = pod.containers if pod is not None else ()
    name = next((view.name for view in views if path == view.path or path.startswith(f"{view.path}.")), None)
    return f"{path} (container {name})" if name else path


def _has_containers(value: Any) -> bool:
    if isinstance(value, dict):
        return "containers" in value or any(_has_containers(entry) for entry in value.values())
    return isinstance(value, list) and any(_has_containers(entry) for entry in value)


def _no_server(found: Sequence[Workload], level: Level) -> Report:
    """Return what is said of an object of our own server that no longer shows the server in it."""
    reasons = "; ".join(workload.reason for workload in found if workload.reason)
    return _reports.unreadable(
        level,
        "No container of it can be recognised as the inference server" + (f": {reasons}." if reasons else "."),
        "The component made it to serve a model; what cannot be recognised cannot be judged.",
        "Remove the transform that changes image or arguments. An image of your own is set with: "
        "pulumi config set image IMAGE",
    )


def _not_known_yet(paths: Sequence[str]) -> Iterator[Report]:
    if paths:
        yield _reports.unreadable(
            "advisory",
            f"{', '.join(paths)}: not known before the update.",
            "A preview cannot judge what it does not know; the update judges it before the resource is changed.",
            "Give these fields plain values to have the verdict in the preview.",
        )


def _not_shown(paths: Sequence[str]) -> Iterator[Report]:
    if paths:
        yield _reports.unreadable(
            "advisory",
            f"{', '.join(paths)}: a secret of the state that is not shown.",
            "What is not shown cannot be judged, and may decide whether the server starts.",
            "Give pulumi the key of the state's secrets, as in PULUMI_CONFIG_PASSPHRASE, or judge the stack itself.",
        )


def _profile() -> tuple[Profile | None, Report | None]:
    """Return the profile of the stack, for manifests that do not name their GPU model."""
    name = pulumi.Config("voltaic").get("profile") or None
    if name is None:
        return None, None
    try:
        return hardware.profile(name), None
    except hardware.UnknownProfile as unknown:
        return None, _reports.unreadable(
            "advisory",
            f"voltaic:profile: {unknown}",
            "It tells the GPU model of manifests that do not name one.",
            "Set it with: pulumi config set voltaic:profile v100-2gpu",
        )
