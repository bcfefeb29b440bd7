"""What servers.toml knows of images, launchers and options."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voltaic import images
from voltaic.engines import data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltaic.manifests.views import Container
    from voltaic.manifests.words import Word


_COMMIT = re.compile(r"[-.+]g?(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}(?![0-9a-z])", re.ASCII)
"""The hash of a commit behind a release: a build of later sources, as `git describe` writes it (git-describe(1))."""


@cache
def _table() -> dict[str, Any]:
    return data.table(Path(__file__).with_name("servers.toml"))


@cache
def table() -> tuple[dict[str, Any], ...]:
    """Return the entries of servers.toml."""
    return tuple(_table()["server"])


@cache
def pages() -> tuple[dict[str, Any], ...]:
    """Return the images of chat pages from servers.toml."""
    return tuple(_table()["page"])


@cache
def any_text() -> frozenset[str]:
    """Return the options that take any text, and keep no server from starting whatever it is."""
    return frozenset(_table()["any_text"]["options"])


@cache
def launchers() -> dict[str, dict[str, Any]]:
    """Return the entry of each program that starts a server, whatever the image is."""
    return {name: entry for entry in table() for name in (*entry["launchers"], *entry.get("unread_launchers", ()))}


def is_page(view: Container) -> bool:
    """Return whether a container is a chat page: Open WebUI, by its image."""
    return view.image is not None and any(_is(row["name"], view.image) for row in pages())


def _is(name: str, image: images.Image) -> bool:
    return re.fullmatch(name, image.name if "/" in name else image.repository) is not None


@cache
def _named_by(name: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    image = images.Image(name, None, None)
    for entry in table():
        for row in entry["image"]:
            if _is(row["name"], image):
                return entry, row
    return None, None


def named(image: images.Image | None) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the engine that an image's name stands for, with the row that says so."""
    return (None, None) if image is None else _named_by(image.name)


def stranger(image: images.Image | None) -> str | None:
    """Return what an image is known to be that is not judged here."""
    if image is None:
        return None
    return next((row["what"] for row in _table()["stranger"] if _is(row["name"], image)), None)


def version_of(row: dict[str, Any] | None, image: images.Image | None) -> str | None:
    """Return the release that an image's tag names, as its row says; None where it names none."""
    form = None if row is None else row.get("version")
    if form is True:
        return None if image is None or _COMMIT.search(image.tag or "") else image.version
    match = re.fullmatch(form, image.tag or "") if form and image is not None else None
    return match[1] if match else None


def other_backend(entry: dict[str, Any], image: images.Image | None) -> bool:
    """Return whether a tag names another kind of accelerator, or another engine under the same name."""
    flavours = re.split(r"[-_.]", (image.tag if image else None) or "")[1:]
    return any(flavour in entry["backends"] for flavour in flavours)


def other_build(entry: dict[str, Any], image: images.Image | None) -> str:
    """Return what is said of such an image."""
    tag = image.tag if image else None
    return f"{tag} is a build of {entry['engine']} for another kind of accelerator or backend"


def by_options(image: images.Image | None, words: Sequence[Word]) -> dict[str, Any] | None:
    """Return the engine whose options the words are, which together no other engine has."""
    names = {word.written.partition("=")[0].partition(" ")[0] for word in words if word.text is not None}
    for entry in table():
        options = entry["options"]
        if options["any"] and names.issuperset(options["all"]) and not names.isdisjoint(options["any"]):
            stranger = image is not None and any(re.fullmatch(name, image.repository) for name in entry["strangers"])
            return None if stranger else entry
    return None
