"""Lines of logs: what is read of them, and what people are shown."""

from __future__ import annotations

import json

from voltaic.doctor import lines


def test_colours_are_taken_out() -> None:
    """A log is read without the escape sequences of terminals."""
    assert list(lines.clean(["\x1b[31mError:\x1b[0m no\r"])) == ["Error: no"]


def test_messages_within_json_are_read_as_lines() -> None:
    """TGI and others can write JSON lines; a traceback within one is as many lines as it has."""
    line = json.dumps({"timestamp": "2025-01-01T00:00:00Z", "level": "error", "fields": {"message": "one\ntwo"}})
    assert list(lines.clean([line])) == ["ERROR one", "two"]


def test_json_that_is_none_is_read_as_it_stands() -> None:
    """A line that only begins like JSON, or has no message, is a line."""
    assert list(lines.clean(["{broken", '{"a": 1}', "[" * 3])) == ["{broken", '{"a": 1}', "[" * 3]


def test_deeply_nested_json_is_read_as_it_stands() -> None:
    """A line that nests without an end is no message."""
    hostile = '{"a":' * 100_000
    assert len(next(lines.clean([hostile]))) <= lines.MOST_READ + 3


def test_endless_lines_are_shortened_in_the_middle() -> None:
    """Of a line without an end its beginning and its end are read."""
    (read,) = lines.clean(["a" * 10_000 + "z"])
    assert (read.startswith("aaa"), read.endswith("az"), len(read)) == (True, True, lines.MOST_READ + 3)


def test_what_is_said_over_and_over_is_read_a_few_times() -> None:
    """A server's repeated lines are left out but for a few, the last ones of the log never."""
    log = [f"served request {number}" for number in range(1000)]
    read = lines.read([*log, "Error: it ends"])
    assert (len(read), read[0], read[-1]) == (3 + lines.ALWAYS_READ, "served request 0", "Error: it ends")


def test_moments_are_not_shown() -> None:
    """People are shown a line without its moment, or both of them where kubectl added one."""
    assert lines.shown("2025-01-01T00:00:00.123456789Z 2025-01-01T00:00:00.12Z  INFO ready") == "INFO ready"
    assert lines.shown("2025-01-01T00:00:00Z") == "2025-01-01T00:00:00Z"


def test_long_lines_are_shown_in_part() -> None:
    """A line is shown no longer than people read."""
    assert len(lines.shown("x" * 1000)) == lines.LONGEST


def test_last_lines_say_something_new() -> None:
    """Of lines that differ in numbers only one is shown; frames of tracebacks are none."""
    log = ["start", "try 1 of 9", "try 2 of 9", '  File "x.py", line 3', "Error: no", ""]
    assert lines.last(log, 5) == ["start", "try 2 of 9", "Error: no"]
    assert lines.last(log, 1) == ["Error: no"]
