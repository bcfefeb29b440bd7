"""Which GPUs a pod gets: how many, and of which model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from voltaic import hardware, kubernetes_names
from voltaic.manifests.plain import at, items, mapping, shown, text, unfilled, whole

if TYPE_CHECKING:
    from collections.abc import Collection

    from voltaic.hardware import GpuModel, Profile


@dataclass(frozen=True, slots=True)
class Count:
    """How many GPUs a container gets."""

    gpus: int | None
    reason: str | None = None
    """Why that cannot be read."""
    foreign: str | None = None
    """Resource name of another kind of accelerator that the container asks for."""


@dataclass(frozen=True, slots=True)
class Card:
    """Which GPU model a pod is placed on."""

    gpu: GpuModel | None
    reason: str | None = None
    """Why that cannot be read, and what would settle it."""


FOREIGN_RESOURCES = (
    "habana.ai/gaudi",
    "aws.amazon.com/neuron",
    "aws.amazon.com/neuroncore",
    "google.com/tpu",
    "gpu.intel.com/i915",
    "gpu.intel.com/xe",
    "huawei.com/Ascend910",
)
"""Extended resources of accelerators that are no GPUs of ours (their device plugins' documentation)."""


@cache
def resource_names() -> tuple[str, ...]:
    """Return the extended resources of whole GPUs."""
    return tuple(dict.fromkeys(gpu.resource_name for gpu in hardware.gpu_models()))


def count(container: dict[str, Any]) -> Count:
    """Return how many GPUs a container gets: the limit, else the request."""
    asked = {**mapping(at(container, "resources", "requests")), **mapping(at(container, "resources", "limits"))}
    foreign = next((name for name in asked if name in FOREIGN_RESOURCES), None)
    if foreign is not None:
        return Count(None, foreign=foreign)
    for name in resource_names():
        if name in asked:
            gpus = whole(asked[name])
            what = "which is no GPU at all" if gpus == 0 else "which is no whole number"
            return Count(gpus) if gpus else Count(None, f"the limit {name} is {shown(asked[name])}, {what}")
    divided = next((name for name in asked if name.startswith(("nvidia.com/mig-", "nvidia.com/gpu."))), None)
    if divided is not None:
        return Count(None, f"{divided} is a part of a GPU, whose memory is not known")
    if items(at(container, "resources", "claims")):
        return Count(None, "its GPUs come through resource claims, which are not read")
    return Count(None, f"no limit on {' or '.join(resource_names())}")


def card(template: dict[str, Any], owner: dict[str, Any], profile: Profile | None) -> Card:
    """Return the GPU model that a pod is placed on.

    Node labels decide. Where they name none, the annotation `voltaic/profile` of the pod or of its owner does, then the
    profile given by the caller.
    """
    labels = _labels()
    spec = mapping(template.get("spec"))
    choices = [
        {(name, value)}
        for name, value in mapping(spec.get("nodeSelector")).items()
        if name in labels and isinstance(value, str)
    ]
    affinity = _affinity(spec, labels)
    if affinity:
        choices.append(affinity)
    if choices:
        return _one(set.intersection(*choices) or set.union(*choices))
    return _stated(template, owner) or _given(profile)


def _given(profile: Profile | None) -> Card:
    if profile is not None:
        return Card(profile.gpu)
    known = " or ".join(sorted(_labels()))
    return Card(None, f"no node label tells the GPU model; select nodes by {known}, or name a profile")


@cache
def _labels() -> frozenset[str]:
    return frozenset(gpu.node_label for gpu in hardware.gpu_models())


def _affinity(spec: dict[str, Any], labels: Collection[str | None]) -> set[tuple[str, str]]:
    """Return the products that every way to be placed allows; empty where one of them leaves the product open."""
    required = at(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    products: set[tuple[str, str]] = set()
    for term in items(at(required, "nodeSelectorTerms")):
        named = [
            {(str(at(entry, "key")), value) for value in items(at(entry, "values")) if isinstance(value, str)}
            for entry in items(at(term, "matchExpressions"))
            if text(at(entry, "key")) in labels and at(entry, "operator") == "In"
        ]
        if not named:
            return set()
        products |= set.intersection(*named) or set.union(*named)
    return products


def _one(products: set[tuple[str, str]]) -> Card:
    """Return the model that all these products are."""
    blank = next((value for _, value in sorted(products) if unfilled(value)), None)
    if blank is not None:
        return Card(None, f"the node label {blank} is not filled in yet")
    models = {hardware.gpu_by_label(label, value) for label, value in products}
    if len(models) == 1 and None not in models:
        return Card(models.pop())
    problems = (hardware.label_problem(label, value) for label, value in sorted(products))
    problem = next((text for text in problems if text is not None), None)
    names = sorted(gpu.name for gpu in models if gpu is not None)
    return Card(None, problem or f"the pod may be placed on {' or '.join(names)}; select one GPU model")


def _stated(template: dict[str, Any], owner: dict[str, Any]) -> Card | None:
    for holder in (template, owner):
        name = text(at(holder, "metadata", "annotations", kubernetes_names.PROFILE_ANNOTATION))
        if name is None:
            continue
        try:
            return Card(hardware.profile(name).gpu)
        except hardware.UnknownProfile as unknown:
            return Card(None, f"annotation {kubernetes_names.PROFILE_ANNOTATION}: {unknown}")
    return None
