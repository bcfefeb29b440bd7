"""Where a field of a document stands in its file: line and column, looked for only where something is said about it."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import yaml
from yaml._yaml import CParser

from cli import bounded_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Kind = Literal["document", "mapping", "sequence", "end", "scalar"]
    Event = tuple[Kind, str, Any]
    """What comes next in a file: its kind, the text of a scalar, and the mark of where it begins."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; both counts begin at 1, columns are characters."""

    line: int
    column: int


def positions(text: str, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Position]:
    """Return where fields stand: each at its key or list item, or at the nearest of its ancestors that is there.

    Args:
        text: the file.
        wanted: number of the document, and the field's path in it (`spec.containers[0].args[2]`; keys may have dots).
    """
    left: dict[int, dict[str, str]] = {}
    for number, path in wanted:
        left.setdefault(number, {})[path] = path
    found: dict[tuple[int, str], Position] = {}
    if not left:
        return found
    events, position = _read(text)
    number = 0
    try:
        for kind, _, _ in events:
            if kind == "document":
                number += 1
                for path, mark in _Walk(left.get(number, {})).through(events).items():
                    found[number, path] = position(mark)
                if number >= max(left):
                    break
    except yaml.YAMLError:  # the file has changed since it was read: what was found before stands
        pass
    return found


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    wanted: dict[str, str]
    """What is left of each path that leads into it, by the path."""
    index: int | None = None
    """Item that comes next; None in a mapping."""
    under_key: dict[str, str] | None = None
    """What is left of each path that leads into the value that comes next; None before a key."""


@dataclass(slots=True)
class _Walk:
    """Walks through one document."""

    wanted: dict[str, str]
    best: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """How much of each path was found so far, in characters, and where."""

    def through(self, events: Iterator[Event]) -> dict[str, Any]:
        """Return the mark of each path, having taken one document from the events."""
        open_ones: list[_Open] = []
        for kind, text, mark in events:
            if kind == "end":
                open_ones.pop()
            elif open_ones and open_ones[-1].index is None and open_ones[-1].under_key is None:
                inside = {
                    path: left
                    for path, rest in open_ones[-1].wanted.items()
                    if (left := _under(rest, text)) is not None
                }
                self._note(inside, mark)
                open_ones[-1].under_key = inside
            else:
                inside = self._entered(open_ones, mark)
                if kind != "scalar":
                    open_ones.append(_Open(inside, 0 if kind == "sequence" else None))
            if not open_ones:
                break
        return {path: mark for path, (_, mark) in self.best.items()}

    def _entered(self, open_ones: list[_Open], mark: Any) -> dict[str, str]:
        """Return what is left of the paths that lead into the value that begins here."""
        if not open_ones:
            self._note(self.wanted, mark)
            return self.wanted
        holder = open_ones[-1]
        if holder.index is None:
            inside, holder.under_key = holder.under_key or {}, None
            return inside
        sign = f"[{holder.index}]"
        holder.index += 1
        inside = {
            path: rest[len(sign) :].removeprefix(".") for path, rest in holder.wanted.items() if rest.startswith(sign)
        }
        self._note(inside, mark)
        return inside

    def _note(self, inside: dict[str, str], mark: Any) -> None:
        for path, rest in inside.items():
            found = len(path) - len(rest)
            if path not in self.best or found > self.best[path][0]:
                self.best[path] = found, mark


def _under(rest: str, key: str) -> str | None:
    """Return what is left of a path behind a key; None where it does not begin with it."""
    if not rest.startswith(key):
        return None
    behind = rest[len(key) :]
    return behind.removeprefix(".") if behind[:1] in {"", ".", "["} else None


def _read(text: str) -> tuple[Iterator[Event], Callable[[Any], Position]]:
    """Return the events of a file, and what makes positions of their marks."""
    if text.lstrip()[:1] in {"{", "["}:
        try:
            json.loads(text)
        except ValueError:  # several documents, or YAML that begins with a brace
            pass
        else:
            ends = [place for place, sign in enumerate(text) if sign == "\n"]
            return _of_json(text), lambda mark: _of_offset(mark, ends)
    return _of_yaml(text), lambda mark: Position(mark.line + 1, mark.column + 1)


def _of_offset(offset: int, ends: list[int]) -> Position:
    line = bisect_left(ends, offset)
    return Position(line + 1, offset - (ends[line - 1] if line else -1))


def _of_json(text: str) -> Iterator[Event]:
    yield "document", "", 0
    for word, place in bounded_json.words(text):
        if word in "{[":
            yield "mapping" if word == "{" else "sequence", "", place
        elif word in "}]":
            yield "end", "", place
        elif word not in ",:":
            yield "scalar", bounded_json.key(word), place


_KINDS: dict[type, Kind] = {
    yaml.DocumentStartEvent: "document",
    yaml.MappingStartEvent: "mapping",
    yaml.SequenceStartEvent: "sequence",
    yaml.MappingEndEvent: "end",
    yaml.SequenceEndEvent: "end",
    yaml.ScalarEvent: "scalar",
    yaml.AliasEvent: "scalar",
}


def _of_yaml(text: str) -> Iterator[Event]:
    parser = CParser(text)
    while True:
        event: Any = parser.get_event()
        kind = _KINDS.get(type(event))
        if kind is not None:
            yield kind, event.value if type(event) is yaml.ScalarEvent else "", event.start_mark
        elif type(event) is yaml.StreamEndEvent:
            return
