"""`voltaic plan --batch`: JSON lines in, JSON lines out, in order, one process."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from cli.garbage import rare_collections
from cli.output import error_document, exit_code, fail, print_json
from voltaic import document
from voltaic.units import MIB
from voltaic.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 16 * MIB
"""Bytes of one line. The largest configurations of published models are below 1 MiB."""


class _BadLine(ValueError):  # noqa: N818  named for what it says
    """A line that is no specification; `faults` has all that is wrong with it."""

    def __init__(self, *faults: str, id: Any = None) -> None:  # noqa: A002
        self.faults = faults
        self.id = id
        super().__init__("; ".join(faults))


def judge_lines(source: str) -> int:
    """Judge each line of a file (or of stdin for `-`), print one document a line, and return the exit code.

    A line that cannot be read gives an error document in its place; the others are judged all the same.
    """
    verdicts: set[str] = set()
    bad_input = False
    with _opened(source) as stream, rare_collections():
        for number, line in _lines(stream):
            try:
                answer = _answer(line)
                verdicts.add(answer["verdict"])
            except _BadLine as bad:
                bad_input = True
                answer = error_document(bad.faults, id=bad.id, line=number)
            print_json(answer, indent=None)
    return exit_code(verdicts, bad_input=bad_input)


@contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if source == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = open(source, "rb")  # noqa: SIM115, PTH123  closed below; `source` is as the user wrote it
    except OSError as fault:
        fail("plan", [f"--batch {source}: {fault.strerror}"])
    with stream:
        yield stream


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and content of the lines that are not blank; None for one that is too long to be read."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(LONGEST_LINE)
            yield number, None
        elif line.strip():
            yield number, line


def _answer(line: bytes | None) -> dict[str, Any]:
    if line is None:
        raise _BadLine(f"longer than {LONGEST_LINE // MIB} MiB; a line is one specification without weights")
    values = _values(line)
    id = values.pop("id", None)  # noqa: A001  the caller's, handed through whatever it is
    try:
        spec = document.spec_from_line(values)
    except document.InvalidLine as invalid:
        raise _BadLine(*invalid.faults, id=id) from invalid
    return document.plan_document(judge(spec)) | {"id": id}


def _values(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line, object_pairs_hook=_unique)
    except _BadLine:
        raise
    except UnicodeDecodeError as fault:
        raise _BadLine(f"not UTF-8 (byte {fault.start}); JSON lines are UTF-8") from fault
    except json.JSONDecodeError as fault:
        raise _BadLine(f"not JSON: {fault.msg} (column {fault.colno}); a line is one JSON object") from fault
    except RecursionError as fault:
        raise _BadLine("nested too deeply; a line is one JSON object with a configuration in it") from fault
    except ValueError as fault:  # a number with too many digits
        raise _BadLine(f"not JSON that can be read: {str(fault).partition(';')[0]}") from fault
    if not isinstance(values, dict):
        raise _BadLine('not an object; a line is one JSON object such as {"gpu": "v100-16gb", "gpus": 1, …}')
    return values


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _BadLine(f"the key {twice!r} is given twice")
    return values
