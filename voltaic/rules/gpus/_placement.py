"""Which nodes a pod selects, as far as node labels say something about their GPUs. Nothing here judges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from voltaic import hardware
from voltaic.engines import data
from voltaic.manifests.plain import at, items, mapping, text, unfilled, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.findings import Source
    from voltaic.hardware import GpuModel
    from voltaic.manifests.views import Pod

_TERMS: Final = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
_MACHINE: Final = "node.kubernetes.io/instance-type"
_TOLERANCE: Final = 0.25
"""Share by which the memory that a label says may differ from what the driver gives to processes."""
_MIB: Final = 2**20


@cache
def facts() -> dict[str, Any]:
    """Return nodes.toml; read once."""
    return data.table(Path(__file__).with_name("nodes.toml"))


@cache
def source(table: str) -> Source:
    """Return where a table of nodes.toml comes from."""
    return data.source(facts()[table]["source"], facts()[table]["confidence"])


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label of the node."""

    label: str
    operator: str
    """`In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt`, `Lt`."""
    values: tuple[str, ...]
    path: str
    """Field of the document."""

    def __str__(self) -> str:
        """Return `nvidia.com/gpu.count In 1, 2`."""
        if self.operator == "In" and len(self.values) == 1:
            return f"{self.label}={self.values[0]}"
        return f"{self.label} {self.operator} {', '.join(self.values)}".rstrip()

    def allows(self, value: str) -> bool:
        """Return whether a node whose label has this value meets the condition."""
        if self.operator in {"In", "NotIn"}:
            return (value in self.values) == (self.operator == "In")
        bound = whole(self.values[0]) if self.values else None
        number = whole(value)
        if self.operator in {"Gt", "Lt"} and bound is not None and number is not None:
            return number > bound if self.operator == "Gt" else number < bound
        return self.operator != "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Choice:
    """One way in which a pod may be placed: all these conditions hold."""

    requirements: tuple[Requirement, ...]

    @property
    def gpus(self) -> frozenset[GpuModel] | None:
        """GPU models that the product labels leave; empty: they exclude each other; None: they leave it open."""
        told = [models for one in self.requirements if (models := _models(one)) is not None]
        return frozenset.intersection(*told) if told else None

    @property
    def products(self) -> tuple[Requirement, ...]:
        """The conditions on product labels."""
        return tuple(one for one in self.requirements if _models(one) is not None)

    def of(self, *about: str) -> Iterator[Requirement]:
        """Yield the conditions on labels about `major`, `count` and so on."""
        labels = {label for name in about for label in facts()["labels"][name]}
        return (one for one in self.requirements if one.label in labels)

    @property
    def most_gpus(self) -> tuple[int, Requirement] | None:
        """Most GPUs that such a node has, with the condition that says so; None where none does."""
        found = [(most, one) for one in self.requirements if (most := _most(one)) is not None]
        return min(found, key=lambda each: each[0], default=None)


def _models(one: Requirement) -> frozenset[GpuModel] | None:
    """Return the GPU models that a condition allows; None where it does not tell."""
    if one.operator != "In" or not one.values:
        return None
    models = [hardware.gpu_by_label(one.label, value) for value in one.values]
    return None if None in models else frozenset(model for model in models if model is not None)


def _most(one: Requirement) -> int | None:
    if one.label == _MACHINE and one.operator == "In":
        counts = [facts()["machines"].get(value) for value in one.values]
        return max((count for count in counts if type(count) is int), default=None) if None not in counts else None
    if one.label not in facts()["labels"]["count"]:
        return None
    numbers = [whole(value) for value in one.values]
    if not numbers or None in numbers:
        return None
    most = max(number for number in numbers if number is not None)
    return {"In": most, "Lt": most - 1}.get(one.operator)


def choices(pod: Pod) -> tuple[Choice, ...]:
    """Return the ways in which a pod may be placed; empty where it says nothing about nodes."""
    selector = tuple(
        Requirement(label, "In", (value,), f"{pod.path}.nodeSelector")
        for label, value in mapping(pod.spec.get("nodeSelector")).items()
        if isinstance(value, str) and not unfilled(value)
    )
    required = at(pod.spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = [
        tuple(_term(term, f"{pod.path}.{_TERMS}[{index}]"))
        for index, term in enumerate(items(at(required, "nodeSelectorTerms")))
    ]
    if terms:
        return tuple(Choice((*selector, *term)) for term in terms)
    return (Choice(selector),) if selector else ()


def _term(term: Any, path: str) -> Iterator[Requirement]:
    for index, entry in enumerate(items(at(term, "matchExpressions"))):
        label, operator = text(at(entry, "key")), text(at(entry, "operator"))
        values = items(at(entry, "values"))
        if label and operator and all(isinstance(value, str) and not unfilled(value) for value in values):
            yield Requirement(label, operator, tuple(values), f"{path}.matchExpressions[{index}]")


def steers(pod: Pod) -> bool:
    """Return whether a pod selects nodes by anything that not every node with a GPU has."""
    if pod.spec.get("nodeName") is not None:
        return True
    common = frozenset(facts()["labels"]["any"])
    selected = mapping(pod.spec.get("nodeSelector")).keys() - common
    required = at(pod.spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = items(at(required, "nodeSelectorTerms"))
    return bool(selected) or any(_selects(term, common) for term in terms)


def mutated(pod: Pod) -> bool:
    """Return whether a pod may be for a cluster that sets limits to requests before the API server looks at them."""
    prefixes = tuple(facts()["mutating"]["labels"])
    return any(one.label.startswith(prefixes) for choice in choices(pod) for one in choice.requirements)


def _selects(term: Any, common: frozenset[str]) -> bool:
    keys = {at(entry, "key") for entry in items(at(term, "matchExpressions"))}
    return bool(items(at(term, "matchFields"))) or not keys <= common


def refused(gpu: GpuModel, choice: Choice) -> Requirement | None:
    """Return the first condition of a choice that no node with this GPU model meets, product labels aside."""
    capability = gpu.compute_capability
    values: dict[str, str | None] = {"major": None, "minor": None, "family": None}
    if capability is not None:
        major, minor = capability
        family = facts()["families"].get(f"{major}{minor}")
        values = {"major": str(major), "minor": str(minor), "family": family}
    for about, value in values.items():
        for one in choice.of(about):
            # A label of NVIDIA's feature discovery is on no node with another vendor's GPUs.
            missing = capability is None and one.operator in {"In", "Exists", "Gt", "Lt"}
            if missing or (value is not None and not one.allows(value)):
                return one
    return next((one for one in choice.of("memory") if not _holds_memory(one, gpu)), None)


def _holds_memory(one: Requirement, gpu: GpuModel) -> bool:
    """Return whether a condition on the memory of a GPU, in MiB, may be met by this model."""
    size = gpu.usable_bytes / _MIB
    numbers = [number for value in one.values if (number := whole(value)) is not None]
    if len(numbers) != len(one.values) or not numbers or gpu.slice_of is not None:
        return True
    if one.operator == "Gt":
        return numbers[0] < size * (1 + _TOLERANCE)
    if one.operator == "Lt":
        return numbers[0] > size * (1 - _TOLERANCE)
    near = any(abs(number - size) <= _TOLERANCE * size for number in numbers)
    return near if one.operator == "In" else True
