"""Is it said where prompts go?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import KEYS, OLLAMA, URL, URLS, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-provider"
_SOURCES: Final = (_facts.source("openai"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where prompts may leave the site because nobody named a server."""
    page = Page(subject)
    settings = page.settings
    if settings.on("ENABLE_OPENAI_API", default=True) is not True or not settings.lacks(URL, URLS):
        return
    if not settings.lacks(*OLLAMA) and not settings.sets(*KEYS):
        return  # a page for Ollama, which has no key to ask others with
    yield Finding(
        rule=ID,
        message=f"OPENAI_API_BASE_URL is not set, so that it is {_facts.facts()['openai']['default']}; "
        "wanted is the address of a server.",
        why="What people write goes to a company outside, or the page has no model at all.",
        fix="Set OPENAI_API_BASE_URL to http://SERVICE:PORT/v1, to https://api.openai.com/v1 where that is meant, or "
        'ENABLE_OPENAI_API to "False"',
        sources=_SOURCES,
        path=page.place("ENABLE_OPENAI_API"),
    )


RULE: Final = Rule(
    id=ID,
    title="Is it said where prompts go?",
    why="Without an address the page sends what people write to api.openai.com.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Set OPENAI_API_BASE_URL, also where api.openai.com is meant; or turn the API off.",
    sources=_SOURCES,
)
