"""Which GPUs a pod gets: how many, and of which model."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic import hardware, kubernetes_names
from voltaic.engines import data
from voltaic.manifests.plain import at, items, mapping, shown, text, unfilled, whole

if TYPE_CHECKING:
    from voltaic.hardware import GpuModel, Profile
    from voltaic.manifests.documents import PodObject


@dataclass(frozen=True, slots=True)
class Count:
    """How many GPUs a container gets."""

    gpus: int | None
    reason: str | None = None
    """Why that cannot be read."""
    foreign: str | None = None
    """Resource name of another kind of accelerator that the container asks for."""
    refused: bool = False
    """Whether Kubernetes certainly refuses what is asked for, and `reason` says why."""
    profile: str | None = None
    """Profile of the slices that are asked for, `3g.40gb`; None: whole GPUs."""
    resource: str | None = None
    """Resource name of the whole GPUs that are asked for; None where it names none."""


@dataclass(frozen=True, slots=True)
class Card:
    """Which GPU model a pod is placed on."""

    gpu: GpuModel | None
    reason: str | None = None
    """Why that cannot be read, and what would settle it."""


_QUANTITY = re.compile(r"([+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?)(m)?", re.ASCII)
SLICES: Final = "nvidia.com/mig-"
"""Extended resources of MIG slices with the device plugin's strategy `mixed`; node labels name the whole GPU then."""


@cache
def _facts() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("accelerators.toml"))


@cache
def _is(table: str, name: str) -> bool:
    """Return whether a resource or an annotation is one of a table of accelerators.toml."""
    return any(re.fullmatch(row["name"], name) for row in _facts()[table])


@cache
def resource_names() -> tuple[str, ...]:
    """Return the extended resources of whole GPUs."""
    return tuple(dict.fromkeys(gpu.resource_name for gpu in hardware.gpu_models()))


def count(container: dict[str, Any]) -> Count:
    """Return how many GPUs a container gets: the limit, else the request."""
    asked = {**mapping(at(container, "resources", "requests")), **mapping(at(container, "resources", "limits"))}
    foreign = next((name for name in asked if _is("foreign", name)), None)
    if foreign is not None:
        return Count(None, foreign=foreign)
    divided = next((name for name in asked if _is("part", name)), None)
    if divided is not None:
        return Count(None, f"{divided} is a part of a GPU, whose memory is not known")
    for name in resource_names():
        if name in asked:
            return replace(_whole_gpus(name, asked[name]), resource=name)
    slices = [name for name in asked if name.startswith(SLICES)]
    if len(slices) > 1:
        return Count(None, f"it asks for {' and '.join(sorted(slices))}, and a process sees one of them")
    if slices:
        gpus = whole(asked[slices[0]])
        if not gpus:
            return Count(None, f"the limit {slices[0]} is {shown(asked[slices[0]])}, which is no whole number from 1")
        return Count(gpus, profile=slices[0].removeprefix(SLICES))
    if items(at(container, "resources", "claims")):
        return Count(None, "its GPUs come through resource claims, which are not read")
    return Count(None, f"no limit on {' or '.join(resource_names())}")


def _whole_gpus(name: str, value: Any) -> Count:
    """Return how many GPUs a quantity asks for; Kubernetes counts GPUs in whole numbers, `2000m` among them."""
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, (int, float, str)) and value is not True else None
    if match is None:
        return Count(None, f"the limit {name} is {shown(value)}, which is no whole number")
    number = Decimal(match[1]) / (1000 if match[2] else 1)
    if number < 0 or number % 1:
        return Count(None, f"the limit {name} is {shown(value)}, which is no whole number", refused=True)
    gpus = whole(int(number))
    return Count(gpus) if gpus else Count(None, f"the limit {name} is {shown(value)}, which is no GPU at all")


def card(holder: PodObject, profile: Profile | None, resource: str | None = None) -> Card:
    """Return the GPU model that a pod is placed on.

    Node labels decide. Where they name none, the annotation `voltaic/profile` of the pod or of its owner does, then the
    profile given by the caller, which is for all manifests of an input: a pod that asks for GPUs of another vendor is
    not meant.

    Args:
        holder: the pod.
        profile: given by the caller.
        resource: name of the GPUs that the pod asks for; None where it names none.
    """
    spec = holder.spec
    selected = mapping(spec.get("nodeSelector"))
    terms = _terms(spec)
    divided = _divided(holder, selected, terms)
    if divided is not None:
        return Card(None, divided)
    choices = [{_Product(name, value)} for name, value in selected.items() if _tells(name, value)]
    affinity = _affinity(terms)
    if affinity:
        choices.append(affinity)
    found = _one(choices) if choices else _stated(holder.template, holder.content) or _given(profile, resource)
    cut = next((selected[row["label"]] for row in _facts()["slice"] if text(selected.get(row["label"]))), None)
    return slice_of(found, cut)


Term = list[tuple[str, str, list[Any]]]
"""Expressions of a node selector term: label, operator, values. All of them have to hold."""


def _terms(spec: dict[str, Any]) -> list[Term]:
    """Return the terms that a node has to meet one of."""
    required = at(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    return [
        [
            (text(at(entry, "key")) or "", text(at(entry, "operator")) or "", items(at(entry, "values")))
            for entry in items(at(term, "matchExpressions"))
        ]
        for term in items(at(required, "nodeSelectorTerms"))
    ]


def _divided(holder: PodObject, selected: dict[str, Any], terms: list[Term]) -> str | None:
    """Return why a GPU of these nodes is not one container's own; None where nothing says so."""
    for row in _facts()["shared"]:
        label = row["label"]
        asked = [selected[label]] if label in selected else []
        asked += [
            value for term in terms for key, how, values in term if (key, how) == (label, "In") for value in values
        ]
        shared = next((value for value in asked if value not in row["free"]), None)
        if shared is not None:
            what = "GPUs of such nodes are shared or cut into slices, so their memory is not one workload's own"
            return f"{label}={shared}: {what}"
    for owner in (holder.template, holder.content):
        for name in mapping(at(owner, "metadata", "annotations")):
            if _is("annotation", name):
                return f"the annotation {name} asks for a part of a GPU, whose memory is not known"
    return None


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


def _given(profile: Profile | None, resource: str | None) -> Card:
    if profile is not None and resource in {None, profile.gpu.resource_name}:
        return Card(profile.gpu)
    if profile is not None:
        return Card(None, f"the pod asks for {resource}, and the profile names {profile.gpu.resource_name}")
    known = " or ".join(sorted(_product_labels()))
    return Card(None, f"no node label tells the GPU model; select nodes by {known}, or name a profile")


@cache
def _product_labels() -> frozenset[str]:
    return frozenset(gpu.node_label for gpu in hardware.gpu_models())


def _affinity(terms: list[Term]) -> set[_Product]:
    """Return the products that every way to be placed allows; empty where one of them leaves the product open."""
    products: set[_Product] = set()
    for term in terms:
        named = [found for label, how, values in term if how == "In" and (found := _values(label, values))]
        if not named:
            return set()
        excluded = {(label, value) for label, how, values in term if how == "NotIn" for value in values if text(value)}
        met = _meeting(named)
        products |= {product for product in met if (product.label, product.value) not in excluded} or met
    return products


def _values(label: str, values: list[Any]) -> set[_Product]:
    """Return the products of one expression; empty where it does not tell the GPU model."""
    if not values or not all(_tells(label, value) for value in values):
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
