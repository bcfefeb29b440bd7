"""Is one process alone writing the database?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-replicas"
_SOURCES: Final = (
    Source("open-webui docs, troubleshooting multi-replica: PostgreSQL and Redis for more than one process"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where several processes share what one must own."""
    page = Page(subject)
    replicas = page.pod.replicas
    workers = page.settings.text("UVICORN_WORKERS") or "1"
    many = replicas is not None and replicas > 1
    if not many and not (workers.isascii() and workers.isdigit() and int(workers) > 1):
        return
    what = f"replicas is {replicas}" if many else f"UVICORN_WORKERS is {workers}"
    if page.database == "sqlite":
        found = f"{what} and chats are kept in SQLite; wanted is 1, or DATABASE_URL with PostgreSQL"
        why = "Several processes damage one database, or each pod keeps chats of its own: people see them come and go."
    elif page.database == "other" and page.settings.lacks("REDIS_URL", "WEBSOCKET_REDIS_URL", "WEBSOCKET_MANAGER"):
        found = f"{what} and no Redis joins them; wanted is 1, or REDIS_URL and WEBSOCKET_MANAGER redis"
        why = "An answer arrives at a process that the browser is not connected to, and is lost."
    else:
        return
    yield Finding(
        rule=ID,
        message=f"{found}.",
        why=why,
        fix="Set replicas: 1" if many else "Take UVICORN_WORKERS away",
        sources=_SOURCES,
        path=f"{page.pod.object_path}.replicas" if many else page.place("UVICORN_WORKERS"),
    )


RULE: Final = Rule(
    id=ID,
    title="Is one process alone writing the database?",
    why="SQLite and the vector store of the page take one process; several need PostgreSQL and Redis.",
    check=check,
    about="page",
    foreign="advisory",
    fix="Run one replica with one worker, or set DATABASE_URL, REDIS_URL and WEBSOCKET_MANAGER.",
    sources=_SOURCES,
)
