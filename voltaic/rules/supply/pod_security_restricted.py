"""Does the pod stay within Pod Security `restricted`?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _pod_security

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "pod-security-restricted"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every control that the pod violates."""
    for found in _pod_security.restricted(subject.pod):
        yield Finding(
            rule=ID,
            message=found.message,
            why=found.why,
            fix=found.fix,
            sources=_pod_security.SOURCES,
            path=found.path,
        )


RULE: Final = Rule(
    id=ID,
    title="Does the pod stay within Pod Security `restricted`?",
    why="Shared clusters enforce `restricted` and refuse other pods; elsewhere it bounds what a fault costs.",
    check=check,
    about="pod",
    foreign="advisory",
    fix="Set the security context that `restricted` asks for.",
    sources=_pod_security.SOURCES,
)
