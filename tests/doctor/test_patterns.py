"""Patterns as data: their files, their examples, and what is told of texts that nobody wrote for them."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.doctor import cases
from voltaic import engines
from voltaic.doctor import pattern
from voltaic.doctor.numbers import SENTENCES
from voltaic.doctor.pattern import patterns
from voltaic.engines.data import BadFactsError
from voltaic.rules.catalogue import catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from voltaic.doctor.pattern import Pattern

SUBJECTS = {"engine", "gpu", "host", "kubernetes", "model", "network", "webui"}
HARD = (
    "x",
    "a.b/",
    "permission denied ",
    "NCCL WARN ",
    "bind ",
    "model architectures [",
    "buffer ",
    "tcp://1.1.1.1:1 ",
)
"""Beginnings of signs, to be said without an end."""
MOST_SECONDS = 20.0
"""For all signs over each of these; about 0.5 s each where nobody else computes."""


@pytest.mark.parametrize("found", patterns(), ids=lambda found: found.id)
def test_every_example_is_told_as_its_pattern_and_as_nothing_else(found: Pattern) -> None:
    """Each real text is told as exactly the failure that it is an example of."""
    texts = [example.text.splitlines() if example.where == "log" else [example.text] for example in found.examples]
    said = [cases.told(example.where, lines) for example, lines in zip(found.examples, texts, strict=True)]
    assert [[found.id]] * len(said) == said


@pytest.mark.parametrize("found", patterns(), ids=lambda found: found.id)
def test_no_counter_example_is_told_as_the_pattern(found: Pattern) -> None:
    """Texts that look alike and mean something else are not told as this failure."""
    said = [name for example in found.counter for name in cases.told(example.where, example.text.splitlines())]
    assert found.id not in said


@pytest.mark.parametrize("found", patterns(), ids=lambda found: found.id)
def test_every_pattern_says_what_it_must(found: Pattern) -> None:
    """Each pattern has two real texts of known origin, a text that it is not, and sentences."""
    assert len(found.examples) >= 2
    assert len({example.text for example in found.examples}) == len(found.examples)
    assert found.counter
    assert all(example.source.startswith("https://") for example in (*found.examples, *found.counter))
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found.id)
    assert all(text.endswith((".", "?", "}")) for text in (found.what, found.why, found.way_out, *found.details))


def test_there_are_patterns_of_every_subject() -> None:
    """More than forty failures are known, of each subject some."""
    assert len(patterns()) >= 110
    assert Counter(found.subject for found in patterns()).keys() == SUBJECTS


def test_patterns_name_only_what_there_is() -> None:
    """Rules, engines and numbers that patterns name exist."""
    rules, kinds = {rule.id for rule in catalogue()}, set(engines.names())
    assert {name for found in patterns() for name in found.rules} <= rules
    assert {name for found in patterns() for name in found.engines} <= kinds
    assert {name for found in patterns() for name in found.numbers} <= SENTENCES.keys()


def test_most_patterns_are_known_to_rules() -> None:
    """Of most failures of deployments a rule would have said so before; the rest nobody can see in a manifest."""
    silent = [found.id for found in patterns() if not found.rules]
    assert len(silent) < len(patterns()) / 2


def test_values_of_sentences_and_commands_come_from_signs() -> None:
    """Sentences put in groups of signs, commands what is known of the object: no log has a say in what people type."""
    known = {"stack", "n", "pod", "name", "workload"}
    for found in patterns():
        groups = {
            name
            for sign in found.signs
            for part in (sign.text, sign.near)
            if part is not None
            for name in part.groupindex
        }
        for text in found.details:
            assert set(re.findall(r"\{(\w+)\}", text)) <= groups, found.id
        for text in found.commands:
            assert set(re.findall(r"\{(\w+)\}", text)) <= known, found.id


def test_a_pattern_that_there_is_not_is_none() -> None:
    """Ids lead to their pattern."""
    assert pattern.pattern("no-such-failure") is None
    assert pattern.pattern("host-memory") in patterns()


def _facts(**changes: Any) -> dict[str, Any]:
    """Return a pattern as a file has it."""
    row = {
        "id": "made-up",
        "what": "It fails.",
        "why": "For a reason.",
        "way_out": "Do not.",
        "signs": [{"text": "made up"}],
        "source": "nobody",
        "confidence": "reported",
        "examples": [],
        "counter": [],
    }
    return row | changes


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (_facts(sings=[]), "sings"),
        (_facts(depth="deep"), "'deep' is none of 'cause', 'consequence', 'symptom'"),
        (_facts(sure="perhaps"), "'perhaps' is none of 'certain', 'likely'"),
        (_facts(signs=[{"text": "("}]), "missing )"),
        (_facts(signs=[{"text": "x", "in": "radio"}]), "'radio' is none of"),
        (_facts(signs=[{"text": "x", "nigh": "y"}]), "nigh"),
        (_facts(over=["no-such-failure"]), "made-up is over no-such-failure, which there is not"),
        (_facts(id="twice"), "two patterns are called twice"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    """Whoever writes a pattern is told what is wrong with it."""
    (tmp_path / "made.toml").touch()
    monkeypatch.setattr(pattern, "FOLDER", tmp_path)
    monkeypatch.setattr(pattern.data, "table", lambda _: {"pattern": [row] * (2 if row["id"] == "twice" else 1)})
    with pytest.raises(BadFactsError, match=re.escape(said)):
        pattern.patterns.__wrapped__()


@pytest.mark.parametrize("word", HARD)
def test_no_sign_takes_long_over_a_line_without_an_end(word: str) -> None:
    """Logs are written by others: an endless line costs no more than others."""
    text = "\n".join([(word * 4000)[:4000]] * 20)
    begun = time.process_time()
    for found in patterns():
        for sign in found.signs:
            for number, _ in enumerate(sign.text.finditer(text)):
                if number == 40:
                    break
    assert time.process_time() - begun < MOST_SECONDS


@pytest.mark.parametrize("name", cases.heldout())
def test_reports_that_no_pattern_was_written_from_are_told_as_well_as_before(name: str) -> None:
    """On frozen reports of public threads the patterns are no worse than when these were new to them."""
    reports = cases.heldout()[name]
    now, first = cases.score(reports["report"]), cases.Score(**reports["first"])
    assert first.reports == now.reports >= 20
    assert first.right <= now.right
    assert first.precision <= now.precision


def test_reports_are_no_examples() -> None:
    """No pattern cites a thread of the newer set: what was learned from the older one is cited."""
    cited = {example.source for found in patterns() for example in (*found.examples, *found.counter)}
    unseen = {report["url"] for report in cases.heldout()["second"]["report"]}
    assert {"https://github.com/otwld/ollama-helm/issues/152"} >= unseen & cited
