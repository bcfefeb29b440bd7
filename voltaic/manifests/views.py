"""What a manifest says, as the rules read it: pods, containers and the objects beside them. Nothing here judges."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from voltaic import images, units
from voltaic.manifests.documents import joined, objects
from voltaic.manifests.plain import at, items, mapping, text, unfilled
from voltaic.manifests.variables import variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from voltaic.manifests.documents import Document, Object, PodObject
    from voltaic.manifests.variables import Variables
    from voltaic.spec import ServingSpec

Role = Literal["server", "page", "other"]
"""What a container does: it serves a model, it is a chat page, or neither."""

MILLI = re.compile(r"([0-9]{1,12})m", re.ASCII)
"""Thousandths, as CPU is written."""


def size(value: Any) -> int | None:
    """Return the bytes of a quantity as a manifest writes it; None where it is none that can be read."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    try:
        return units.size_of(str(value)) if isinstance(value, (str, float)) else None
    except ValueError:
        return None


def cores(value: Any) -> float | None:
    """Return the CPU cores of a quantity as a manifest writes it (`500m`, `2`, 0.5); None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    match = MILLI.fullmatch(str(value))
    try:
        number = int(match[1]) / 1000 if match else float(value)
    except ValueError:
        return None
    return number if 0 <= number < 10**6 else None


@dataclass(frozen=True, slots=True)
class Made:
    """What a controller decides of a container."""

    models: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Repository and revision that it puts at a path, by path."""
    serves: tuple[str, str | None] | None = None
    """Repository and revision of the model that is served whatever the command line says."""
    unread: str | None = None
    """Why what is started cannot be read; None where it can."""
    partly: bool = False
    """Whether even the image is the controller's choice."""
    gpus: str | None = None
    """Why how many GPUs it gets cannot be read; None where its own limits say it."""


