"""The commands of docs/how-to/reach-and-measure.md do what the page says, against a server that answers at once."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.stub.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from typer.testing import Result

    Voltaic = Callable[..., Result]

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "reach-and-measure.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHORT = {"--duration": "1", "--requests": "5"}
"""In place of what the page asks for, which takes minutes."""


def commands(name: str) -> list[list[str]]:
    """Return the words of the examples of a command."""
    lines = [line for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")) for line in block.splitlines()]
    found = [shlex.split(line, comments=True) for line in lines if line.startswith(f"voltaic {name}")]
    return [words[1:] for words in found]


def against(words: list[str], url: str) -> list[str]:
    """Return words that ask another server, and take little time."""
    plain = words[: words.index("<")] if "<" in words else list(words)
    for place, word in enumerate(plain[:-1]):
        if word in SHORT:
            plain[place + 1] = SHORT[word]
        if word == "--url":
            plain[place + 1] = f"{url}/v1"
    return plain if "--url" in plain or "--compare" in plain else [*plain, "--url", url]


def test_every_example_of_chat_is_answered(voltaic: Voltaic) -> None:
    """Those without a question read it from stdin."""
    with Engine() as engine:
        done = [voltaic(*against(words, engine.url), input="hello") for words in commands("chat")]
    assert len(done) == 4
    assert [result.exit_code for result in done] == [0] * 4, [result.output for result in done]
    assert all("one two three" in result.stdout for result in done)


def test_every_example_of_bench_measures(voltaic: Voltaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of one are those that another compares."""
    monkeypatch.chdir(tmp_path)
    with Engine() as engine:
        for words in commands("bench"):
            if "--compare" in words:
                shutil.copy("before.json", "after.json")
            done = voltaic(*against(words, engine.url))
            assert done.exit_code == 0, done.output
    assert "no difference beyond noise" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after.json", "before.json", "before.svg"]


def test_what_the_page_says_of_ports_is_so() -> None:
    """8080 to 8089, and 3000 to 3009."""
    from cli.reaching.local_ports import API_PORTS, PAGE_PORTS

    text = PAGE.read_text(encoding="utf-8")
    assert f"{API_PORTS[0]} to {API_PORTS[-1]} for the API" in text
    assert f"{PAGE_PORTS[0]} to {PAGE_PORTS[-1]} in a stack of" in text
