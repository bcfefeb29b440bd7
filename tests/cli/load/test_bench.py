"""`voltaic bench` against a server whose delays are known."""

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

from tests.stub.engine import Behaviour, Engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]
    Problems = Callable[[str, Any], list[str]]

ROOT = Path(__file__).parents[3]
FIRST, BETWEEN = 0.2, 0.05
"""Seconds of the server."""
EARLY, LATE = 0.002, 0.15
"""Seconds by which a measured median may lie beside them: clocks differ little, and a busy machine is late."""


def bench(voltaic: Voltaic, engine: Engine, *words: str) -> dict[str, Any]:
    """Return the document of a run."""
    done = voltaic("bench", "--url", f"{engine.url}/v1", "--json", *words)
    assert done.exit_code in {0, 1}, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_known_delays_come_out(voltaic: Voltaic) -> None:
    """Time to first token and between tokens are those of the server; tokens and lengths are counted."""
    with Engine(Behaviour(first_seconds=FIRST, token_seconds=BETWEEN)) as engine:
        found = bench(voltaic, engine, "-c", "2", "--requests", "8", "--answer-tokens", "6", "--prompt-tokens", "100")
    summary = found["summary"]
    assert (summary["requests"], summary["failed"]) == (8, 0)
    assert FIRST - EARLY <= summary["first"]["p50"] <= FIRST + LATE
    assert BETWEEN - EARLY - 0.02 <= summary["between"]["p50"] <= BETWEEN + LATE
    assert summary["between"]["count"] == 8 * 5
    assert summary["answer_tokens"]["p50"] == 6
    assert summary["prompt_tokens"]["p50"] == 100
    assert found["prompts"]["tokens_besides"] == 4
    assert found["prompts"]["length"].startswith("words counted by the server itself")
    whole = FIRST + 5 * BETWEEN
    assert 48 / (4 * (whole + LATE + 0.2)) <= summary["tokens_per_second"] <= 48 / (4 * (whole - 0.01))


def test_so_many_run_at_once_and_no_more(voltaic: Voltaic) -> None:
    """Closed loop: each asker waits for the answer; warm-up is not counted."""
    with Engine(Behaviour(token_seconds=0.02)) as engine:
        found = bench(voltaic, engine, "-c", "3", "--requests", "9", "--warm-up", "2", "--answer-tokens", "5")
        assert engine.most_running == 3
        assert engine.generations == 9 + 2 + 2  # two count the tokens of a word
    assert found["summary"]["requests"] == 9
    assert found["load"]["loop"] == "closed"


def test_a_rate_is_kept_whether_or_not_the_server_keeps_up(voltaic: Voltaic) -> None:
    """Open loop: the time that a request waits for its turn counts."""
    behaviour = Behaviour(first_seconds=0.2, one_at_a_time=True)
    with Engine(behaviour) as engine:
        found = bench(voltaic, engine, "--rate", "50", "--requests", "8", "--warm-up", "0", "--answer-tokens", "1")
    first = found["summary"]["first"]
    assert found["load"]["loop"] == "open"
    assert first["max"] >= 8 * 0.2 - 0.6  # the last waits for the others
    assert first["min"] < first["max"] / 2


def test_failures_are_counted_by_what_they_say(voltaic: Voltaic) -> None:
    """They are part of the result, and no time of theirs is."""
    with Engine(Behaviour(fails=lambda number: number > 2 and number % 2 == 0)) as engine:
        found = bench(voltaic, engine, "--requests", "6", "--warm-up", "0", "--answer-tokens", "3")
    assert found["summary"]["errors"] == {"HTTP 429: Model is overloaded": 3}
    assert found["summary"]["first"]["count"] == 3


