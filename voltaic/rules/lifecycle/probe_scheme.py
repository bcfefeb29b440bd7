"""Do probes speak as the server does, with TLS or without?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "probe-scheme"
_SOURCES: Final = (Source("Kubernetes API reference, core/v1 HTTPGetAction: scheme is HTTP where nothing is said"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where probes speak https to a server without TLS, or the other way round."""
    spec, (facts, listens) = subject.spec, _probes.server(subject)
    tls = None if spec is None or facts is None else facts.https(spec)
    if facts is None or tls is None or not _probes.alone(subject):
        return
    right = "HTTPS" if tls else "HTTP"
    wrong = []
    for probe in _probes.probes(subject.container):
        kind, action = probe.action
        scheme = str(action.get("scheme") or "HTTP").upper()
        port = _probes.port(subject.container, action.get("port"))
        if (
            kind == "httpGet"
            and not action.get("host")
            and scheme in {"HTTP", "HTTPS"}
            and scheme != right
            and port in listens
        ):
            wrong.append(probe)
    if wrong:
        who = _probes.names([probe.kind for probe in wrong])
        yield Finding(
            rule=ID,
            message=(
                f"{who} speak{'s' if len(wrong) == 1 else ''} {'HTTP' if tls else 'HTTPS'}; {facts.title} speaks "
                f"{right} here."
            ),
            why=(
                "The connection fails before a request is sent: the pod never becomes ready, or is ended again "
                "and again."
            ),
            fix=f"Write scheme: {right} under httpGet.",
            sources=(facts.source, *_SOURCES),
            path=f"{wrong[0].path}.httpGet.scheme" if "scheme" in wrong[0].action[1] else f"{wrong[0].path}.httpGet",
        )


RULE: Final = Rule(
    id=ID,
    title="Do probes speak as the server does, with TLS or without?",
    why="A probe that speaks https to a plain server, or the other way round, fails every time.",
    check=check,
    about="server",
    fix="Set scheme under httpGet to what the server's options say.",
    sources=_SOURCES,
)
