"""Can the page start without the Internet?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-offline"
_SOURCES: Final = (Source("open-webui docs, troubleshooting startup: No embedding model is loaded"),)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the first start looks for a model that it may not fetch."""
    page = Page(subject)
    settings = page.settings
    stated = [
        name for name in ("OFFLINE_MODE", "HF_HUB_OFFLINE") if (settings.text(name) or "").lower() in {"true", "1"}
    ]
    if not stated or not settings.lacks("RAG_EMBEDDING_ENGINE") or page.data_mount is None:
        return  # without a mount the model that the image holds is seen
    if any(view.init for view in page.pod.containers) or settings.sets("SENTENCE_TRANSFORMERS_HOME"):
        return
    yield Finding(
        rule=ID,
        message=f"{stated[0]} is on and RAG_EMBEDDING_ENGINE is not set; wanted is RAG_EMBEDDING_ENGINE openai.",
        why="The volume hides the model that the image holds: on an empty one the start ends with "
        '"No embedding model is loaded".',
        fix="Set RAG_EMBEDDING_ENGINE to openai, or copy the model to the volume in an init container",
        sources=_SOURCES,
        about=stated[0],
        path=page.place(stated[0]),
    )


RULE: Final = Rule(
    id=ID,
    title="Can the page start without the Internet?",
    why="Offline mode on an empty volume ends the start: the model for searching in documents was never fetched.",
    check=check,
    level="advisory",
    about="page",
    fix="Set RAG_EMBEDDING_ENGINE, or fill the volume before.",
    sources=_SOURCES,
)
