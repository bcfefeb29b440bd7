"""Which GPUs a pod gets: how many, and of which model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from voltaic import hardware, kubernetes_names
from voltaic.manifests.plain import at, items, mapping, shown, text, unfilled, whole

if TYPE_CHECKING:
    from voltaic.hardware import GpuModel, Profile


@dataclass(frozen=True, slots=True)
class Count:
    """How many GPUs a container gets."""

    gpus: int | None
    reason: str | None = None
    """Why that cannot be read."""
    foreign: str | None = None
    """Resource name of another kind of accelerator that the container asks for."""
    profile: str | None = None
    """Profile of the slices that are asked for, `3g.40gb`; None: whole GPUs."""


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


SLICES: Final = "nvidia.com/mig-"
"""Extended resources of MIG slices with the device plugin's strategy `mixed`; node labels name the whole GPU then."""


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
    slices = [name for name in asked if name.startswith(SLICES)]
    if len(slices) > 1:
        return Count(None, f"it asks for {' and '.join(sorted(slices))}, and a process sees one of them")
    if slices:
        gpus = whole(asked[slices[0]])
        if not gpus:
            return Count(None, f"the limit {slices[0]} is {shown(asked[slices[0]])}, which is no whole number from 1")
        return Count(gpus, profile=slices[0].removeprefix(SLICES))
    divided = next((name for name in asked if name.startswith("nvidia.com/gpu.")), None)
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
    spec = mapping(template.get("spec"))
    choices = [
        {_Product(name, value)} for name, value in mapping(spec.get("nodeSelector")).items() if _tells(name, value)
    ]
    affinity = _affinity(spec)
    if affinity:
        choices.append(affinity)
    if choices:
        return _one(choices)
    return _stated(template, owner) or _given(profile)


def slice_of(whole_card: Card, profile: str | None) -> Card:
    """Return the slice of a GPU model that a container asks for by its profile; the card itself without one."""
    if profile is None or whole_card.gpu is None:
        return whole_card
    name = f"{whole_card.gpu.slice_of or whole_card.gpu.name}-mig-{profile}"
    found = next((gpu for gpu in hardware.gpu_slices() if gpu.name == name), None)
    because = f"what a slice {profile} of {whole_card.gpu.slice_of or whole_card.gpu.name} holds is not known"
    return Card(found, None if found is not None else because)


@dataclass(frozen=True, slots=True)
class _Product:
    """A node label and its value."""

    label: str
    value: str

    @property
    def gpu(self) -> GpuModel | None:
        return hardware.gpu_by_label(self.label, self.value)

    @property
    def problem(self) -> str | None:
        if unfilled(self.value):
            return f"the node label {self.label}={self.value} is not filled in yet"
        return hardware.label_problem(self.label, self.value)


def _tells(label: str | None, value: Any) -> bool:
    """Return whether a node label tells the GPU model: the product label always, others where their value does."""
    if label is None or not isinstance(value, str):
        return False
    return label in _product_labels() or hardware.gpu_by_label(label, value) is not None


def _given(profile: Profile | None) -> Card:
    if profile is not None:
        return Card(profile.gpu)
    known = " or ".join(sorted(_product_labels()))
    return Card(None, f"no node label tells the GPU model; select nodes by {known}, or name a profile")


@cache
def _product_labels() -> frozenset[str]:
    return frozenset(gpu.node_label for gpu in hardware.gpu_models())


def _affinity(spec: dict[str, Any]) -> set[_Product]:
    """Return the products that every way to be placed allows; empty where one of them leaves the product open."""
    required = at(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    products: set[_Product] = set()
    for term in items(at(required, "nodeSelectorTerms")):
        named = [found for entry in items(at(term, "matchExpressions")) if (found := _values(entry))]
        if not named:
            return set()
        products |= _meeting(named)
    return products


def _values(expression: Any) -> set[_Product]:
    """Return the products of one expression; empty where it does not tell the GPU model."""
    label = text(at(expression, "key"))
    values = items(at(expression, "values"))
    if at(expression, "operator") != "In" or label is None or not all(_tells(label, value) for value in values):
        return set()
    return {_Product(label, value) for value in values}


def _one(choices: list[set[_Product]]) -> Card:
    """Return the model that the pod is placed on if it has to meet all these choices."""
    problem = next((product.problem for choice in choices for product in _sorted(choice) if product.problem), None)
    if problem is not None:
        return Card(None, problem)
    models = {product.gpu for product in _meeting(choices)}
    if len(models) == 1:
        return Card(models.pop())
    names = sorted(gpu.name for gpu in models if gpu is not None)
    return Card(None, f"the pod may be placed on {' or '.join(names)}; select one GPU model")


def _meeting(choices: list[set[_Product]]) -> set[_Product]:
    """Return the products of GPU models that all choices allow; all products where the choices exclude each other."""
    models = set.intersection(*({product.gpu for product in choice} for choice in choices))
    products = set.union(*choices)
    return {product for product in products if product.gpu in models} or products


def _sorted(products: set[_Product]) -> list[_Product]:
    return sorted(products, key=lambda product: (product.label, product.value))


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