def test_a_server_that_counts_nothing_is_said_to(voltaic: Voltaic) -> None:
    """A piece counts as a token, and the length of prompts is assumed."""
    with Engine(Behaviour(usage=False)) as engine:
        found = bench(voltaic, engine, "--requests", "2", "--answer-tokens", "4")
    assert found["prompts"]["length"].startswith("assumed")
    assert (found["summary"]["answer_tokens"]["p50"], found["summary"]["prompt_tokens"]) == (4, None)


def test_answers_that_break_off_are_failures(voltaic: Voltaic) -> None:
    """What came of them is no answer."""
    with Engine() as engine:
        engine.behaviour.fails = lambda number: setattr(engine.behaviour, "breaks_after", 2 if number > 2 else None)  # type: ignore[func-returns-value,assignment,misc]
        found = bench(voltaic, engine, "--requests", "2", "--warm-up", "0", "--answer-tokens", "5")
    assert found["summary"]["errors"] == {"the connection ended": 2}


def test_a_table_a_file_and_pictures(voltaic: Voltaic, tmp_path: Path, problems: Problems) -> None:
    """What people read, what another run is compared with, and what is shown around."""
    out, drawn = tmp_path / "a.json", tmp_path / "a.svg"
    with Engine(Behaviour(token_seconds=0.005)) as engine:
        words = ("bench", "--url", engine.url, "--requests", "6", "--answer-tokens", "5")
        done = voltaic(*words, "--out", str(out), "--plot", str(drawn))
        assert done.exit_code == 0, done.output
        assert "time to first token, s" in done.stdout
        assert "6 requests, 0 failed." in done.stdout
        assert "time to first token" in drawn.read_text(encoding="utf-8")
        engine.behaviour.token_seconds = 0.1
        second = tmp_path / "b.json"
        assert voltaic(*words, "--out", str(second)).exit_code == 0
    done = voltaic("bench", "--compare", str(out), str(second), "--plot", str(tmp_path / "ab.png"))
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if line.startswith("time between tokens"))
    assert row.endswith("worse")
    assert (tmp_path / "ab.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads(voltaic("bench", "--compare", str(out), str(second), "--json").stdout)
    assert problems("reach.schema.json", document) == []
    assert problems("reach.schema.json", json.loads(out.read_text(encoding="utf-8"))) == []
    assert {each["name"]: each["says"] for each in document["differences"]}["between"] == "worse"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--concurrency", "0", "--rate", "x"), "--rate x: give a number above 0"),
        (("--concurrency", "9999"), "at most 1024"),
        (("--out", "/no/such/folder/a.json"), "the folder /no/such/folder does not exist"),
        (("--plot", "a.pdf"), "end it with .png or .svg"),
        (("--compare", "only-one.json"), "--compare takes two files of runs, not 1"),
        (("--compare", "none.json", "none.json"), "none.json: No such file or directory"),
        (("--compare", "pyproject.toml", "README.md"), "pyproject.toml: not JSON"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(voltaic: Voltaic, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, and how to write it."""
    done = voltaic("bench", *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_a_server_that_does_not_answer_is_told_at_once(voltaic: Voltaic) -> None:
    """Before any load."""
    with Engine(Behaviour(loading=True)) as engine:
        done = voltaic("bench", "--url", engine.url, "--model", "x")
    assert (done.exit_code, "The first request failed: HTTP 503: Model is loading." in done.stderr) == (2, True)


def test_an_interrupt_keeps_what_was_measured(tmp_path: Path) -> None:
    """The file is written, the table shown, and the exit code says that it was stopped."""
    out = tmp_path / "a.json"
    with Engine(Behaviour(token_seconds=0.02)) as engine:
        command = [sys.executable, "-m", "cli", "bench", "--url", engine.url, "--duration", "60", "--out", str(out)]
        process = subprocess.Popen(
            [*command, "--answer-tokens", "3"],
            cwd=ROOT,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        ends = time.monotonic() + 30
        while engine.generations < 8 and time.monotonic() < ends:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "Stopped before its end" in shown
    assert json.loads(out.read_text(encoding="utf-8"))["summary"]["requests"] >= 4
