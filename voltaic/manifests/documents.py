"""Objects that hold pods, in whatever they come wrapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voltaic.manifests.plain import at, items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

POD_TEMPLATES = {
    "Pod": (),
    "PodTemplate": ("template",),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Where each kind keeps its pod template (Kubernetes API reference: core/v1, apps/v1, batch/v1)."""
DEEPEST = 8
"""Lists within lists that are followed; `kubectl get` makes one."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a manifest file."""

    file: str
    number: int
    """Position in the file, from 1."""
    content: Any


@dataclass(frozen=True, slots=True)
class PodObject:
    """An object that holds a pod."""

    document: Document
    kind: str
    name: str | None
    content: dict[str, Any]
    """The object."""
    template: dict[str, Any]
    """Its pod template, or the pod itself; empty where there is none to be read."""


def pod_objects(documents: Iterable[Document]) -> Iterator[PodObject]:
    """Return the objects that hold pods, in order; lists are unpacked, other kinds left out."""
    for document in documents:
        yield from _within(document, document.content, 0)


def _within(document: Document, content: Any, depth: int) -> Iterator[PodObject]:
    if isinstance(content, (list, tuple)):
        entries = items(content)
    else:
        kind = text(at(content, "kind")) or ""
        if kind in POD_TEMPLATES:
            template = mapping(at(content, *POD_TEMPLATES[kind]))
            name = text(at(content, "metadata", "name")) or text(at(content, "metadata", "generateName"))
            yield PodObject(document, kind, name, mapping(content), template)
            return
        entries = items(at(content, "items")) if kind.endswith("List") else []
    if depth < DEEPEST:
        for entry in entries:
            yield from _within(document, entry, depth + 1)
