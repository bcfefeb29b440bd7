"""Does the pod stay within Pod Security `restricted`?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.rules.rule import Rule
from voltaic.rules.supply import _pod_security

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.findings import Finding
    from voltaic.manifests.views import Subject

ID: Final = "pod-security-restricted"


def check(subject: Subject) -> Iterator[Finding]:
    """Return a finding for every control that the pod violates."""
    return _pod_security.findings(ID, _pod_security.restricted(subject.pod))


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
