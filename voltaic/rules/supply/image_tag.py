"""Does the image's name say which release it is?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "image-tag"
_MOVING: Final = frozenset({"latest", "main", "nightly", "dev", "edge"})
"""Tags that are given to another image with every build of the engines and pages that are known here."""
_SOURCES: Final = (Source("kubernetes.io, Images: avoid `latest`, and an image without a tag is `latest`"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the image may be another one tomorrow."""
    image = subject.container.image
    if image is None or image.digest is not None or (image.tag is not None and image.tag not in _MOVING):
        return
    found = f"the tag {image.tag}" if image.tag else "no tag, which is latest"
    yield Finding(
        rule=ID,
        message=f"The image {subject.container.reference} has {found}; wanted is the tag of a release, or a digest.",
        why="A pod that is started again may get another release, for which nothing that is said here holds.",
        fix=f"Name the release: image: {image.name}:VERSION@sha256:DIGEST",
        sources=_SOURCES,
        path=f"{subject.container.path}.image",
    )


RULE: Final = Rule(
    id=ID,
    title="Does the image's name say which release it is?",
    why="A tag that moves makes tomorrow's pod another program than today's, on a day when nobody changed anything.",
    check=check,
    about="container",
    foreign="advisory",
    fix="Name the tag of a release, and its digest.",
    sources=_SOURCES,
)
