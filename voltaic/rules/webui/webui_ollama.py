"""Does the page ask only servers that exist?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui._page import OLLAMA, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-ollama"
_SOURCES: Final = (
    Source("open-webui backend/open_webui/config.py: ENABLE_OLLAMA_API is True, OLLAMA_BASE_URL localhost:11434"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the page looks for an Ollama server that nobody named."""
    page = Page(subject)
    settings = page.settings
    if settings.on("ENABLE_OLLAMA_API", default=True) is not True or not settings.lacks(*OLLAMA, "K8S_FLAG"):
        return
    if not any(True for _ in page.urls()) or _has_ollama(page):
        return
    yield Finding(
        rule=ID,
        message="ENABLE_OLLAMA_API is on and no Ollama server is named; wanted is False.",
        why="The page asks localhost:11434 for models again and again: the list comes late, the log fills with errors.",
        fix='Set ENABLE_OLLAMA_API to "False"',
        sources=_SOURCES,
        path=page.place("ENABLE_OLLAMA_API"),
    )


def _has_ollama(page: Page) -> bool:
    """Return whether an Ollama server runs in the pod, or in the image itself."""
    images = [view.reference or "" for view in page.pod.containers]
    return any("ollama" in image for image in images) or page.settings.sets("USE_OLLAMA_DOCKER")


RULE: Final = Rule(
    id=ID,
    title="Does the page ask only servers that exist?",
    why="The page asks for an Ollama server by default, also where there is none.",
    check=check,
    level="advisory",
    about="page",
    fix="Set ENABLE_OLLAMA_API to False where no Ollama server is meant.",
    sources=_SOURCES,
)
