"""Container image references."""

from __future__ import annotations

import re
from dataclasses import dataclass

# The grammar of distribution/reference, with room for what registries accept in practice: lower-case path, tag, digest.
_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9][\w.-]*(?::[0-9]{1,5})?(?:/[a-z0-9][\w.-]*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII | re.IGNORECASE,
)
_VERSION = re.compile(r"v?(?P<version>[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(?:-rocm)?)(?:[.-].*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Image:
    """The parts of an image reference."""

    name: str
    """Registry and repository: `registry.example/mirror/text-generation-inference`."""
    tag: str | None
    digest: str | None
    """`sha256:…`"""

    @property
    def repository(self) -> str:
        """The last part of the name: `text-generation-inference`."""
        return self.name.rpartition("/")[2]

    @property
    def version(self) -> str | None:
        """The release that the tag names, with its flavour for AMD GPUs (`3.0.1-rocm`); None where it names none."""
        match = _VERSION.fullmatch(self.tag or "")
        return match["version"] if match else None

    @property
    def pinned(self) -> bool:
        """Whether a tag or a digest says which image it is."""
        return self.tag is not None or self.digest is not None


def image(reference: str) -> Image | None:
    """Return the parts of an image reference; None where it is not one."""
    match = _REFERENCE.fullmatch(reference)
    return Image(match["name"], match["tag"], match["digest"]) if match else None
