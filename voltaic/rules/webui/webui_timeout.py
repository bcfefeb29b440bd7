"""Does the page wait long enough for an answer, and no longer for a list?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-timeout"
_ANSWER: Final = "AIOHTTP_CLIENT_TIMEOUT"
_LIST: Final = "AIOHTTP_CLIENT_TIMEOUT_MODEL_LIST"
_SOURCES: Final = (_facts.source("timeouts"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for a time-out that cuts answers off, or that makes the page wait."""
    page = Page(subject)
    facts = _facts.facts()["timeouts"]
    least, most = facts["answer_seconds"], facts["model_list_seconds"]
    answer, listed = _seconds(page, _ANSWER), _seconds(page, _LIST)
    if answer is not None and answer < least:
        yield _finding(page, _ANSWER, f"{least} or more", "A longer answer is cut off in the middle.")
    if listed is not None and listed > most:
        why = "While the server loads, every visit waits that long for the list of models."
        yield _finding(page, _LIST, f"{most} or less", why)


def _seconds(page: Page, name: str) -> int | None:
    """Return a time-out that is set; None where it is not, or cannot be read."""
    stated = page.settings.text(name) or ""
    return int(stated) if stated.isascii() and stated.isdigit() and int(stated) > 0 else None


def _finding(page: Page, name: str, wanted: str, why: str) -> Finding:
    return Finding(
        rule=ID,
        message=f"{name} is {page.settings.text(name)} seconds; wanted is {wanted}.",
        why=why,
        fix=f'Set {name} to "{wanted.partition(" ")[0]}"',
        sources=_SOURCES,
        about=name,
        path=page.place(name),
    )


RULE: Final = Rule(
    id=ID,
    title="Does the page wait long enough for an answer, and no longer for a list?",
    why="A time-out shorter than an answer cuts it off; a long one for the list of models makes every visit wait.",
    check=check,
    level="advisory",
    about="page",
    fix="Leave AIOHTTP_CLIENT_TIMEOUT away or make it generous, and AIOHTTP_CLIENT_TIMEOUT_MODEL_LIST short.",
    sources=_SOURCES,
)
