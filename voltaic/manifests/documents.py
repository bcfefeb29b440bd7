"""The objects of manifests, in whatever they come wrapped, and the pods that some of them hold."""

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
class Object:
    """One Kubernetes object of a document."""

    document: Document
    kind: str
    name: str | None
    content: dict[str, Any]
    path: str = ""
    """Field of the document that is the object: empty, or `items[2]` within a list."""

    @property
    def namespace(self) -> str | None:
        """Its namespace; None where it is not said."""
        return text(at(self.content, "metadata", "namespace"))


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
    path: str = ""
    """Field of the document that is the object: empty, or `items[2]` within a list."""
    template_path: str = ""
    """Field of the document that is the template: `spec.template`."""


def joined(*parts: str) -> str:
    """Return a field's path: `joined("items[2]", "spec", "template")` is `items[2].spec.template`."""
    return ".".join(part for part in parts if part)


def objects(documents: Iterable[Document]) -> Iterator[Object]:
    """Yield all objects, in order; lists are unpacked, what is no object left out."""
    for document in documents:
        yield from _within(document, document.content, "", 0)


def pod_objects(documents: Iterable[Document]) -> Iterator[PodObject]:
    """Return the objects that hold pods, in order; lists are unpacked, other kinds left out."""
    for found in objects(documents):
        where = POD_TEMPLATES.get(found.kind)
        if where is not None:
            template = mapping(at(found.content, *where))
            yield PodObject(
                found.document, found.kind, found.name, found.content, template, found.path, joined(found.path, *where)
            )


def _within(document: Document, content: Any, path: str, depth: int) -> Iterator[Object]:
    if isinstance(content, (list, tuple)):
        entries = items(content)
    else:
        kind = text(at(content, "kind")) or ""
        if not kind.endswith("List") or kind in POD_TEMPLATES:
            if kind:
                name = text(at(content, "metadata", "name")) or text(at(content, "metadata", "generateName"))
                yield Object(document, kind, name, mapping(content), path)
            return
        entries, path = items(at(content, "items")), joined(path, "items")
    if depth < DEEPEST:
        for index, entry in enumerate(entries):
            yield from _within(document, entry, f"{path}[{index}]", depth + 1)
