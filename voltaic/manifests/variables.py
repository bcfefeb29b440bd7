"""The variables of a container as far as the input tells: those under `env`, and those of ConfigMaps beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voltaic.manifests.plain import at, expanded, items, mapping, text, unfilled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Container, Objects

TRUE, FALSE = "true", "false"


@dataclass(frozen=True, slots=True)
class Variables:
    """Variables by name."""

    values: dict[str, str | None]
    """None: set, but its value is not known here (a Secret, a placeholder, a ConfigMap that is not in the input)."""
    paths: dict[str, str]
    """Field of the document that sets each."""
    whole: bool
    """False where some come from a source that is not read, so that a name which is not here may still be set."""

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


def variables(container: Container, others: Objects, namespace: str | None) -> Variables:
    """Return the variables of a container.

    Args:
        container: as the rules read it.
        others: all objects of the input, for ConfigMaps.
        namespace: that of the pod.
    """
    values: dict[str, str | None] = {}
    paths: dict[str, str] = {}
    whole = True
    for index, source in enumerate(items(container.content.get("envFrom"))):
        found = _of_source(source, others, namespace)
        whole = whole and found is not None
        for name, value in (found or {}).items():
            values[name], paths[name] = value, f"{container.path}.envFrom[{index}]"
    for name, value, path in _own(container, others, namespace):
        values[name] = None if value is None or unfilled(value) else expanded(value, values)
        paths[name] = path
    return Variables(values, paths, whole)


def _own(container: Container, others: Objects, namespace: str | None) -> Iterator[tuple[str, str | None, str]]:
    for index, entry in enumerate(items(container.content.get("env"))):
        name = text(at(entry, "name"))
        if name is not None:
            yield name, _value(entry, others, namespace), f"{container.path}.env[{index}]"


def _value(entry: Any, others: Objects, namespace: str | None) -> str | None:
    reference = mapping(at(entry, "valueFrom", "configMapKeyRef"))
    if reference:
        data = _data(text(reference.get("name")), others, namespace)
        return None if data is None else text(data.get(str(reference.get("key"))))
    value = at(entry, "value")
    if value is None:
        return "" if at(entry, "valueFrom") is None else None
    return text(value)


def _of_source(source: Any, others: Objects, namespace: str | None) -> dict[str, str | None] | None:
    """Return the variables of an entry under `envFrom`; None where they are not in the input."""
    data = _data(text(at(source, "configMapRef", "name")), others, namespace)
    if data is None:
        return None
    prefix = text(at(source, "prefix")) or ""
    return {prefix + key: None if unfilled(value) else text(value) for key, value in data.items()}


def _data(name: str | None, others: Objects, namespace: str | None) -> dict[str, Any] | None:
    found = None if name is None else others.named("ConfigMap", name, namespace=namespace)
    return None if found is None else mapping(found.content.get("data"))
