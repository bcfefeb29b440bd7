"""Is it settled who administers the page?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-first-admin"
_SOURCES: Final = (
    _facts.source("admin-from-environment", (0, 7, 0)),
    Source("open-webui backend/open_webui/routers/auths.py, signup: the first user has the role admin"),
)


_LOGINS: Final = ("WEBUI_AUTH_TRUSTED_EMAIL_HEADER", "ENABLE_OAUTH_SIGNUP", "ENABLE_LDAP", "OPENID_PROVIDER_URL")
"""Settings under which accounts come from elsewhere."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where whoever comes first owns the page, or whoever comes at all may use it."""
    page = Page(subject)
    settings = page.settings
    open_to_all = settings.on("ENABLE_SIGNUP", default=True)
    if open_to_all is not True or settings.on("WEBUI_AUTH", default=True) is not True or settings.sets(*_LOGINS):
        return
    if settings.on("ENABLE_LOGIN_FORM", default=True) is not True:
        return
    stated = settings.on("ENABLE_SIGNUP", default=False) is True
    role = settings.text("DEFAULT_USER_ROLE")
    if stated and role in {"user", "admin"}:
        found = f"ENABLE_SIGNUP is True and DEFAULT_USER_ROLE is {role}: whoever opens the page has an account"
        why = "Everybody who reaches the page uses the server, with an account that nobody gave."
    elif not settings.lacks("WEBUI_ADMIN_EMAIL") and not settings.lacks("WEBUI_ADMIN_PASSWORD"):
        if _facts.holds("admin-from-environment", page.release) is not False:
            return
        found = "This release does not read WEBUI_ADMIN_EMAIL, which is known from 0.7.0 on"
        why = "On an empty database whoever opens the page first becomes its administrator."
    elif settings.lacks("WEBUI_ADMIN_EMAIL") or settings.lacks("WEBUI_ADMIN_PASSWORD"):
        found = "ENABLE_SIGNUP is open and no administrator is named"
        why = "On an empty database whoever opens the page first becomes its administrator."
    else:
        return
    yield Finding(
        rule=ID,
        message=f'{found}; wanted is WEBUI_ADMIN_EMAIL and WEBUI_ADMIN_PASSWORD, and ENABLE_SIGNUP "False".',
        why=why,
        fix='Set ENABLE_SIGNUP to "False"; from 0.7.0 on WEBUI_ADMIN_EMAIL and WEBUI_ADMIN_PASSWORD from a Secret',
        sources=_SOURCES,
        path=page.place("ENABLE_SIGNUP"),
    )


RULE: Final = Rule(
    id=ID,
    title="Is it settled who administers the page?",
    why="On an empty database the first visitor becomes the administrator.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Give WEBUI_ADMIN_EMAIL and WEBUI_ADMIN_PASSWORD from a Secret, and close the sign-up.",
    sources=_SOURCES,
)
