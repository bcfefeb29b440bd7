"""YAML within bounds: no alias bombs, no bottomless nesting, no key given twice; built in one pass, without nodes.

libyaml finds the events; what they stand for is built here, since its own composer has no bound and the one of PyYAML
takes five times as long and makes an object a value besides.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml._yaml import CParser
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from cli import bounded_json
from cli.bounds import DEEPEST, MOST_DOCUMENTS, MOST_TAGS, MOST_VALUES, Fault, left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TAG: Final = "tag:yaml.org,2002:"
_TEXT: Final = f"{_TAG}str"
_MERGE: Final = f"{_TAG}merge"
_AS_TEXT: Final = frozenset(f"{_TAG}{kind}" for kind in ("str", "timestamp", "value", "binary", "merge"))
"""Tags of what is read as text, by Kubernetes too: dates, a lone `=` and binary values among them."""
_COLLECTIONS: Final = {yaml.MappingStartEvent: f"{_TAG}map", yaml.SequenceStartEvent: f"{_TAG}seq"}
_NO_TEXT: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML does not allow in a stream (YAML 1.1, 5.1)."""
_DIRECTIVE: Final = re.compile("^%TAG", re.MULTILINE)
_REMEMBERED_CHARACTERS: Final = 40
"""Length up to which a plain value is read once and remembered: keys, numbers and names come again and again."""
_MOST_REMEMBERED: Final = 10_000


class _Nothing:
    """Stands for a key that is not there yet."""


