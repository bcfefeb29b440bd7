"""Does the image's name say which release it is?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import text
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "image-tag"
_SOURCES: Final = (Source("kubernetes.io, Images: avoid `latest`, and an image without a tag is `latest`"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the image may be another one tomorrow."""
    image = subject.container.image
    if image is None or not _tags.moving(image):
        return
    found = f"the tag {image.tag}, which moves" if image.tag else "no tag, which is latest"
    kept = text(subject.container.content.get("imagePullPolicy")) in {"IfNotPresent", "Never"}
    own = _tags.source(image)
    yield Finding(
        rule=ID,
        message=f"The image {subject.container.reference} has {found}; wanted is the tag of a release, or a digest.",
        why="A pod that is started again may get another release, for which nothing that is said here holds."
        + (" With this imagePullPolicy each node keeps the build that it pulled first." if kept else ""),
        fix=f"Name the release: image: {image.name}:VERSION@sha256:DIGEST",
        sources=_SOURCES if own is None else (own, *_SOURCES),
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