@dataclass(frozen=True)
class Container:
    """One container of a pod."""

    content: dict[str, Any]
    path: str
    """Field of the document: `spec.template.spec.containers[0]`."""
    role: Role = "other"
    given: tuple[tuple[Any, str], ...] = ()
    """Words that a controller puts before `args`, each with the field that they come from."""
    made: Made | None = None
    """What a controller decides of it; None where it is as it is written."""
    init: bool = False
    """Whether it ends before the others start; one that stays beside them (`restartPolicy: Always`) does not."""

    @property
    def name(self) -> str | None:
        """Its name."""
        return text(self.content.get("name"))

    @property
    def reference(self) -> str | None:
        """The image as written; None where it cannot be read, or is not filled in yet."""
        written = text(self.content.get("image"))
        return None if unfilled(written) else written

    @cached_property
    def image(self) -> images.Image | None:
        """The parts of the image reference."""
        return images.image(self.reference) if self.reference else None

    @cached_property
    def variables(self) -> dict[str, tuple[Any, str]]:
        """Entry and path of each variable under `env`, by name; the last of a name counts."""
        entries = enumerate(items(self.content.get("env")))
        return {str(at(entry, "name")): (entry, f"{self.path}.env[{index}]") for index, entry in entries}

    @property
    def words(self) -> Iterator[tuple[Any, str]]:
        """Each word of `command` and `args`, with its path."""
        for key in ("command", "args"):
            for index, word in enumerate(items(self.content.get(key))):
                yield word, f"{self.path}.{key}[{index}]"

    def asked(self, resource: str) -> Any:
        """Return the limit of a resource, else the request, as written; None where there is neither."""
        limit = self.limit(resource)
        return self.request(resource) if limit is None else limit

    def limit(self, resource: str) -> Any:
        """Return the limit of a resource as written; None where there is none."""
        return mapping(at(self.content, "resources", "limits")).get(resource)

    def request(self, resource: str) -> Any:
        """Return the request of a resource as written; None where there is none."""
        return mapping(at(self.content, "resources", "requests")).get(resource)

    def mounts(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield each volume mount with its path."""
        for index, mount in enumerate(items(self.content.get("volumeMounts"))):
            yield mapping(mount), f"{self.path}.volumeMounts[{index}]"

    def mounted_at(self, directory: str) -> dict[str, Any] | None:
        """Return the mount that a directory lies on, the innermost first; None where it lies in the container."""
        wanted = directory.rstrip("/") + "/"
        found = [
            (len(target), mount)
            for mount, _ in self.mounts()
            if wanted.startswith(target := (text(mount.get("mountPath")) or "\0").rstrip("/") + "/")
        ]
        return max(found, key=lambda one: one[0])[1] if found else None


@dataclass(frozen=True)
class Pod:
    """The pod that an object holds."""

    holder: PodObject
    containers: tuple[Container, ...]
    """Containers, then init containers, each in the order written."""

    @property
    def spec(self) -> dict[str, Any]:
        """Its specification."""
        return self.holder.spec

    @property
    def path(self) -> str:
        """Field of the document that is its specification: `spec.template.spec`."""
        return self.holder.spec_path

    @property
    def partial(self) -> bool:
        """Whether a controller fills in what is not written: what is absent then says nothing."""
        return self.holder.partial is not None

    @property
    def object_path(self) -> str:
        """Field of the document that is the object's specification: `spec`."""
        return joined(self.holder.path, "spec")

    @property
    def namespace(self) -> str | None:
        """Namespace of the object; None where it is not said."""
        return self.holder.namespace

    @property
    def labels(self) -> dict[str, Any]:
        """Labels of the pod."""
        return mapping(at(self.holder.template, "metadata", "labels"))

    @property
    def replicas(self) -> int | None:
        """Pods that run at once: 1 where it is not said, None where it cannot be read."""
        stated = self.holder.replicas
        if stated is None:
            return 1
        return stated if isinstance(stated, int) and not isinstance(stated, bool) else None

    def annotation(self, name: str) -> str | None:
        """Return an annotation of the pod, else of the object that holds it."""
        for owner in (self.holder.template, self.holder.content):
            stated = text(at(owner, "metadata", "annotations", name))
            if stated is not None:
                return stated
        return None

    @cached_property
    def volumes(self) -> dict[str, tuple[dict[str, Any], str]]:
        """Each volume with its path, by name."""
        entries = enumerate(items(self.spec.get("volumes")))
        return {str(at(one, "name")): (mapping(one), f"{self.path}.volumes[{index}]") for index, one in entries}


@dataclass(frozen=True)
class Objects:
    """All objects of the input; in a Pulumi preview of one resource, the resource alone."""

    all: tuple[Object, ...] = ()

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Objects:
        """Return the objects of these documents."""
        return cls(tuple(objects(documents)))

    @cached_property
    def by_kind(self) -> dict[str, list[Object]]:
        """The objects by kind, each in the order written."""
        found: dict[str, list[Object]] = {}
        for one in self.all:
            found.setdefault(one.kind, []).append(one)
        return found

    @cached_property
    def _placed(self) -> dict[tuple[str, str | None], list[tuple[int, Object]]]:
        """The objects with their places in the order written, by kind and namespace as written."""
        found: dict[tuple[str, str | None], list[tuple[int, Object]]] = {}
        for place, one in enumerate(self.all):
            found.setdefault((one.kind, one.namespace), []).append((place, one))
        return found

    @cached_property
    def _services(self) -> dict[tuple[str, Any], list[Object]]:
        """Services by the first label that they select, each with its value as text."""
        found: dict[tuple[str, Any], list[Object]] = {}
        for one in self.by_kind.get("Service", ()):
            for key, value in mapping(at(one.content, "spec", "selector")).items():
                found.setdefault((key, str(value)), []).append(one)
                break
        return found

    def services(self, labels: Mapping[str, Any], *, namespace: str | None) -> list[Object]:
        """Return the Services in a namespace that select pods with these labels, in the order written."""
        likely = [one for key, value in labels.items() for one in self._services.get((key, str(value)), ())]
        found = [
            one
            for one in likely
            if None in {one.namespace, namespace} or one.namespace == namespace
            if all(labels.get(key) == value for key, value in mapping(at(one.content, "spec", "selector")).items())
        ]
        return sorted(found, key=lambda one: (one.document.file, one.document.number)) if len(found) > 1 else found

    def of_kind(self, *kinds: str, namespace: str | None) -> Iterator[Object]:
        """Yield the objects of these kinds in a namespace; what names no namespace is in the one that is applied to."""
        for kind in kinds:
            if namespace is None:
                yield from self.by_kind.get(kind, ())
            else:
                both = (self._placed.get((kind, place), ()) for place in (None, namespace))
                yield from (one for _, one in sorted(chain(*both), key=itemgetter(0)))

    @cached_property
    def by_name(self) -> dict[tuple[str, str | None], list[Object]]:
        """The objects by kind and name, each in the order written."""
        found: dict[tuple[str, str | None], list[Object]] = {}
        for one in self.all:
            found.setdefault((one.kind, one.name), []).append(one)
        return found

    def called(self, kind: str, name: str | None, *, namespace: str | None) -> list[Object]:
        """Return the objects of this kind and name in a namespace, as `of_kind` does."""
        return [
            one
            for one in self.by_name.get((kind, name), ())
            if one.namespace is None or namespace is None or one.namespace == namespace
        ]

    def named(self, kind: str, name: str | None, *, namespace: str | None) -> Object | None:
        """Return the object of this kind and name; None where the input does not have it, which says nothing.

        None also where it has several that differ, as in the overlays of two sites.
        """
        return _only(self.called(kind, name, namespace=namespace))

    def beside(self, kind: str, name: str | None, *, namespace: str | None, document: Document | None) -> Object | None:
        """Return the object that one in this document means by a name: the one in the same file, else the only one.

        None where there are several, as in the overlays of two sites, of which nobody says here which it is.
        """
        found = self.called(kind, name, namespace=namespace)
        near = [one for one in found if document is not None and one.document.file == document.file]
        return _only(near or found)


def _only(found: Sequence[Object]) -> Object | None:
    """Return the first of several objects that are alike; None where they differ, or there is none."""
    return found[0] if found and all(one.content == found[0].content for one in found[1:]) else None


@dataclass(frozen=True)
class Subject:
    """What a rule about manifests is asked of."""

    pod: Pod
    container: Container
    """The container that the rule is asked about; of a `pod` rule the first server, else the first page."""
    spec: ServingSpec | None = None
    """What it serves; None where it serves no model, or an engine that is not judged."""
    others: Objects = field(default_factory=Objects)
    ours: bool = False
    """Whether our own component made the object."""
    timeout_seconds: int | None = None
    """How long the tool that applies it waits for it, where that is known: Pulumi's custom time-out."""

    @cached_property
    def variables(self) -> Variables:
        """Variables of the container, as far as the input tells; read once for all rules."""
        return variables(self.container, self.others, self.pod.namespace)
