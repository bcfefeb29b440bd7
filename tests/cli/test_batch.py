"""`voltaic plan --batch`: one document a line, in order, whatever the lines hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli import batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT = Path(__file__).parents[2]


def test_each_line_gets_its_document_in_order(voltaic: Voltaic, accepted_line: dict[str, Any]) -> None:
    """Accepted, refused and unreadable lines are answered where they stand; blank lines are not lines."""
    lines = [
        json.dumps(accepted_line | {"id": "first"}),
        "",
        json.dumps(accepted_line | {"id": 2, "gpus": 1, "args": ["--num-shard", "2"]}),
        "{",
        json.dumps(accepted_line | {"id": ["any", "JSON"], "gpus": None}),
    ]

    result = voltaic("plan", "--batch", "-", input="\n".join(lines))

    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(document["id"], document["verdict"]) for document in documents] == [
        ("first", "accept"),
        (2, "refuse"),
        (None, "unknown"),
        (["any", "JSON"], "unknown"),
    ]
    assert [document["schema"] for document in documents] == [
        "voltaic/plan/v1",
        "voltaic/plan/v1",
        "voltaic/error/v1",
        "voltaic/plan/v1",
    ]
    assert (documents[2]["line"], result.exit_code) == (4, 2)


NOT_AN_OBJECT = 'not an object; a line is one JSON object such as {"gpu": "v100-16gb", "gpus": 1, …}'
NOT_JSON = "not JSON: Expecting property name enclosed in double quotes (column 2); a line is one JSON object"
TOO_DEEP = "nested too deeply; a line is one JSON object with a configuration in it"
DIGITS = (
    "not JSON that can be read: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits"
)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        pytest.param(b"[]", NOT_AN_OBJECT, id="list"),
        pytest.param(b"{x", NOT_JSON, id="text"),
        pytest.param(b'{"gpu": 1, "gpu": 2}', "the key 'gpu' is given twice", id="key twice"),
        pytest.param(b'{"a": "\xff"}', "not UTF-8 (byte 7); JSON lines are UTF-8", id="bytes"),
        pytest.param(b'{"a": ' * 50_000, TOO_DEEP, id="deep"),
        pytest.param(b'{"gpus": ' + b"9" * 5_000 + b"}", DIGITS, id="digits"),
    ],
)
def test_a_line_that_is_no_specification_says_why(voltaic: Voltaic, line: bytes, fault: str) -> None:
    """A hostile line gives an error document with its number, and exit code 2."""
    result = voltaic("plan", "--batch", "-", input=line)

    document = json.loads(result.stdout)
    assert (document["line"], document["faults"], result.exit_code) == (1, [fault], 2)


def test_a_line_beyond_the_bound_is_skipped(voltaic: Voltaic, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is too long is not read into memory, and the next one is answered under its own number."""
    monkeypatch.setattr(batch, "LONGEST_LINE", batch.MIB)

    result = voltaic("plan", "--batch", "-", input="x" * (3 * batch.MIB) + "\n{}\n")

    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert first["faults"] == ["longer than 1 MiB; a line is one specification without weights"]
    assert (first["line"], second["line"]) == (1, 2)


def test_all_faults_of_a_line_come_at_once(voltaic: Voltaic) -> None:
    """The faults that the core finds in a line are all there."""
    result = voltaic("plan", "--batch", "-", input='{"gpus": 0, "modle": "gpt2", "engine": "tgi"}')

    assert json.loads(result.stdout)["faults"] == [
        "modle: unknown key; did you mean 'model'?",
        "gpus: 0 is not a number of GPUs of the pod; allowed: whole numbers from 1",
        "model: missing; allowed: model (a catalogue id) or config (the content of config.json)",
    ]


@pytest.mark.timeout(30)  # without a flush both sides would wait for each other
def test_answers_stream_while_lines_come(accepted_line: dict[str, Any]) -> None:
    """Each answer is there before the next line is asked for: a program can hold a conversation."""
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "plan", "--batch", "-"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(json.dumps(accepted_line | {"id": number}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_a_closed_pipe_ends_quietly(accepted_line: dict[str, Any]) -> None:
    """`voltaic plan --batch … | head -1` prints no complaint, and its exit code is no verdict."""
    lines = f"{json.dumps(accepted_line)}\n" * 200

    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m cli plan --batch - | head -n 1; exit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        input=lines,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (141, "", 1)
