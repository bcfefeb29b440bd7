"""May the node pull the image that a pod needs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "image-pull-policy"
_SOURCES: Final = (Source("kubernetes.io, Images: with Never the start fails where the image is not on the node"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where an image of a registry is never pulled; one that was only built locally is legal."""
    image = subject.container.image
    if subject.container.content.get("imagePullPolicy") != "Never" or image is None or not _has_registry(image.name):
        return
    yield Finding(
        rule=ID,
        message=f"imagePullPolicy is Never for {subject.container.reference}; wanted is IfNotPresent.",
        why="On a node that does not hold the image the pod waits with ErrImageNeverPull, as on each new GPU node.",
        fix=f"Set {subject.container.path}.imagePullPolicy: IfNotPresent",
        sources=_SOURCES,
        path=f"{subject.container.path}.imagePullPolicy",
    )


_BUILT_HERE: Final = "docker.io/library/"
"""What container runtimes put before an image name without a registry (distribution/reference: familiar names)."""


def _has_registry(name: str) -> bool:
    """Return whether an image's name begins with the host of a registry, other than this machine."""
    host, slash, _ = name.removeprefix(_BUILT_HERE).partition("/")
    return bool(slash) and "." in host.partition(":")[0]


RULE: Final = Rule(
    id=ID,
    title="May the node pull the image that a pod needs?",
    why="With imagePullPolicy Never a pod starts only where somebody put the image before.",
    check=check,
    about="container",
    foreign="advisory",
    fix="Set imagePullPolicy: IfNotPresent.",
    sources=_SOURCES,
)
