"""YAML and JSON within bounds: no alias bombs, no bottomless nesting, no key given twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from yaml._yaml import CParser
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 100
"""Levels of nesting. A Kubernetes object with its CRD schema stays below 60."""
MOST_NODES = 500_000
"""Values of one document, aliases counted as often as they stand for something."""


class _Fault(yaml.YAMLError):
    """A document that is out of bounds."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


class _Loader(Composer, CParser, SafeConstructor, Resolver):
    """libyaml's parser with the composer of PyYAML itself: the one in C has no bound and overflows the stack."""

    # Kubernetes reads dates, a lone `=` and binary values as text.
    yaml_constructors = SafeConstructor.yaml_constructors | dict.fromkeys(
        (f"tag:yaml.org,2002:{kind}" for kind in ("timestamp", "value", "binary")), SafeConstructor.construct_yaml_str
    )

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        self._nodes += 1
        line = _line(self.peek_event())
        if self._depth > DEEPEST:
            raise _Fault(f"nested more than {DEEPEST} levels deep", line)
        if self._nodes > MOST_NODES:
            raise _Fault(f"more than {MOST_NODES:,} values", line)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def documents(self) -> Iterator[Any]:
        """Yield the documents, each held against the bounds before it is built."""
        while self.check_node():
            self._nodes = 0
            node = self.get_node()
            if node is not None:
                _check(node)
                yield self.construct_document(node)


def _line(found: yaml.Event | yaml.Node | None) -> int | None:
    mark = None if found is None else found.start_mark
    return None if mark is None else mark.line + 1


def _check(root: yaml.Node) -> None:
    """Refuse keys given twice, aliases that stand within themselves, and aliases that stand for too much."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        known = sizes.get(id(node))
        if known is not None:
            return known
        line = _line(node)
        if id(node) in open_nodes:
            raise _Fault("an alias stands within what it stands for", line)
        open_nodes.add(id(node))
        total = 1
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
            total += sum(size(key) + size(value) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            total += sum(size(item) for item in node.value)
        if total > MOST_NODES:
            raise _Fault(f"its aliases stand for more than {MOST_NODES:,} values", line)
        open_nodes.discard(id(node))
        sizes[id(node)] = total
        return total

    size(root)


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Fault("a key is not plain text", _line(key))
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if (key.tag, key.value) in seen:
            raise _Fault(f"the key {key.value!r} is given twice", _line(key))
        seen.add((key.tag, key.value))


def load_documents(text: str, *, as_json: bool = False) -> list[Any]:
    """Return the documents of a YAML stream, or of JSON where it is that (`as_json`: where it has to be).

    Raises:
        ValueError: what is wrong, in one line, with the line where it is known.
    """
    not_json: json.JSONDecodeError | None = None
    if as_json or text.lstrip()[:1] in {"{", "["}:
        try:
            return [_json(text)]
        except json.JSONDecodeError as fault:
            not_json = fault  # several JSON documents, or YAML that begins with a brace: YAML reads both
    try:
        return list(_Loader(text).documents())
    except _Fault as fault:
        raise ValueError(f"line {fault.line}: {fault}{_template_hint(text)}") from None
    except yaml.YAMLError as fault:
        if as_json and not_json is not None:
            raise ValueError(f"not JSON: line {not_json.lineno}: {not_json.msg}") from None
        raise ValueError(f"not YAML: {_problem(fault)}{_template_hint(text)}") from None
    except ValueError as fault:
        raise _unreadable_value(fault) from None


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} levels deep") from None
    except _Fault as fault:
        raise ValueError(str(fault)) from None
    except ValueError as fault:
        raise _unreadable_value(fault) from None


def _unreadable_value(fault: ValueError) -> ValueError:
    """Return the fault of a number of a million digits, without Python's advice to programmers."""
    return ValueError(f"a value cannot be read: {str(fault).partition(';')[0]}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Fault(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    return values


def _problem(fault: yaml.YAMLError) -> str:
    mark = getattr(fault, "problem_mark", None)
    problem = getattr(fault, "problem", None) or getattr(fault, "reason", None) or str(fault).splitlines()[0]
    return f"line {mark.line + 1}: {problem}" if mark is not None else str(problem)


def _template_hint(text: str) -> str:
    return "; it looks like a template: render it first (helm template, kustomize build)" if "{{" in text else ""
