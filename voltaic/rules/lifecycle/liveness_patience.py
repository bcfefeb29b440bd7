"""Does the liveness probe bear with a busy server?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host, host_needs
from voltaic.findings import Finding, Source
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "liveness-patience"
_SOURCES: Final = (
    host.source("liveness"),
    Source("Kubernetes API reference, core/v1 Probe: timeoutSeconds is 1, failureThreshold 3 where nothing is said"),
)
_WAITS: Final = frozenset({"tgi"})
"""Engines whose health route waits for the forward pass that runs."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where one late answer ends the server, or where answers are late while it works."""
    spec, probe = subject.spec, _probes.probe(subject.container, "livenessProbe")
    if spec is None or probe is None or not probe.action[0]:
        return
    facts = host.table()["liveness"]
    fix = f"Set timeoutSeconds: {facts['timeout_seconds']} and failureThreshold: {facts['failures']}."
    failures, timeout, usual = (
        probe.number("failureThreshold"),
        probe.number("timeoutSeconds"),
        host_needs.usual_start(spec),
    )
    if failures == 1:
        again = f" for some {usual} s" if usual is not None else ""
        yield Finding(
            rule=ID,
            message="The livenessProbe ends the server after 1 late answer; wanted are several.",
            why=f"A server that is busy for a moment is ended with all its requests, and loads again{again}.",
            fix=fix,
            sources=_SOURCES,
            path=probe.path,
        )
    elif timeout == 1 and probe.action[0] == "httpGet" and spec.release.engine in _WAITS:
        yield Finding(
            rule=ID,
            message="The livenessProbe waits 1 s for an answer; wanted is more than the longest prefill takes.",
            why="The answer waits for the forward pass that runs: long prompts look like a server that hangs.",
            fix=fix,
            sources=_SOURCES,
            path=probe.path,
        )


RULE: Final = Rule(
    id=ID,
    title="Does the liveness probe bear with a busy server?",
    why=(
        "A probe that takes a busy server for a dead one ends it with all its requests, and it loads for minutes again."
    ),
    check=check,
    about="server",
    foreign="advisory",
    fix="Give the liveness probe a timeout of tens of seconds, and several failures.",
    sources=_SOURCES,
)
