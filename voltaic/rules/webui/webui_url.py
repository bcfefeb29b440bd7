"""Is the address of the API one that the page can put routes behind?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _engine, _facts
from voltaic.rules.webui._page import URLS, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-url"
_SOURCES: Final = (
    Source("https://github.com/open-webui/open-webui/issues/12117 and 16749", "reported"),
    _facts.source("slash-removed", (0, 6, 36)),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for an address without scheme, with a slash or a route at its end."""
    page = Page(subject)
    for variable, url in page.urls():
        fault = _fault(page, variable, url)
        if fault is not None:
            found, why, instead = fault
            yield Finding(
                rule=ID,
                message=f"{variable} is {_engine.shown(url)}, {found}; wanted is {_engine.shown(instead)}.",
                why=why,
                fix=f"Set {variable} to {_engine.shown(instead)}",
                sources=_SOURCES,
                about=variable,
                path=page.place(variable),
            )


def _fault(page: Page, variable: str, url: str) -> tuple[str, str, str] | None:
    """Return what is wrong, why, and what to write; None where nothing is."""
    if "://" not in url:
        return "without a scheme", "The page cannot ask an address that does not begin with http.", f"http://{url}"
    for route in ("/chat/completions", "/completions", "/models"):
        if url.rstrip("/").endswith(route):
            why = f"The page adds the route itself, and asks for {route}{route}."
            return "which ends with a route", why, url.rstrip("/").removesuffix(route)
    kept = variable == URLS or _facts.holds("slash-removed", page.release) is False
    if url.endswith("/") and kept:
        why = (
            "The list of models is then asked for at //models, which servers answer with 404: the page shows no model."
        )
        return "with a slash at its end", why, url.rstrip("/")
    return None


RULE: Final = Rule(
    id=ID,
    title="Is the address of the API one that the page can put routes behind?",
    why="The page writes /models and /chat/completions behind the address as it stands, whatever stands there.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Write http://SERVICE:PORT/v1, without a slash at the end.",
    sources=_SOURCES,
)
