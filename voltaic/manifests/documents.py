"""The objects of manifests, in whatever they come wrapped, and the pods that some of them hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voltaic.manifests.kinds import OWN_GROUPS, kind_of, kinds, seated
from voltaic.manifests.plain import at, items, mapping, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voltaic.manifests.kinds import Kind, Seat

POD_TEMPLATES = {
    kind.name: seat.steps for kind in reversed(kinds()) if not OWN_GROUPS.isdisjoint(kind.groups) for seat in kind.seats
}
"""Where each kind of Kubernetes itself keeps its pod template."""
DEEPEST = 8
"""Lists within lists that are followed; `kubectl get` makes one."""
_OPENSHIFT_TEMPLATE = ("Template", "template.openshift.io")
"""Kind and group of a list of objects with parameters (OpenShift API reference, template.openshift.io/v1: objects)."""


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
    """An object that holds a pod; an object with several pods is several of these."""

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
    inline: bool = False
    """Whether the specification stands where the template should, as in KServe's `spec.predictor`."""
    part: str | None = None
    """Which of the object's pods it is: `leader`; None where it has one."""
    group: int | None = 1
    """Pods that serve together; None where that cannot be read."""
    injected: tuple[str, ...] = ()
    """Variables that a controller sets in every container."""
    partial: str | None = None
    """Why what is not written says nothing; None: the pod is as it is written."""
    first: str | None = None
    """What a controller starts in the first container, whatever its image is."""
    replicas: Any = None
    """How many pods of it run, as written; None where it is not said."""

    @property
    def spec(self) -> dict[str, Any]:
        """The pod's specification; empty where it cannot be read."""
        return mapping(self.template if self.inline else self.template.get("spec"))

    @property
    def spec_path(self) -> str:
        """Field of the document that is the pod's specification: `spec.template.spec`."""
        return self.template_path if self.inline else joined(self.template_path, "spec")

    @property
    def namespace(self) -> str | None:
        """Namespace of the object; None where it is not said."""
        return text(at(self.content, "metadata", "namespace"))


def joined(*parts: str) -> str:
    """Return a field's path: `joined("items[2]", "spec", "template")` is `items[2].spec.template`."""
    return ".".join(part for part in parts if part)


def objects(documents: Iterable[Document]) -> Iterator[Object]:
    """Yield all objects, in order; lists are unpacked, what is no object left out."""
    for document in documents:
        yield from _within(document, document.content, "", 0)


def holds_pods(kind: str, api_version: str | None) -> bool:
    """Return whether objects of this kind hold pods, as far as kinds.toml tells."""
    return kind_of(kind, api_version) is not None


def pod_objects(found: Iterable[Object]) -> Iterator[PodObject]:
    """Yield the pods of objects, in order; kinds that hold none are left out.

    An object of a kind that holds pods and has none that can be read yields one without a template.
    """
    for one in found:
        kind = kind_of(one.kind, text(one.content.get("apiVersion")))
        if kind is not None:
            yield from _pods(one, kind)


def _pods(one: Object, kind: Kind) -> Iterator[PodObject]:
    group = whole(at(one.content, *kind.size)) if kind.size else 1
    several = False
    for seat in kind.seats:
        for template, holder, where in seated(one.content, seat.steps, one.path):
            if not isinstance(template, dict) and (several or len(kind.seats) > 1):
                continue
            several = True
            beside = len(seat.replicas) == 1
            yield PodObject(
                one.document,
                one.kind,
                one.name,
                one.content,
                mapping(template),
                one.path,
                where,
                inline=seat.inline,
                part=_part(seat, holder, where),
                group=group,
                injected=kind.injected,
                partial=kind.partial,
                first=kind.first,
                replicas=at(holder if beside else one.content, *seat.replicas),
            )
    if not several:
        where = joined(one.path, *kind.seats[0].steps) if kind.seats else one.path
        yield PodObject(one.document, one.kind, one.name, one.content, {}, one.path, where, partial=kind.partial)


def _part(seat: Seat, holder: Any, where: str) -> str | None:
    """Return which pod of an object this is: a group by its own name where it has one."""
    if seat.part is None or not {"[]", "*"} & set(seat.steps):
        return seat.part
    if "*" in seat.steps:
        return where.split(".")[len(seat.steps[: seat.steps.index("*")])]
    return text(at(holder, "groupName")) or text(at(holder, "name")) or seat.part


def _within(document: Document, content: Any, path: str, depth: int) -> Iterator[Object]:
    if isinstance(content, (list, tuple)):
        entries = items(content)
    else:
        kind = text(at(content, "kind")) or ""
        held = _held(kind, text(at(content, "apiVersion")))
        if held is None:
            if kind:
                name = text(at(content, "metadata", "name")) or text(at(content, "metadata", "generateName"))
                yield Object(document, kind, name, mapping(content), path)
            return
        entries, path = items(at(content, held)), joined(path, held)
    if depth < DEEPEST:
        for index, entry in enumerate(entries):
            yield from _within(document, entry, f"{path}[{index}]", depth + 1)


def _held(kind: str, api_version: str | None) -> str | None:
    """Return the field of a kind that holds further objects; None where it holds none."""
    if (kind, (api_version or "").rpartition("/")[0]) == _OPENSHIFT_TEMPLATE:
        return "objects"
    return "items" if kind.endswith("List") and kind not in POD_TEMPLATES else None
