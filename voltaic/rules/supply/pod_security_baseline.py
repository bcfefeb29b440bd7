"""Does the pod stay within Pod Security `baseline`?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.rules.rule import Rule
from voltaic.rules.supply import _pod_security

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.findings import Finding
    from voltaic.manifests.views import Subject

ID: Final = "pod-security-baseline"


def check(subject: Subject) -> Iterator[Finding]:
    """Return a finding for every control that the pod violates."""
    return _pod_security.findings(ID, _pod_security.baseline(subject.pod))


RULE: Final = Rule(
    id=ID,
    title="Does the pod stay within Pod Security `baseline`?",
    why="What `baseline` forbids leads out of the container: many clusters refuse such pods, and no engine needs it.",
    check=check,
    about="pod",
    foreign="advisory",
    fix="Take away what reaches for the node.",
    sources=_pod_security.SOURCES,
)
