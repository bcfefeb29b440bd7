"""Is the server given time to load before it is held to its liveness probe?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic import host_needs
from voltaic.findings import Finding, Source
from voltaic.rules.lifecycle import _probes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "startup-probe"
_SOURCES: Final = (
    Source("kubernetes.io, Configure Liveness, Readiness and Startup Probes: liveness waits until startup succeeded"),
    Source(
        "https://github.com/kserve/kserve/issues/5062, https://github.com/vllm-project/aibrix/issues/772", "reported"
    ),
)
_LOADS_ON_REQUEST: Final = frozenset({"ollama"})
"""Engines that answer before they have loaded anything (ollama docs/faq.md: a model is loaded by the first request)."""
_LONG: Final = 600
"""Seconds that Kubernetes itself gives a rollout by default: for models of which the size is not known."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a liveness probe counts from the first second, while the model is still loading."""
    container = subject.container
    liveness = _probes.probe(container, "livenessProbe")
    if liveness is None or _probes.probe(container, "startupProbe") is not None:
        return
    spec = subject.spec
    if spec is not None and spec.release.engine in _LOADS_ON_REQUEST:
        return
    usual, budget = None if spec is None else host_needs.usual_start(spec), liveness.budget
    # Whoever waits long enough before the first probe pays with a slower notice of a server that hangs, no more.
    if budget is not None and budget >= (_LONG if usual is None else usual):
        return
    yield Finding(
        rule=ID,
        message="There is a livenessProbe and no startupProbe; wanted is one with time for download and load.",
        why="Until the model is loaded nothing answers: the liveness probe ends the server while it loads, for ever.",
        fix="Add a startupProbe on the same path, with failureThreshold x periodSeconds longer than the load.",
        sources=_SOURCES,
        path=f"{container.path}.livenessProbe",
    )


RULE: Final = Rule(
    id=ID,
    title="Is the server given time to load before it is held to its liveness probe?",
    why="A model takes minutes to download and to load; a liveness probe alone ends the server before it is ready.",
    check=check,
    about="server",
    foreign="advisory",
    fix="Add a startupProbe whose failureThreshold x periodSeconds is longer than download and load.",
    sources=_SOURCES,
)
