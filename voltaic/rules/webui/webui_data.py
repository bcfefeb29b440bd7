"""Do chats outlive the pod?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-data"
_SOURCES: Final = (_facts.source("data"),)


_LIVES_WITH_POD: Final = "emptyDir"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where accounts and chats are lost with the pod."""
    page = Page(subject)
    directory = page.data_directory
    if directory is None or page.database != "sqlite":
        return
    volume, path = page.data_volume
    if page.data_mount is None:
        found, path = f"No volume is mounted at {directory}, where accounts and chats lie", page.container.path
    elif _LIVES_WITH_POD in volume:
        found = f"{directory}, where accounts and chats lie, is an emptyDir"
    else:
        return
    yield Finding(
        rule=ID,
        message=f"{found}; wanted is a persistentVolumeClaim.",
        why="They end with the pod: after every update, drain or crash of a node people find an empty page.",
        fix=f"Mount a persistentVolumeClaim at {directory}, or keep chats in PostgreSQL with DATABASE_URL",
        sources=_SOURCES,
        path=path,
    )


RULE: Final = Rule(
    id=ID,
    title="Do chats outlive the pod?",
    why="What the page keeps in its own file system, or on a volume of the pod, is gone with the pod.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Mount a persistentVolumeClaim at /app/backend/data.",
    sources=_SOURCES,
)
