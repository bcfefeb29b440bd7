"""Does the address lead to a server that the page can use?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from voltaic.engines.tgi.deployment import deployment
from voltaic.findings import Finding, Source
from voltaic.rules.rule import Rule
from voltaic.rules.webui import _engine, _facts
from voltaic.rules.webui._page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "webui-engine"
_SOURCES: Final = (
    Source("TGI v1.4.0 and v2.3.0 router/src/server.rs: /v1/chat/completions, /v1/models"),
    _facts.source("api-configs-from-environment", (0, 11, 4)),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where a Service of the input, or the server behind it, does not answer what the page asks."""
    page = Page(subject)
    for variable, url in page.urls():
        fault = _fault(page, url)
        if fault is not None:
            yield Finding(
                rule=ID,
                message=f"{variable} is {_engine.shown(url)}, {fault[0]}.",
                why=fault[1],
                fix=fault[2],
                sources=_SOURCES,
                about=variable,
                path=page.place(variable),
            )


def _fault(page: Page, url: str) -> tuple[str, str, str] | None:
    """Return what is found and wanted, why that fails, and what to change; None where nothing is wrong."""
    there = _engine.address(url)
    if there is None:
        return None
    service = _engine.service(page, there.host)
    if service is None:
        return _without_v1(there, sure=re.fullmatch(_facts.facts()["engine-hosts"]["names"], there.host) is not None)
    known = _engine.ports(service)
    if known and there.port not in known:
        listed = " or ".join(str(port) for port in known)
        found = f"and {there.port} is no port of Service {service.name}; wanted is {listed}"
        return found, "Nothing answers at that port of the Service.", f"Write port {listed} into the address"
    for behind in _engine.behind(page, service, there.port):
        engine = behind.server.engine
        fault = _without_v1(there, sure=engine in _facts.facts()["engine-hosts"]["engines"])
        if fault is not None:
            return fault
        if engine == "tgi" and behind.server.version is not None:
            return _routes_of_tgi(page, behind.server.version)
    return None


def _without_v1(there: _engine.Address, *, sure: bool) -> tuple[str, str, str] | None:
    if there.path or not sure:
        return None
    why = "The server answers below /v1 alone; the page asks for /models beside it, gets 404, and shows no model."
    return "without a path; wanted is /v1 behind it", why, "Add /v1, without a slash behind it"


def _routes_of_tgi(page: Page, version: str) -> tuple[str, str, str] | None:
    facts = deployment(version)
    if not facts.chat_completions:
        found = f"and TGI {version} behind it has no /v1/chat/completions; wanted is 1.4.0 or newer"
        return found, "The page speaks that route alone.", "Use TGI 2.3.0 or newer, which lists its models as well"
    named = page.settings.sets("OPENAI_API_CONFIGS") or not page.settings.whole
    read = _facts.holds("api-configs-from-environment", page.release)
    if facts.lists_models or (named and read is not False):
        return None
    found = f"and TGI {version} behind it has no /v1/models; wanted is 2.3.0 or newer, or the model's name for the page"
    if named:
        found += ", which this release does not read from OPENAI_API_CONFIGS"
    fix = 'Set OPENAI_API_CONFIGS to {"0": {"enable": true, "model_ids": ["NAME"]}} on Open WebUI 0.10.2 or newer'
    return found, "The page asks there which models exist, gets 404, and shows none.", fix


RULE: Final = Rule(
    id=ID,
    title="Does the address lead to a server that the page can use?",
    why="A page whose address leads to no port, or to a server without the routes that it asks for, shows no model.",
    check=check,
    about="page",
    foreign="advisory",
    whole_input=True,
    fix="Name the port of the Service, end with /v1, and use an engine that answers chats and lists its models.",
    sources=_SOURCES,
)
