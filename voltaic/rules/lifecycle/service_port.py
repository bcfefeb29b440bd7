"""Does the Service lead to the port that the server listens on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, mapping, text, unfilled, whole
from voltaic.rules.lifecycle import _beside, _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "service-port"
_SOURCES: Final = (
    Source("kubernetes.io, Service: targetPort is a number or a name of the pod's ports, `port` where it is left out"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each port of a Service of the input that selects the pod and leads nowhere in it."""
    container = subject.container
    for service in subject.others.services(subject.pod.labels, namespace=subject.pod.namespace):
        spec = mapping(at(service.content, "spec"))
        if spec.get("clusterIP") == "None" or not _beside.selects(spec.get("selector"), subject.pod):
            continue
        for entry in items(spec.get("ports")):
            found, right = _wrong(subject, entry)
            if not found:
                continue
            yield Finding(
                rule=ID,
                message=f"Service {service.name} leads to {found}; wanted is {right}.",
                why="Every connection through the Service fails, while the pod is ready.",
                fix=f"Let targetPort of Service {service.name} be {right}.",
                sources=_SOURCES,
                path=f"{container.path}.ports" if container.content.get("ports") else container.path,
            )


def _wrong(subject: Subject, entry: Any) -> tuple[str, str]:
    """Return where a port of a Service leads that leads nowhere, and where it should; empty for others."""
    target = at(entry, "targetPort")
    if at(entry, "protocol") not in {None, "TCP"} or unfilled(target):
        return "", ""
    number = whole(at(entry, "port") if target is None else target)
    facts, listens = _probes.server(subject)
    if number is None:
        name = text(target)
        known = name is None or name in _names(subject)
        return ("", "") if known else (f"the port named {name}, which no container has", "a name under ports")
    if facts is None or not listens or number in listens or not _probes.alone(subject):
        return "", ""
    return f"port {number}, where nothing listens", f"port {_probes.main_port(subject, facts)}"


def _names(subject: Subject) -> set[str]:
    running = [one for one in subject.pod.containers if not one.init]
    return {str(at(entry, "name")) for one in running for entry in items(one.content.get("ports"))}


RULE: Final = Rule(
    id=ID,
    title="Does the Service lead to the port that the server listens on?",
    why="A Service that leads to another port refuses every connection, and nothing else says so.",
    check=check,
    about="server",
    foreign="advisory",
    whole_input=True,
    fix="Name the port under ports, and use the name as targetPort.",
    sources=_SOURCES,
)
