"""Variables of a shell file are read without running it; what a shell would decide is unread, with its line."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltaic.imports.shell import Assignment, Unread, assignments


def read(text: str) -> list[tuple[int, str, str]]:
    """Return line, name and value of what was read."""
    return [(entry.line, entry.name, entry.value) for entry in assignments(text) if isinstance(entry, Assignment)]


def unread(text: str) -> list[tuple[int, str | None]]:
    """Return line and name of what was not."""
    return [(entry.line, entry.name) for entry in assignments(text) if isinstance(entry, Unread)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b", [(1, "A", "b")]),
        ("#!/bin/bash\n# A=1\nexport A=b # c", [(3, "A", "b")]),
        ("A=b#c", [(1, "A", "b#c")]),
        ("A='x $y' B=\"p q\"", [(1, "A", "x $y"), (1, "B", "p q")]),
        ("declare -x A=1; readonly B=2", [(1, "A", "1"), (1, "B", "2")]),
        ('A="a\\"b\\$c\\n"', [(1, "A", 'a"b$c\\n')]),
        ("A=a\\ b", [(1, "A", "a b")]),
        ("A=one\\\ntwo\nB=3", [(1, "A", "onetwo"), (3, "B", "3")]),
        ("A='one\ntwo'\nB=3", [(1, "A", "one\ntwo"), (3, "B", "3")]),
        ("A=1\nB=$A/x\nC=${A}y", [(1, "A", "1"), (2, "B", "1/x"), (3, "C", "1y")]),
        ("A=${X:-d}", [(1, "A", "d")]),
        ('A=""\nB=${A:-d}\nC=${A-d}', [(1, "A", ""), (2, "B", "d"), (3, "C", "")]),
        ("A='a'\"b\"c", [(1, "A", "abc")]),
        ("A=", [(1, "A", "")]),
        ("A=1\r\nB=2\r\n", [(1, "A", "1"), (2, "B", "2")]),
        ("set -eo pipefail\nA=1", [(2, "A", "1")]),
        ("A=1\nexport A", [(1, "A", "1")]),
        ("A=1\nunset A", [(1, "A", "1"), (2, "A", "")]),
        ('A="^lo,docker"', [(1, "A", "^lo,docker")]),
        ('A="5$"', [(1, "A", "5$")]),
        ("if true; then\n  X=1\nfi\nA=1", [(4, "A", "1")]),
        ("f() {\n  X=1\n}\nA=1", [(4, "A", "1")]),
    ],
)
def test_assignments_are_read_as_a_shell_reads_them(text: str, expected: list[tuple[int, str, str]]) -> None:
    """Quotes, comments, continued lines, export, and defaults of variables that the file itself knows."""
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=$(date)\nB=1", [(1, "A")]),
        ("A=`date`", [(1, "A")]),
        ("A=$((8 * N))Gi", [(1, "A")]),
        ("A=$B", [(1, "A")]),
        ("A=${B}", [(1, "A")]),
        ("A=${B%%/*}", [(1, "A")]),
        ("A=(1 2)", [(1, "A")]),
        ("A=$1", [(1, "A")]),
        ("source other.sh\nA=1", [(1, None)]),
        ("[[ -n $B ]] && A=1", [(1, None), (1, "A")]),
        ("if [ -n 1 ]; then\nA=1\nfi", [(1, None), (2, "A")]),
        ("for x in 1; do A=1; done", [(1, None), (1, "A")]),
        ("f() {\nA=1\n}\nB=2", [(1, None), (2, "A")]),
        ("A='open", [(1, "A")]),
        ('A="open\nB=1', [(1, "A")]),
        ("cat <<EOF\nA=1\nEOF\nB=2", [(1, None), (1, None)]),
    ],
)
def test_what_has_to_be_run_is_unread(text: str, expected: list[tuple[int, str | None]]) -> None:
    """Commands, conditions, substitutions, lists and open quotes: nothing is guessed."""
    assert unread(text) == expected


def test_a_default_of_the_environment_is_said() -> None:
    """A variable that the environment may set is read by its default, and that is noted."""
    (entry,) = assignments("A=${HF:-d}")
    assert isinstance(entry, Assignment)
    assert entry.note == "the default, unless the environment sets HF"


def test_a_file_that_is_too_long_is_no_configuration() -> None:
    """It is not read."""
    assert unread("A=1\n" * 100_000) == [(1, None)]


SIGNS = st.text(alphabet="AB=12 '\"\\$#;\n{}()`&|<>-:xy", max_size=40)


@settings(deadline=None, max_examples=300)
@given(SIGNS)
def test_any_text_is_read_in_the_end(text: str) -> None:
    """Never raises, and every line is one of the file."""
    last = text.count("\n") + 1
    assert all(1 <= entry.line <= last for entry in assignments(text))


PLAIN = st.text(alphabet="ab1 ./-_:,^=%+~@'\"\\$#;{}()&|<>*?![]", max_size=12)


@settings(deadline=None, max_examples=60)
@given(PLAIN, st.sampled_from(["'", '"']))
def test_a_quoted_value_is_what_the_shell_makes_of_it(value: str, quote: str) -> None:
    """Held against sh itself, for text that it does not compute."""
    quoted = (
        "'" + value.replace("'", "'\\''") + "'"
        if quote == "'"
        else '"' + "".join(f"\\{sign}" if sign in '$`"\\' else sign for sign in value) + '"'
    )
    script = f"A={quoted}\n"
    done = subprocess.run(
        ["/bin/sh", "-c", script + 'printf %s "$A"'], capture_output=True, text=True, check=True, env={}
    )
    assert read(script) == [(1, "A", done.stdout)]
