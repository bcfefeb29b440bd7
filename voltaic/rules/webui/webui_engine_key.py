"""Has the page the key that the server behind its address asks for?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.engines import api_keys
from voltaic.findings import Finding, Source
from voltaic.manifests.variables import variables
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _engine
from voltaic.rules.webui._page import KEYS, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-engine-key"
_SOURCES: Final = (
    Source("TGI v2.3.0 router/src/server.rs: 401 without the key; vllm/entrypoints/openai/api_server.py"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a server of the input asks for a key and the page has none."""
    page = Page(subject)
    if not page.settings.lacks(*KEYS):
        return
    for variable, url in page.urls():
        there = _engine.address(url)
        service = None if there is None else _engine.service(page, there.host)
        for behind in () if service is None or there is None else _engine.behind(page, service, there.port):
            key = _asked_by(page, behind)
            if key is not None:
                yield Finding(
                    rule=ID,
                    message=f"{variable} leads to a server that asks for a key ({key} is set), and OPENAI_API_KEY is "
                    "not; wanted is the same key.",
                    why="The server answers the page with 401.",
                    fix="Add OPENAI_API_KEY with valueFrom: {secretKeyRef: …}, the Secret that the server has it from",
                    sources=_SOURCES,
                    path=page.env,
                )
                return


def _asked_by(page: Page, behind: _engine.Behind) -> str | None:
    """Return the variable or option with which a server asks for a key; None where it asks for none."""
    facts = api_keys.api_key(behind.server.engine)
    if facts is None or api_keys.can_ask(behind.server.engine, behind.server.version) is False:
        return None
    told = variables(behind.container, page.subject.others, behind.pod.namespace)
    named = next((name for name in facts.variables if told.sets(name)), None)
    words = (word.written.partition("=")[0] for word in behind.server.words)
    return named or (facts.flag if facts.flag in words else None)


RULE: Final = Rule(
    id=ID,
    title="Has the page the key that the server behind its address asks for?",
    why="A server with a key answers the page with 401, which shows no model.",
    check=check,
    about="page",
    foreign="advisory",
    whole_input=True,
    fix="Give OPENAI_API_KEY from the same Secret as the key of the server.",
    sources=_SOURCES,
)
