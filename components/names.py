"""Names and labels of the stack's objects. None holds a model, a release or anything else that changes under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from voltaic import kubernetes_names

if TYPE_CHECKING:
    from collections.abc import Mapping


def stack_slug() -> str:
    """Return the stack's name as a DNS label."""
    return kubernetes_names.slug(pulumi.get_stack())


def object_name(component: str) -> str:
    """Return the Kubernetes name of a component's objects: two stacks may live in one namespace."""
    return f"{component}-{stack_slug()}"


@dataclass(frozen=True, slots=True)
class Owner:
    """The component that objects belong to: their names, labels, namespace and place in the tree."""

    resource: pulumi.Resource
    """The component; its logical name is that of its main objects, and the first part of all others."""
    component: str
    """`tgi`, `webui`."""
    role: str
    """What it is for the stack: `inference`, `chat`."""
    namespace: pulumi.Input[str]
    own_labels: Mapping[str, str]
    """Labels that the stack's owner wants on every object."""

    @property
    def name(self) -> str:
        """Name of the main objects in the cluster."""
        return object_name(self.component)

    @property
    def selector(self) -> dict[str, str]:
        """Labels that select the pods: constant, since a changed selector replaces a Deployment."""
        name, instance, _, _ = kubernetes_names.OWN_LABELS
        return {name: self.component, instance: stack_slug()}

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every object."""
        _, _, role, manager = kubernetes_names.OWN_LABELS
        return {**self.own_labels, **self.selector, role: self.role, manager: kubernetes_names.MANAGER}

    def metadata(self, part: str = "", annotations: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the metadata of one object; `part` tells it from the main ones."""
        name = f"{self.name}-{part}" if part else self.name
        metadata: dict[str, Any] = {"name": name, "namespace": self.namespace, "labels": self.labels}
        return {**metadata, "annotations": dict(annotations)} if annotations else metadata

    def logical_name(self, part: str = "") -> str:
        """Return the name of one object in the state."""
        return f"{self.component}-{part}" if part else self.component

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        """Return the options of an object of this component."""
        return pulumi.ResourceOptions(parent=self.resource, **more)


def name_of(made: Any) -> pulumi.Output[str]:
    """Return an object's name in the cluster as an output, so that what refers to it is made after it."""
    name: pulumi.Output[str] = made.metadata.apply(lambda metadata: str(metadata.name))
    return name
