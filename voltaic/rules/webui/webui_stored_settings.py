"""Does a change of the manifest change the page?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-stored-settings"
_SOURCES: Final = (
    _facts.source("stored"),
    Source("https://github.com/open-webui/open-webui/issues/27063 and 1846", "reported"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where settings of the manifest hold for the first start alone."""
    page = Page(subject)
    settings = page.settings
    if not page.keeps_data or settings.on("ENABLE_PERSISTENT_CONFIG", default=True) is not True:
        return
    if _facts.holds("environment-can-win", page.release) is not True or settings.sets("RESET_CONFIG_ON_START"):
        return
    kept = [name for name in _facts.facts()["stored"]["variables"] if settings.sets(name)]
    if not kept:
        return
    yield Finding(
        rule=ID,
        message=f"{kept[0]} and what else the database keeps count at the first start alone, since "
        "ENABLE_PERSISTENT_CONFIG is on; wanted is False.",
        why="A new address or key in the manifest changes nothing: the page goes on with what it stored.",
        fix='Set ENABLE_PERSISTENT_CONFIG to "False"; what the admin page changes then lasts until the next start',
        sources=_SOURCES,
        path=page.place("ENABLE_PERSISTENT_CONFIG", *kept),
    )


RULE: Final = Rule(
    id=ID,
    title="Does a change of the manifest change the page?",
    why="After the first start the page takes most settings from its database, whatever the manifest says.",
    check=check,
    level="advisory",
    about="page",
    fix="Set ENABLE_PERSISTENT_CONFIG to False: the manifest is the configuration.",
    sources=_SOURCES,
)
