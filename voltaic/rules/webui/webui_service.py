"""Does a Service lead to the port that the page listens on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding
from voltaic.manifests.plain import at, items, whole
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-service"
_SOURCES: Final = (_facts.source("port"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for a Service of the input that leads to a port where nothing listens."""
    page = Page(subject)
    if page.port is None or len([one for one in page.pod.containers if not one.init]) > 1:
        return  # another container may answer there
    for service in page.subject.others.services(page.pod.labels, namespace=page.pod.namespace):
        for entry in items(at(service.content, "spec", "ports")):
            stated = at(entry, "targetPort")
            number = whole(at(entry, "port") if stated is None else stated)
            if number is None or number == page.port:
                continue
            yield Finding(
                rule=ID,
                message=f"Service {service.name} leads to port {number}, and the page listens on {page.port}; "
                f"wanted is targetPort {page.port}.",
                why="Nothing answers there: the Service, and what stands before it, refuse every connection.",
                fix=f"Set targetPort: {page.port} in Service {service.name}",
                sources=_SOURCES,
                path=page.container.path,
            )


RULE: Final = Rule(
    id=ID,
    title="Does a Service lead to the port that the page listens on?",
    why="A Service that leads to another port answers nobody, and neither does what stands before it.",
    check=check,
    about="page",
    foreign="advisory",
    whole_input=True,
    fix="Set targetPort to 8080, to the value of PORT, or to the name of that port.",
    sources=_SOURCES,
)
