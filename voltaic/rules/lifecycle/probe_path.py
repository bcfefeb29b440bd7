"""Do probes ask a route that the server has?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import text, unfilled
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "probe-path"
_SOURCES: Final = (
    Source("kubernetes.io, Configure Liveness, Readiness and Startup Probes: a status of 400 or more is a failure"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each path that probes ask, and that this release does not answer with success."""
    container, spec, (facts, listens) = subject.container, subject.spec, _probes.server(subject)
    if spec is None or facts is None or container.image is None:
        return
    asked: dict[str, list[_probes.Probe]] = {}
    for probe in _probes.probes(container):
        kind, action = probe.action
        port = _probes.port(container, action.get("port"))
        # A key may go with the probe; another container of the pod may answer.
        if kind != "httpGet" or action.get("httpHeaders") or action.get("host"):
            continue
        if not (_probes.alone(subject) or (isinstance(port, int) and port in listens)):
            continue
        path = text(action.get("path", "/"))
        if path is not None and not unfilled(path):
            asked.setdefault(f"/{path.lstrip('/').partition('?')[0]}", []).append(probe)
    for path, probes in asked.items():
        answers, because = facts.answers(spec, path)
        if answers is not False or (container.image.repository not in facts.images and path not in facts.row["absent"]):
            continue
        who = _probes.names([probe.kind for probe in probes])
        yield Finding(
            rule=ID,
            message=f"{who} ask{'s' if len(probes) == 1 else ''} for {path}: {because}; wanted is /health.",
            why="Every answer is an error: the pod never becomes ready, or is ended again and again.",
            fix="Write httpGet: {path: /health} with the same port.",
            sources=(facts.source, *_SOURCES),
            path=f"{probes[0].path}.httpGet",
        )


RULE: Final = Rule(
    id=ID,
    title="Do probes ask a route that the server has?",
    why="A route that the engine does not have, or guards with its key, fails every probe.",
    check=check,
    about="server",
    fix="Probe /health, which every engine here answers without a key.",
    sources=_SOURCES,
)
