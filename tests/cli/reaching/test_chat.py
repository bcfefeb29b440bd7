"""`voltaic chat` against a server that answers as TGI does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.chat import Answer, summary
from cli.reaching.api import ApiError, Piece, pieces, said_in
from tests.stub.engine import Behaviour, Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT = Path(__file__).parents[3]
KEY = "the-key-of-this-test"


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A server that asks for a key."""
    with Engine(Behaviour(key=KEY)) as made:
        yield made


def ask(voltaic: Voltaic, engine: Engine, *words: str, key: str = KEY, text: str | None = None) -> Result:
    """Ask it something."""
    return voltaic("chat", "--url", f"{engine.url}/v1", *words, input=text, env={"VOLTAIC_API_KEY": key})


def test_an_answer_is_printed_with_its_pace(voltaic: Voltaic, engine: Engine) -> None:
    """The answer alone on stdout, how it came on stderr; the key nowhere."""
    done = ask(voltaic, engine, "--max-tokens", "5", "count")
    assert (done.exit_code, done.stdout) == (0, "one two three four five\n")
    assert "5 tokens in" in done.stderr
    assert "cut off at the longest answer (--max-tokens)" in done.stderr
    assert KEY not in done.output


def test_what_is_asked_reaches_the_server(voltaic: Voltaic, engine: Engine) -> None:
    """System prompt, length, temperature, and the model that is served."""
    options = ("--system", "be short", "--max-tokens", "3", "--temperature", "0")
    assert ask(voltaic, engine, *options, text="from stdin\n").exit_code == 0
    body = json.loads(engine.requests[-1].body)
    assert body["messages"] == [
        {"role": "system", "content": "be short"},
        {"role": "user", "content": "from stdin"},
    ]
    assert (body["max_tokens"], body["temperature"], body["model"]) == (3, 0.0, "stub/model")


def test_a_document_holds_answer_and_times(
    voltaic: Voltaic, engine: Engine, problems: Callable[[str, Any], list[str]]
) -> None:
    """One document on stdout."""
    document = json.loads(ask(voltaic, engine, "--json", "count").stdout)
    assert problems("reach.schema.json", document) == []
    assert document["schema"] == "voltaic/chat/v1"
    assert document["answer"].split()[:2] == ["one", "two"]
    assert (document["answer_tokens"], document["finish_reason"], document["stopped"]) == (10, "stop", False)
    assert 0 < document["first_seconds"] <= document["seconds"]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Behaviour(key=KEY, loading=True), "The server is not ready (HTTP 503): Model is loading."),
        (Behaviour(key="another"), "The server does not take the key (HTTP 401)."),
        (Behaviour(fails=lambda _: True), "The server takes no more requests now (HTTP 429): Model is overloaded."),
        (Behaviour(breaks_after=3), "The answer broke off: the connection to the server ended."),
    ],
)
def test_what_goes_wrong_is_told_with_the_next_step(voltaic: Voltaic, behaviour: Behaviour, words: str) -> None:
    """In plain words, with exit code 2 and a document where one is asked for."""
    with Engine(behaviour) as engine:
        done = ask(voltaic, engine, "--json", "hello")
    assert done.exit_code == 2
    assert words in done.stderr
    assert words in json.loads(done.stdout)["error"]
    assert KEY not in done.output


def test_no_server_is_told(voltaic: Voltaic) -> None:
    """Nothing listens there."""
    done = voltaic("chat", "--url", "http://127.0.0.1:9/v1", "hello")
    assert (done.exit_code, "Nothing answers at http://127.0.0.1:9." in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-tokens", "0", "hi"), "--max-tokens 0: give a whole number from 1"),
        (("--temperature", "hot", "hi"), "--temperature hot: give a number from 0 to 2"),
        (("--url", "host:1", "hi"), "--url host:1: give an address as http://127.0.0.1:8080/v1"),
        (("",), "the question is empty"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(voltaic: Voltaic, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, and how to write it."""
    done = voltaic("chat", *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_an_interrupt_stops_the_answer_here_and_there() -> None:
    """What was said stays, the server writes no further, and the exit code says so."""
    with Engine(Behaviour(token_seconds=0.2, tokens=500)) as engine:
        command = [sys.executable, "-m", "cli", "chat", "--url", engine.url, "count"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.read(3) == "one"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=15)
        assert process.returncode == 130
        assert said.rstrip().endswith("; stopped")
        ends = time.monotonic() + 10
        while engine.running and time.monotonic() < ends:
            time.sleep(0.05)
        assert engine.running == 0


def test_pieces_are_read_out_of_whatever_servers_send() -> None:
    """Comments, events without choices, nothing after the end; numbers of tokens in the last."""
    lines = [
        ": keep-alive",
        "event: message",
        'data: {"choices":[{"delta":{"content":"a"}}]}',
        "data: nonsense",
        'data: {"choices":[],"usage":{"completion_tokens":1}}',
        "data:[DONE]",
        'data: {"choices":[{"delta":{"content":"late"}}]}',
    ]
    assert list(pieces(lines)) == [Piece("a"), Piece(usage={"completion_tokens": 1})]


def test_an_error_within_a_stream_is_one() -> None:
    """TGI sends it as an event."""
    with pytest.raises(ApiError, match="gave up on the answer: Request failed during generation"):
        list(pieces(['data: {"error":"Request failed during generation","error_type":"generation"}']))


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("too long", '{"error": {"message": "too long.", "code": 400}}'),
        ("too long", '{"error": "too long", "error_type": "validation"}'),
        ("too long", '{"detail": "too long"}'),
        ("plain text", "plain\n text"),
        ("", ""),
    ],
)
def test_errors_are_read_as_engines_write_them(expected: str, text: str) -> None:
    """OpenAI's form, TGI's, FastAPI's, and text."""
    assert expected == said_in(text)


def test_the_pace_is_that_after_the_first_token() -> None:
    """Eleven tokens in two seconds, of which the first took one: ten a second."""
    answer = Answer("x", 11, "stop", 5, 11, 1.0, 2.0)
    assert summary(answer) == "11 tokens in 2.0 s; the first after 1.00 s; then 10.0 a second"
    assert Answer("x", 1, "stop", 5, 1, 1.0, 1.0).rate is None
