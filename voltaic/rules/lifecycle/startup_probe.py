"""Is the server given time to load before it is held to its liveness probe?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import mapping
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


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a liveness probe counts from the first second, while the model is still loading."""
    container = subject.container
    if not mapping(container.content.get("livenessProbe")) or mapping(container.content.get("startupProbe")):
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
