"""Faults that show only when several settings are read together, and that no judge is needed for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voltaic import images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.settings.model import Settings

NETWORK_FILE_SYSTEMS = ("nfs", "cephfs", "efs", "azurefile", "smb", "cifs", "glusterfs", "filestore")
"""Parts of StorageClass names that tell of a network file system (names of the usual provisioners)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one setting in the light of others."""

    key: str
    message: str
    allowed: str
    fix: str | None
    """The next step; None: the usual one for the key."""
    beside: tuple[str, ...] = ()
    """The other settings that were read. Where one of them is at fault itself, nothing can be said."""


def on_network_storage(settings: Settings) -> bool:
    """Return whether the chat data would lie on a network file system."""
    if settings.webui_network_storage is not None:
        return settings.webui_network_storage
    words = re.split(r"[^a-z0-9]+", (settings.webui_storage_class or "").lower())
    return any(word.startswith(name) for word in words for name in NETWORK_FILE_SYSTEMS)


def together(settings: Settings) -> Iterator[Problem]:
    """Return what is wrong with the settings as a whole."""
    if settings.create_namespace and settings.namespace is None:
        yield Problem(
            key="createNamespace",
            message="true, but no namespace is named",
            allowed="false, or a namespace beside it",
            fix="Name it with: pulumi config set namespace NAME",
            beside=("namespace",),
        )
    yield from _images(settings)
    yield from _cache(settings)
    yield from _chat_data(settings)


def _images(settings: Settings) -> Iterator[Problem]:
    yield from _pinned("webuiImage", settings.webui_image)
    yield from of_image(settings.image, settings.engine_version)


def of_image(reference: str | None, version: str | None) -> Iterator[Problem]:
    """Return what is wrong with the engine's image beside the release that is stated."""
    unpinned = tuple(_pinned("image", reference))
    yield from unpinned
    image = images.image(reference) if reference is not None else None
    if image is not None and not unpinned:
        yield from _release(image, version)


def _pinned(key: str, reference: str | None) -> Iterator[Problem]:
    image = images.image(reference) if reference is not None else None
    if image is not None and not image.pinned:
        message = f"{reference} has neither tag nor digest"
        yield Problem(key=key, message=message, allowed="name:tag, name@sha256:… or both", fix=None)


def _release(image: images.Image, version: str | None) -> Iterator[Problem]:
    if version is None and image.version is None:
        yield Problem(
            key="image",
            message="its tag does not say which release it holds",
            allowed="a tag such as 3.0.1, or engineVersion beside it",
            fix="Say it with: pulumi config set engineVersion VERSION",
            beside=("engineVersion",),
        )
    elif version is not None and image.version not in {None, version}:
        yield Problem(
            key="image",
            message=f"its tag says release {image.version}, engineVersion says {version}",
            allowed="the same release in both",
            fix="Take it from the image with: pulumi config rm engineVersion",
            beside=("engineVersion",),
        )


def _cache(settings: Settings) -> Iterator[Problem]:
    given = {
        "modelCacheStorageClass": settings.model_cache_storage_class is not None,
        "modelCacheDeleteOnDestroy": settings.model_cache_delete_on_destroy,
    }
    for key, is_given in given.items():
        if is_given and settings.model_cache_ephemeral:
            yield Problem(
                key=key,
                message="means nothing beside modelCacheEphemeral: the weights then live and end with the pod",
                allowed="no value beside modelCacheEphemeral",
                fix=f"Remove one of the two with: pulumi config rm {key}",
                beside=("modelCacheEphemeral",),
            )


def _chat_data(settings: Settings) -> Iterator[Problem]:
    if not settings.webui_enabled or settings.webui_database_url is not None or not on_network_storage(settings):
        return
    told = settings.webui_network_storage is not None
    fix = (
        "Choose another class with: pulumi config set webuiStorageClass NAME, or keep chats in PostgreSQL with: "
        "pulumi config set --secret webuiDatabaseUrl"
    )
    yield Problem(
        key="webuiNetworkStorage" if told else "webuiStorageClass",
        message="chats would be kept in SQLite on a network file system, where it locks up and loses them",
        allowed="a class of local or block volumes",
        fix=fix if told else f"{fix}, or say that it is none with: pulumi config set webuiNetworkStorage false",
        beside=("webuiEnabled", "webuiDatabaseUrl", "webuiStorageClass", "webuiNetworkStorage"),
    )
