"""Image references taken apart."""

from __future__ import annotations

import pytest

from voltaic import images

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("nginx", ("nginx", None, None)),
        ("nginx:1.29", ("nginx", "1.29", None)),
        ("host:5000/a/b:3.0.1", ("host:5000/a/b", "3.0.1", None)),
        ("host:5000/a/b", ("host:5000/a/b", None, None)),
        (f"a/b@{DIGEST}", ("a/b", None, DIGEST)),
        (f"a/b:t@{DIGEST}", ("a/b", "t", DIGEST)),
    ],
)
def test_a_reference_has_name_tag_and_digest(reference: str, parts: tuple[str | None, ...]) -> None:
    """A port is no tag, and a tag may stand beside a digest."""
    image = images.image(reference)
    assert image is not None
    assert (image.name, image.tag, image.digest) == parts
    assert image.pinned == (parts[1] is not None or parts[2] is not None)


@pytest.mark.parametrize("reference", ["", "a b", "a:", "a@sha256:0", "https://a/b", "a//b"])
def test_what_is_no_reference_is_none(reference: str) -> None:
    """Other text is not taken apart."""
    assert images.image(reference) is None


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("3.0.1", "3.0.1"),
        ("v3.0.1", "3.0.1"),
        ("3.0.1-rocm", "3.0.1-rocm"),
        ("3.0.1-site.2", "3.0.1"),
        ("3.0", None),
        ("latest", None),
        ("sha-293b812", None),
    ],
)
def test_a_tag_names_a_release_or_none(tag: str, version: str | None) -> None:
    """Only a tag with all three numbers says which release an image holds."""
    image = images.image(f"a/b:{tag}")
    assert image is not None
    assert image.version == version
