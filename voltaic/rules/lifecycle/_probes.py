"""Probes of a container, as the kubelet reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from voltaic.engines import pods
from voltaic.manifests.plain import at, items, mapping, text, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.engines.pods import Served
    from voltaic.manifests.views import Container, Subject

KINDS: Final = ("startupProbe", "readinessProbe", "livenessProbe")
_DEFAULTS: Final = {"initialDelaySeconds": 0, "periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
"""Kubernetes API reference, core/v1 Probe."""
_HIGHEST: Final = 65535


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe."""

    kind: str
    content: dict[str, Any]
    path: str
    """Field of the document: `spec.template.spec.containers[0].startupProbe`."""

    def number(self, field: str) -> int | None:
        """Return a number of it, the default where it is not said; None where it cannot be read."""
        stated = self.content.get(field)
        return whole(stated) if stated else _DEFAULTS[field]

    @property
    def budget(self) -> int | None:
        """Seconds from the start of the container after which the last failure counts; None: cannot be read."""
        numbers = [self.number(field) for field in ("initialDelaySeconds", "periodSeconds", "failureThreshold")]
        delay, period, failures = numbers
        return None if delay is None or period is None or failures is None else delay + period * failures

    @property
    def action(self) -> tuple[str, dict[str, Any]]:
        """What it does over the network: `httpGet`, `tcpSocket`, or nothing that is read here."""
        for kind in ("httpGet", "tcpSocket"):
            if kind in self.content:
                return kind, mapping(self.content[kind])
        return "", {}


def probe(container: Container, kind: str) -> Probe | None:
    """Return a probe of a container; None where it has none."""
    content = mapping(container.content.get(kind))
    return Probe(kind, content, f"{container.path}.{kind}") if content else None


def probes(container: Container) -> Iterator[Probe]:
    """Yield the probes that a container has."""
    for kind in KINDS:
        found = probe(container, kind)
        if found is not None:
            yield found


def port(container: Container, value: Any) -> int | str | None:
    """Return the number of a port, the name where no port of the container has it, None where it cannot be read."""
    number = whole(value)
    if number is not None:
        return number if 0 < number <= _HIGHEST else None
    name = text(value)
    if not name or "$" in name or "{" in name:
        return None
    for entry in items(container.content.get("ports")):
        if at(entry, "name") == name:
            return whole(at(entry, "containerPort"))
    return name


def alone(subject: Subject) -> bool:
    """Return whether nothing else in the pod, and nothing of the node, can listen on the pod's address."""
    running = [one for one in subject.pod.containers if not one.init]
    return len(running) == 1 and at(subject.pod.spec, "hostNetwork") is not True


def server(subject: Subject) -> tuple[Served | None, frozenset[int]]:
    """Return the facts of the server's engine, and the ports that it listens on; no ports where they are not known."""
    spec, image = subject.spec, subject.container.image
    facts = None if spec is None else pods.served(spec.release.engine)
    if spec is None or facts is None:
        return None, frozenset()
    return facts, facts.ports(spec, image.repository if image is not None else None)


def main_port(subject: Subject, facts: Served) -> int | None:
    """Return the port of the server's API; None where it is not known."""
    image = subject.container.image
    return None if subject.spec is None else facts.main_port(subject.spec, image.repository if image else None)


def names(kinds: list[str]) -> str:
    """Return the names of probes as a sentence has them."""
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"
