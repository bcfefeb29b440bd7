"""The variables of a container as far as the input tells: those under `env`, and those of ConfigMaps beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voltaic.manifests.places import Place
from voltaic.manifests.plain import at, expanded, items, mapping, shown, text, unfilled
from voltaic.spec import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from voltaic.manifests.documents import Document, Object
    from voltaic.manifests.views import Container, Objects

TRUE, FALSE = "true", "false"


@dataclass(frozen=True, slots=True)
class Variables:
    """Variables by name."""

    values: dict[str, str | None]
    """None: set, but its value is not known here (a Secret, a placeholder, a ConfigMap that is not in the input)."""
    paths: dict[str, str]
    """Field of the pod's document that sets each."""
    whole: bool
    """False where some come from a source that is not read, so that a name which is not here may still be set."""
    places: dict[str, Place] = field(default_factory=dict)
    """Where the value of each stands that does not stand in the pod's own document."""
    faults: tuple[Fault, ...] = ()
    """What cannot be read, or Kubernetes does not take."""

    def text(self, name: str) -> str | None:
        """Return a value that is known and not empty."""
        return self.values.get(name) or None

    def sets(self, *names: str) -> bool:
        """Return whether one of them is set to something, whatever it is."""
        return any(self.values.get(name, "") != "" for name in names)

    def lacks(self, *names: str) -> bool:
        """Return whether none of them is set, or only to nothing, for certain."""
        return self.whole and not self.sets(*names)

    def on(self, name: str, *, default: bool) -> bool | None:
        """Return whether a switch is on, read as Open WebUI does: `true` in any case; None where it is not known."""
        if name not in self.values:
            return default if self.whole else None
        value = self.values[name]
        return None if value is None else value.lower() == TRUE


@dataclass(slots=True)
class _Reading:
    """State of one reading."""

    others: Objects
    namespace: str | None
    document: Document | None
    values: dict[str, str | None] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    whole: bool = True

    def named(self, kind: str, name: str | None) -> Object | None:
        """Return an object that the container refers to; None where it is not in the input, or more than one is."""
        return (
            None if name is None else self.others.beside(kind, name, namespace=self.namespace, document=self.document)
        )

    def set(self, name: str, value: str | None, path: str, place: Place | None = None) -> None:
        self.values[name], self.paths[name] = value, path
        if place is None:
            self.places.pop(name, None)
        else:
            self.places[name] = place


def variables(
    container: Container,
    others: Objects,
    namespace: str | None,
    *,
    document: Document | None = None,
    injected: Iterable[str] = (),
) -> Variables:
    """Return the variables of a container.

    Args:
        container: as the rules read it.
        others: all objects of the input, for ConfigMaps and Secrets. Of a Secret the names count, never the values.
        namespace: that of the pod.
        document: that of the pod; of several objects of one name the one in the same file counts.
        injected: variables that a controller sets before all others, to values that are not known here.
    """
    reading = _Reading(others, namespace, document)
    for name in injected:
        reading.set(name, None, container.path)
    for index, source in enumerate(items(container.content.get("envFrom"))):
        _of_source(reading, source, f"{container.path}.envFrom[{index}]")
    for name, entry, path in _entries_of(container):
        _own(reading, name, entry, path)
    return Variables(reading.values, reading.paths, reading.whole, reading.places, tuple(reading.faults))


def _entries_of(container: Container) -> Iterator[tuple[str, Any, str]]:
    """Yield each entry under `env` with its name and field; KubeAI has a mapping where pods have a list."""
    written, path = container.content.get("env"), f"{container.path}.env"
    for key, value in mapping(written).items():
        yield key, {"value": value}, f"{path}.{key}"
    for index, entry in enumerate(items(written)):
        name = text(at(entry, "name"))
        if name is not None:
            yield name, entry, f"{path}[{index}]"


def _of_source(reading: _Reading, source: Any, path: str) -> None:
    """Take the variables of an entry under `envFrom`."""
    kind = "ConfigMap" if at(source, "configMapRef") is not None else "Secret"
    name = text(at(source, "configMapRef", "name")) or text(at(source, "secretRef", "name"))
    found = reading.named(kind, name)
    if found is None:
        reading.whole = False
        message = f"variables come from {kind} {name or 'without a name'}, which is not read"
        fix = f"give the {kind} in the same input, or name each variable under env"
        if kind == "Secret":
            fix = "name each variable under env"
        reading.faults.append(Fault("envFrom", message, fix, unreadable=True, path=path))
        return
    prefix = text(at(source, "prefix")) or ""
    for key, value, place in _entries(found):
        reading.set(prefix + key, value, path, place)


def _entries(found: Object) -> Iterator[tuple[str, str | None, Place]]:
    """Yield each key of a ConfigMap or Secret with its value where that is known, and where it stands."""
    for part in ("binaryData", "data", "stringData"):
        secret = found.kind == "Secret" or part != "data"
        for key, value in mapping(found.content.get(part)).items():
            known = None if secret or unfilled(value) else text(value)
            path = f"{found.path}.{part}.{key}" if found.path else f"{part}.{key}"
            yield key, known, Place(found.document.file, found.document.number, path)


def _own(reading: _Reading, name: str, entry: Any, path: str) -> None:
    """Take an entry under `env`."""
    value, source = at(entry, "value"), at(entry, "valueFrom")
    if value is None and source is None:
        value = ""
    if value is not None and not isinstance(value, str):
        message = f"the value of {name}, {shown(value)}, is no text, which Kubernetes refuses"
        fix = "put the value into quotes"
        reading.faults.append(Fault(name, message, fix, unreadable=True, path=f"{path}.value"))
    if isinstance(value, str):
        if unfilled(value):
            reading.set(name, None, path)
        else:
            reading.set(name, expanded(value, reading.values), path)
        return
    reference = mapping(at(source, "configMapKeyRef"))
    found = reading.named("ConfigMap", text(reference.get("name"))) if reference else None
    if found is None:
        reading.set(name, None, path)
        return
    known = {key: (held, place) for key, held, place in _entries(found)}
    key = str(reference.get("key"))
    if key in known:
        reading.set(name, *(known[key][0], path, known[key][1]))
    elif reference.get("optional") is not True:
        reading.set(name, None, path)
