"""`voltaic test` against stand-ins of engine and page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cli.reaching import smoke
from cli.reaching.access import Way
from cli.watching.sample import Engine as Known
from tests.stub.engine import Behaviour, Engine
from tests.stub.page import Page
from voltaic.engines.tgi.command_line import parse
from voltaic.models import resolve
from voltaic.spec import Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

KEY = "the-key-of-this-test"
NAMES = [
    *("health", "models", "completion", "streaming", "stop sequence", "two at once", "wrong key refused", "metrics"),
    *("chat page", "chat page login"),
]


def way(engine: Engine, page: Page | None = None, version: str | None = "3.0.1", key: str | None = KEY) -> Way:
    """Return the way to a server that is known to be TGI of a release."""
    command = parse(version, ["--model-id", "gpt2"], {"API_KEY": None})
    spec = ServingSpec(Release("tgi", version), None, None, resolve("gpt2"), command)
    known = Known("tgi", f"tgi {version}", "stub/model", "tgi", 8080)
    return Way(f"{engine.url}/v1", key, page.url if page else None, known, spec, why_no_page="no page here")


def outcomes(found: Way) -> dict[str, tuple[str, str]]:
    """Return outcome and message of every question."""
    return {result.name: (result.outcome, result.message) for result in smoke.results(found, None)}


def test_all_passes_where_all_is_well() -> None:
    """Every question is asked and answered."""
    with Engine(Behaviour(key=KEY, token_seconds=0.02)) as engine, Page() as page:
        found = outcomes(way(engine, page))
        assert engine.most_running == 2
    assert found == dict.fromkeys(NAMES) | {name: ("passed", found[name][1]) for name in NAMES}
    assert found["models"][1] == "stub/model"
    assert found["chat page login"][1] == "sign-up is closed"


@pytest.mark.parametrize(
    ("behaviour", "name", "words"),
    [
        (Behaviour(key=KEY, loading=True), "health", "/health answers HTTP 503"),
        (Behaviour(key=KEY, loading=True), "completion", "The server is not ready (HTTP 503): Model is loading."),
        (Behaviour(key=KEY, heeds_stop=False), "stop sequence", "the answer went on after it"),
        (Behaviour(key=None), "wrong key refused", "A wrong key is taken"),
        (Behaviour(key=KEY, breaks_after=3), "streaming", "broke off"),
        (Behaviour(key="another"), "completion", "The server does not take the key (HTTP 401)."),
    ],
)
def test_what_is_not_well_is_named(behaviour: Behaviour, name: str, words: str) -> None:
    """By the question that it fails, in words."""
    with Engine(behaviour) as engine:
        outcome, message = outcomes(way(engine))[name]
    assert (outcome, words in message) == ("failed", True), message


@pytest.mark.parametrize(
    ("page", "name", "words"),
    [
        (Page(sign_up=True), "chat page login", "Everybody may sign up at the chat page."),
        (Page(login=False), "chat page login", "The chat page asks for no login"),
    ],
)
def test_an_open_page_is_named(page: Page, name: str, words: str) -> None:
    """Who may come in is part of the test."""
    with Engine(Behaviour(key=KEY)) as engine, page:
        outcome, message = outcomes(way(engine, page))[name]
    assert (outcome, words in message) == ("failed", True), message


def test_what_a_release_does_not_have_is_skipped() -> None:
    """TGI 1.2.0 has no /v1 routes; that is no failure of this deployment."""
    with Engine(Behaviour(models=False)) as engine:
        found = outcomes(way(engine, version="1.2.0", key=None))
    assert found["models"] == ("skipped", "tgi 1.2.0 has no /v1/models")
    assert found["completion"] == ("skipped", "tgi 1.2.0 has no /v1/chat/completions")
    assert found["chat page"] == ("skipped", "no page here")
    assert found["health"][0] == "passed"


def test_the_command_says_it_in_a_table_or_a_document(
    voltaic: Voltaic, problems: Callable[[str, Any], list[str]]
) -> None:
    """A line a question, exit code 0 or 1, and one document where it is asked for."""
    with Engine(Behaviour(key=KEY)) as engine, Page() as page:
        words = ("test", "--url", f"{engine.url}/v1", "--page-url", page.url)
        done = voltaic(*words, env={"VOLTAIC_API_KEY": KEY})
        assert done.exit_code == 0, done.output
        assert "10 passed, in" in done.stdout
        engine.behaviour.heeds_stop = False
        done = voltaic(*words, "--json", env={"VOLTAIC_API_KEY": KEY})
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert problems("reach.schema.json", document) == []
    assert [test["name"] for test in document["tests"]] == NAMES
    assert [test["name"] for test in document["tests"] if test["outcome"] == "failed"] == ["stop sequence"]
    assert KEY not in done.output


def test_a_narrow_terminal_shows_all_of_it(voltaic: Voltaic) -> None:
    """Forty columns, no colour."""
    with Engine(Behaviour(loading=True)) as engine:
        done = voltaic("test", "--url", engine.url, env={"COLUMNS": "40", "NO_COLOR": "1"})
    assert done.exit_code == 1
    assert max(map(len, done.stdout.splitlines())) <= 60
    assert "\x1b" not in done.stdout
    assert "voltaic doctor" in " ".join(done.stdout.split())