class _Merge:
    """Stands for the key `<<`."""


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet."""

    value: Any
    anchor: str | None
    before: int
    """Values of the document before it."""
    line: int
    key: Any = _Nothing
    merges: list[tuple[Any, int]] = field(default_factory=list)


def documents(text: str) -> Iterator[Any]:
    """Yield the documents of a stream that hold anything but comments; an empty one is None.

    Raises:
        Fault: it is out of bounds.
        yaml.YAMLError: it is no YAML.
        ValueError: it holds a number that cannot be read.
    """
    strange = _NO_TEXT.search(text)
    if strange is not None:
        line = text.count("\n", 0, strange.start()) + 1
        raise Fault(f"the control character U+{ord(strange[0]):04X} is no text", line)
    if text.count("%TAG") > MOST_TAGS:
        named = [found.start() for found in islice(_DIRECTIVE.finditer(text), MOST_TAGS + 1)]
        if len(named) > MOST_TAGS:
            raise Fault(f"more than {MOST_TAGS} %TAG directives", text.count("\n", 0, named[-1]) + 1)
    return _Builder(CParser(text).get_event).documents()


class _Builder:
    """Builds the values of a stream from its events."""

    def __init__(self, event: Callable[[], Any]) -> None:
        self.event = event
        self.of_file = 0
        """Values of the documents before this one."""
        self.values = 0
        """Values of this document, aliases counted as often as they stand for something."""
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.being_made: set[str] = set()
        self.known: dict[str, tuple[str, Any]] = {}

    def documents(self) -> Iterator[Any]:
        number = 0
        while True:
            event = self.event()
            if isinstance(event, yaml.StreamEndEvent):
                return
            if isinstance(event, yaml.DocumentStartEvent):
                number += 1
                if number > MOST_DOCUMENTS:
                    raise Fault(f"more than {MOST_DOCUMENTS:,} documents", _line(event))
                self.anchors.clear()
                self.being_made.clear()
                self.of_file, self.values = self.of_file + self.values, 0
                yield left_out(self._document())

    def _document(self) -> Any:
        """Return the value of one document."""
        stack: list[_Open] = []
        while True:
            event = self.event()
            kind = type(event)
            tag, line = "", None
            if kind is yaml.ScalarEvent:
                tag, value = self._scalar(event)
                if not stack or stack[-1].key is not _Nothing or type(stack[-1].value) is list:
                    self._count(event)
                if event.anchor:
                    self.anchors[event.anchor] = value, 1
            elif kind in _COLLECTIONS:
                stack.append(self._opened(event, len(stack)))
                continue
            elif kind is yaml.AliasEvent:
                value = self._alias(event)
            else:
                done = stack.pop()
                value, line = self._closed(done), done.line
            if not stack:
                return value
            self._put(stack[-1], value, line or _line(event), tag)

    def _opened(self, event: Any, depth: int) -> _Open:
        line = _line(event)
        if depth >= DEEPEST:
            raise Fault(f"nested more than {DEEPEST} levels deep", line)
        kind = _COLLECTIONS[type(event)]
        if event.tag not in {None, "!", kind}:
            raise Fault(f"the tag {event.tag} makes something that no manifest holds", line)
        opened = _Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor, self.values, line)
        self._count(event)
        if event.anchor:
            self.being_made.add(event.anchor)
        return opened

    def _closed(self, done: _Open) -> Any:
        value = done.value
        if done.merges:
            merged: dict[Any, Any] = {}
            for source, line in reversed(done.merges):
                for one in reversed(source) if isinstance(source, list) else (source,):
                    if not isinstance(one, dict):
                        raise Fault("a merge key (<<) takes mappings alone", line)
                    merged.update(one)
            own = dict(value)
            value.clear()
            value |= merged | own
        if done.anchor:
            self.being_made.discard(done.anchor)
            self.anchors[done.anchor] = value, self.values - done.before
        return value

    def _put(self, parent: _Open, value: Any, line: int, tag: str) -> None:
        """Add a value, or the key of one, to what it stands in."""
        holder = parent.value
        if isinstance(holder, list):
            holder.append(value)
        elif parent.key is _Nothing:
            if isinstance(value, (dict, list)):
                raise Fault("a key is not plain text", line)
            if tag == _MERGE:
                parent.key = _Merge
            elif value in holder:
                raise Fault(f"the key {value!r} is given twice", line)
            else:
                parent.key = value
                holder[value] = None
        elif parent.key is _Merge:
            parent.merges.append((value, line))
            parent.key = _Nothing
        else:
            holder[parent.key] = value
            parent.key = _Nothing

    def _count(self, event: Any) -> None:
        self.values += 1
        if self.values + self.of_file > MOST_VALUES:
            raise Fault(f"more than {MOST_VALUES:,} values", _line(event))

    def _alias(self, event: Any) -> Any:
        if event.anchor in self.being_made:
            raise Fault("an alias stands within what it stands for", _line(event))
        found = self.anchors.get(event.anchor)
        if found is None:
            raise Fault(f"the alias *{event.anchor} stands for nothing that came before it", _line(event))
        value, size = found
        self.values += size
        if self.values > MOST_VALUES:
            raise Fault(f"its aliases stand for more than {MOST_VALUES:,} values", _line(event))
        return value

    def _scalar(self, event: Any) -> tuple[str, Any]:
        """Return the tag and the value of a scalar, as Kubernetes reads it."""
        text = event.value
        if event.tag is None or event.tag == "!":
            if not event.implicit[0]:
                return _TEXT, text
            known = self.known.get(text)
            if known is not None:
                return known
            tag = _plain_tag(text)
        else:
            tag = event.tag
        found = tag, text if tag in _AS_TEXT else _constructed(tag, text, event)
        if event.tag is None and len(text) <= _REMEMBERED_CHARACTERS and len(self.known) < _MOST_REMEMBERED:
            self.known[text] = found
        return found


_IMPLICIT: Final = Resolver.yaml_implicit_resolvers
_READERS: Final[dict[str, Callable[[SafeConstructor, Any], Any]]] = {
    f"{_TAG}{kind}": SafeConstructor.yaml_constructors[f"{_TAG}{kind}"] for kind in ("null", "bool", "int", "float")
}


def _plain_tag(text: str) -> str:
    """Return the tag of a scalar without quotes."""
    # 1:30 is the number 90 in YAML 1.1; the reader of Kubernetes leaves base 60 out (go-yaml, README). Times are text.
    if ":" in text:
        return _TEXT
    for tag, pattern in (*_IMPLICIT.get(text[:1], ()), *_IMPLICIT.get(None, ())):
        if pattern.match(text):
            return str(tag)
    return _TEXT


def _constructed(tag: str, text: str, event: Any) -> Any:
    reader = _READERS.get(tag)
    if reader is None:
        raise Fault(f"the tag {tag} makes something that no manifest holds", _line(event))
    try:
        return reader(SafeConstructor(), yaml.ScalarNode(tag, text))
    except (ValueError, KeyError, IndexError) as fault:  # a number of a million digits, or no number behind its tag
        because = str(fault).partition(";")[0] if isinstance(fault, ValueError) else f"no {tag.removeprefix(_TAG)}"
        raise Fault(f"a value cannot be read: {because}", _line(event)) from None


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def load_documents(text: str, *, as_json: bool = False) -> list[Any]:
    """Return the documents of a YAML stream, or of JSON where it is that (`as_json`: where it has to be).

    Raises:
        Fault: what is wrong, in one line, with the line where it is known.
    """
    not_json: json.JSONDecodeError | None = None
    if as_json or text.lstrip()[:1] in {"{", "["}:
        try:
            return [bounded_json.document(text)]
        except json.JSONDecodeError as fault:
            not_json = fault  # several JSON documents, or YAML that begins with a brace: YAML reads both
        except Fault:
            if as_json:
                raise
    try:
        return list(documents(text))
    except yaml.YAMLError as fault:
        if as_json and not_json is not None:
            raise Fault(f"not JSON: {not_json.msg}", not_json.lineno) from None
        mark = getattr(fault, "problem_mark", None) or getattr(fault, "context_mark", None)
        words = getattr(fault, "problem", None) or str(fault).splitlines()[0]
        raise Fault(f"not YAML: {words}", None if mark is None else mark.line + 1) from None
