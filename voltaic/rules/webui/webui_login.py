"""Does the page ask who comes?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-login"
_SOURCES: Final = (
    Source("open-webui backend/open_webui/routers/auths.py: without WEBUI_AUTH everybody is admin@localhost"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the login is turned off."""
    page = Page(subject)
    if page.settings.on("WEBUI_AUTH", default=True) is not False:
        return
    yield Finding(
        rule=ID,
        message="WEBUI_AUTH is False; wanted is True.",
        why="Everybody who reaches the page is its administrator, reads all chats and the keys of its providers.",
        fix="Take WEBUI_AUTH away; behind a login of your own set WEBUI_AUTH_TRUSTED_EMAIL_HEADER instead",
        sources=_SOURCES,
        about="WEBUI_AUTH",
        path=page.place("WEBUI_AUTH"),
    )


RULE: Final = Rule(
    id=ID,
    title="Does the page ask who comes?",
    why="Without a login everybody who reaches the page is its administrator.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Leave WEBUI_AUTH on.",
    sources=_SOURCES,
)
