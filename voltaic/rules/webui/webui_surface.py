"""Is what runs code or reaches outside turned off?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-surface"
_SOURCES: Final = (Source("open-webui backend/open_webui/config.py, 0.3.35 to 0.12.4; docs, env-configuration"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding with everything of that kind that is on."""
    page = Page(subject)
    rows = _facts.facts()["surface"]
    on = [row for row in rows if page.settings.on(row["variable"], default=row["default"]) is True]
    if not on:
        return
    listed = ", ".join(f"{row['variable']} ({row['means']})" for row in on)
    yield Finding(
        rule=ID,
        message=f"{listed} {'is' if len(on) == 1 else 'are'} on; wanted is False for what is not used.",
        why="Each is a way into the page or out of the site that somebody should have decided on.",
        fix="Set " + ", ".join(row["variable"] for row in on) + ' to "False"',
        sources=_SOURCES,
        path=page.place(*(row["variable"] for row in on)),
    )


RULE: Final = Rule(
    id=ID,
    title="Is what runs code or reaches outside turned off?",
    why="What nobody uses is a way in or out all the same: code that runs, foreign providers, chats that are sent.",
    check=check,
    level="advisory",
    about="page",
    fix="Turn off what is not used.",
    sources=_SOURCES,
)
