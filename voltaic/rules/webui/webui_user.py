"""May the user that the pod names write where the page writes?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, whole
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-user"
_SOURCES: Final = (
    _facts.source("any-user-of-group-0", (0, 6, 23)),
    Source(
        "https://github.com/truenas/apps/issues/3008, https://github.com/open-webui/open-webui/issues/27651", "reported"
    ),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the page runs as a user who cannot write its files."""
    page = Page(subject)
    image = page.container.image
    user, path = _stated(page, "runAsUser")
    if user is None or user == 0 or image is None or image.repository != "open-webui":
        return
    holds = _facts.holds("any-user-of-group-0", page.release)
    if holds is False:
        found = f"runAsUser is {user}, and this release starts as root alone; wanted is 0.6.23 or newer"
        fix = "Use Open WebUI 0.6.23 or newer, with runAsGroup: 0 and fsGroup: 0"
    elif _in_group(page):
        return
    else:
        group, path = _stated(page, "runAsGroup")
        found = f"runAsUser is {user} and runAsGroup {group}, and no group is 0; wanted is runAsGroup: 0 and fsGroup: 0"
        fix = "Set runAsGroup: 0 and fsGroup: 0"
    yield Finding(
        rule=ID,
        message=f"{found}.",
        why="The page writes below /app at each start, which only root and group 0 may.",
        fix=fix,
        sources=_SOURCES,
        path=path,
    )


def _in_group(page: Page) -> bool:
    """Return whether one of the process's groups is 0, which a user has who is not in the image and names no other."""
    group, _ = _stated(page, "runAsGroup")
    pod = at(page.pod.spec, "securityContext")
    return group in {None, 0} or at(pod, "fsGroup") == 0 or 0 in items(at(pod, "supplementalGroups"))


def _stated(page: Page, key: str) -> tuple[int | None, str]:
    """Return a field of the container's security context, else of the pod's, and where it stands."""
    for owner, path in ((page.container.content, page.container.path), (page.pod.spec, page.pod.path)):
        number = whole(at(owner, "securityContext", key))
        if number is not None:
            return number, f"{path}.securityContext.{key}"
    return None, page.container.path


RULE: Final = Rule(
    id=ID,
    title="May the user that the pod names write where the page writes?",
    why="The files of the image belong to group 0: a user of another group cannot write them, and nothing starts.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Set runAsUser: 1000, runAsGroup: 0 and fsGroup: 0.",
    sources=_SOURCES,
)
