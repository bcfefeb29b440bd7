"""Do the probes and ports of the page name the one that it listens on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.manifests.plain import at, items, mapping, text, whole
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-port"
_SOURCES: Final = (_facts.source("port"),)


_PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for the first place that names another port than the page's."""
    page = Page(subject)
    port = page.port
    if port is None:
        return
    wrong = next(iter(_wrong(page, port)), None)
    if wrong is None:
        return
    place, found, path = wrong
    yield Finding(
        rule=ID,
        message=f"{place} names port {found}, and the page listens on {port}; wanted is {port}.",
        why="Nothing answers there: the pod never becomes ready, or is ended again and again.",
        fix=f"Write {port} there, or set the variable PORT to {found}",
        sources=_SOURCES,
        path=path,
    )


def _wrong(page: Page, port: int) -> Iterator[tuple[str, int, str]]:
    """Yield each place with the port that it names and its field."""
    content, path = page.container.content, page.container.path
    declared = [mapping(one) for one in items(content.get("ports"))]
    named = {text(one.get("name")): whole(one.get("containerPort")) for one in declared}
    for probe in _PROBES:
        for how in ("httpGet", "tcpSocket"):
            stated = at(content, probe, how, "port")
            number = whole(stated) if whole(stated) is not None else named.get(stated) if text(stated) else None
            if number is not None and number != port:
                yield f"The {probe}", number, f"{path}.{probe}.{how}.port"
    numbers = [whole(one.get("containerPort")) for one in declared]
    if numbers and port not in numbers and None not in numbers:
        yield "The container", numbers[0] or 0, f"{path}.ports[0].containerPort"


RULE: Final = Rule(
    id=ID,
    title="Do the probes and ports of the page name the one that it listens on?",
    why="The page listens on 8080 unless PORT says otherwise; a probe of another port never succeeds.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Name 8080, or the value of PORT.",
    sources=_SOURCES,
)
