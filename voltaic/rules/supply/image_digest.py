"""Is the image the same one, whenever it is pulled?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "image-digest"
_SOURCES: Final = (Source("kubernetes.io, Images: a digest names one image, a tag may be given to another"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a server or a page is named by a tag alone; `image-tag` tells of tags that move."""
    image = subject.container.image
    if subject.container.role == "other" or image is None or image.digest is not None or _tags.moving(image):
        return
    if subject.container.content.get("imagePullPolicy") == "Never":
        return  # Nothing is pulled, and what was built on the node has no digest of a registry.
    yield Finding(
        rule=ID,
        message=f"The image {subject.container.reference} has the tag {image.tag} and no digest; wanted is its digest.",
        why="Whoever may write to the registry, or a mirror between, can give the tag to another program.",
        fix=f"Write image: {image.name}:{image.tag}@sha256:DIGEST, with the digest that "
        f"`docker buildx imagetools inspect {image.name}:{image.tag}` prints.",
        sources=_SOURCES,
        path=f"{subject.container.path}.image",
    )


RULE: Final = Rule(
    id=ID,
    title="Is the image the same one, whenever it is pulled?",
    why="A tag is a name that its owner may give to another image; a digest is the image.",
    check=check,
    level="advisory",
    about="container",
    fix="Add the digest behind the tag.",
    sources=_SOURCES,
)
