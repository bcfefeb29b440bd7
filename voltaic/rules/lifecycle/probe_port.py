"""Do probes ask a port that the server listens on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "probe-port"
_SOURCES: Final = (
    Source("kubernetes.io, Configure Liveness, Readiness and Startup Probes: port is a number or a name of `ports`"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each port that probes ask, and that nothing in the pod listens on."""
    container, (facts, listens) = subject.container, _probes.server(subject)
    asked: dict[int | str, list[_probes.Probe]] = {}
    for probe in _probes.probes(container):
        action = probe.action[1]
        found = None if not action or action.get("host") else _probes.port(container, action.get("port"))
        if found is not None:
            asked.setdefault(found, []).append(probe)
    for port, probes in asked.items():
        who, path = _probes.names([probe.kind for probe in probes]), f"{probes[0].path}.{probes[0].action[0]}.port"
        if isinstance(port, str):
            yield Finding(
                rule=ID,
                message=(
                    f"{who} ask{'s' if len(probes) == 1 else ''} the port named {port}, which is none of the "
                    "container's ports."
                ),
                why="The kubelet cannot find the port: the probe fails every time.",
                fix=f"Add the name under ports: {{name: {port}, containerPort: …}}, or write the number.",
                sources=_SOURCES,
                path=path,
            )
        elif facts is not None and listens and port not in listens and _probes.alone(subject):
            right = _probes.main_port(subject, facts)
            yield Finding(
                rule=ID,
                message=(
                    f"{who} ask{'s' if len(probes) == 1 else ''} port {port}; {facts.title} listens on {right} here."
                ),
                why="Nothing answers there: the pod never becomes ready, or is ended again and again.",
                fix=f"Ask port {right}, or tell the server to listen on {port}.",
                sources=(facts.source, *_SOURCES),
                path=path,
            )


RULE: Final = Rule(
    id=ID,
    title="Do probes ask a port that the server listens on?",
    why="A probe on another port fails every time: the pod never becomes ready, or is ended again and again.",
    check=check,
    about="server",
    fix="Name the port under ports, and use the name in probes and Services.",
    sources=_SOURCES,
)
