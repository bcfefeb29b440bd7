"""Are keys and tokens kept out of the manifest?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "literal-secret"
_SOURCES: Final = (Source("kubernetes.io, Secrets and Good practices for Kubernetes Secrets"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every secret that is written into the container; its value is shown nowhere."""
    for name, told, path in _secrets.literals(subject.container):
        yield Finding(
            rule=ID,
            message=f"The value of {name} is written into the manifest, and {told}; wanted is a reference to a Secret.",
            why="Everybody who may read the manifest, its repository or the pod's description has it, and it stays in "
            "their history: change it wherever it was used.",
            fix=_fix(name),
            sources=_SOURCES,
            path=path,
        )


def _fix(name: str) -> str:
    reference = "valueFrom: {secretKeyRef: {name: SECRET, key: KEY}}"
    if name == _secrets.PROBE:
        return "Probe a route that answers without a key, such as /health: headers of probes cannot come from a Secret"
    if name.startswith("-"):
        return f"Put the variable that stands for {name} under env, with {reference}; or write {name}=$(VARIABLE)"
    return f"Replace value with {reference}"


RULE: Final = Rule(
    id=ID,
    title="Are keys and tokens kept out of the manifest?",
    why="A key in args or env is readable for everybody who may read the manifest, and stays in its history.",
    check=check,
    about="container",
    foreign="advisory",
    fix="Keep it in a Secret, refer to it with secretKeyRef, and change the one that was written down.",
    sources=_SOURCES,
)
