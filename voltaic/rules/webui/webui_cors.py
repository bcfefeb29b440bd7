"""Do other sites have to stay out of the page?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.exposure import ways_in
from voltaic.rules.rule import Rule
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-cors"
_SOURCES: Final = (
    Source("open-webui backend/open_webui/config.py: CORS_ALLOW_ORIGIN is *, with a warning in the log"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a page that is reached from outside answers scripts of every site."""
    page = Page(subject)
    stated = page.settings.text("CORS_ALLOW_ORIGIN")
    if stated is None and not page.settings.lacks("CORS_ALLOW_ORIGIN"):
        return
    if stated is not None and "*" not in stated.split(";"):
        return
    way = next(ways_in(page.pod, page.container, page.subject.others), None)
    if way is None:
        return
    yield Finding(
        rule=ID,
        message=f"{way} leads to the page, and CORS_ALLOW_ORIGIN is {stated or 'not set, which is *'}; "
        "wanted are its addresses.",
        why="A script on any site may then ask the page in the name of whoever is logged in and looks at it.",
        fix="Set CORS_ALLOW_ORIGIN to the addresses under which people open it, with ; between them",
        sources=_SOURCES,
        path=page.place("CORS_ALLOW_ORIGIN"),
    )


RULE: Final = Rule(
    id=ID,
    title="Do other sites have to stay out of the page?",
    why="With CORS_ALLOW_ORIGIN * a script on any site may use the page from the browser of somebody who is logged in.",
    check=check,
    level="advisory",
    about="page",
    whole_input=True,
    fix="Name the addresses under which people open the page.",
    sources=_SOURCES,
)
