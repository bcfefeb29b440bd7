"""What a pod must know of a release's image: entrypoint, user, volumes, and which routes answer."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voltaic.engines import data
from voltaic.engines.tgi.releases import release
from voltaic.engines.versions import within

NON_ROOT_USER = 1000
"""User id of a pod whose image leaves the choice; no image gives it a meaning that matters."""
LATEST = (999, 0, 0)
"""Stands for a release that the facts do not cover: what holds for the newest is the best that can be said."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """How one release is run in a pod."""

    image: str
    """Image with tag."""
    command: tuple[str, ...]
    """Entrypoint in place of the image's own; empty: the image's own is right."""
    cache_directory: str
    """Where the image looks for weights."""
    user: int | None
    """User id to run as; None: only root works."""
    root_because: str | None
    """Why only root works."""
    chat_completions: bool
    """Whether it answers `/v1/chat/completions`."""
    lists_models: bool
    """Whether it answers `/v1/models`."""
    api_key: bool
    """Whether it can ask for a key."""
    short_answer: int | None
    """Tokens after which an answer ends whose request names no length; None: it may use the whole context."""


@functools.cache
def facts() -> dict[str, Any]:
    """Return deployment.toml."""
    return data.table(Path(__file__).with_name("deployment.toml"))


@functools.cache
def deployment(version: str | None, vendor: str = "nvidia") -> Deployment:
    """Return how a release is run; of one that the facts do not cover, as the newest that they do.

    The image for AMD GPUs has a tag of its own.
    """
    known = release(version)

    def row(table: str) -> dict[str, Any] | None:
        number = known.version if known else LATEST
        return next((row for row in facts()[table] if within(number, row["releases"])), None)

    def value(table: str) -> Any:
        found = row(table)
        return found["value"] if found else None

    root = row("root")
    suffix = "-rocm" if vendor == "amd" and not (version or "").endswith("-rocm") else ""
    needs_root = bool(root and root["value"])
    return Deployment(
        image=f"{facts()['image']}:{version or 'latest'}{suffix}",
        command=tuple(value("command") or ()),
        cache_directory=facts()["cache"]["directory"],
        user=None if needs_root else NON_ROOT_USER,
        root_because=root["because"] if root and needs_root else None,
        chat_completions=bool(value("chat")),
        lists_models=bool(value("models")),
        api_key=bool(value("api-key")),
        short_answer=value("short-answers"),
    )
