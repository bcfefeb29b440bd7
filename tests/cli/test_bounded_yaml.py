"""YAML and JSON are read within bounds, and every fault is one line."""

from __future__ import annotations

import re
import string
from itertools import pairwise

import pytest

from cli.bounded_yaml import DEEPEST, MOST_NODES, load_documents

NAMES = string.ascii_lowercase[:9]
ALIAS_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(NAMES)
)
MERGE_BOMB = "a: &a {k: v}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n" for before, name in pairwise(NAMES)
)


def test_documents_of_a_stream_come_in_order() -> None:
    """A stream of several documents, an empty one among them, gives one value each."""
    assert load_documents("a: 1\n---\n---\nb: [x, 2.5, true]\n") == [{"a": 1}, None, {"b": ["x", 2.5, True]}]


def test_aliases_and_merge_keys_stand_for_what_they_name() -> None:
    """Anchors, aliases and merge keys of ordinary size work as YAML has them."""
    text = "base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\nlist: [*base]\n"

    assert load_documents(text) == [{"base": {"a": 1, "b": 2}, "use": {"a": 1, "b": 3}, "list": [{"a": 1, "b": 2}]}]


def test_dates_and_lone_equal_signs_are_text() -> None:
    """What Kubernetes reads as text stays text, so that a check document can carry it."""
    assert load_documents("a: 2024-01-01\nb: =\n") == [{"a": "2024-01-01", "b": "="}]


def test_json_is_read_as_json() -> None:
    """A JSON file is one document; tabs are white space in it."""
    assert load_documents('{\t"a": [1, null]}', as_json=True) == [{"a": [1, None]}]


def test_several_json_documents_are_read_as_yaml() -> None:
    """A pipe of JSON documents with separators between them is still read."""
    assert load_documents('{"a": 1}\n---\n{"b": 2}', as_json=True) == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is given twice", id="duplicate key"),
        pytest.param(ALIAS_BOMB, f"line 6: its aliases stand for more than {MOST_NODES:,} values", id="alias bomb"),
        pytest.param(MERGE_BOMB, f"line 7: its aliases stand for more than {MOST_NODES:,} values", id="merge bomb"),
        pytest.param("a: &a [*a]", "line 1: an alias stands within what it stands for", id="endless alias"),
        pytest.param("[" * 100_000, f"nested more than {DEEPEST} levels deep", id="deep flow"),
        pytest.param("- " * 5_000 + "x", f"line 1: nested more than {DEEPEST} levels deep", id="deep block"),
        pytest.param("- x\n" * (MOST_NODES + 1), f"line {MOST_NODES}: more than {MOST_NODES:,} values", id="too many"),
        pytest.param("a:\n\tb: 1\n", "not YAML: line 2: found character that cannot start any token", id="tab"),
        pytest.param("a: \0", "not YAML: control characters are not allowed", id="binary"),
        pytest.param("? [a]\n: b\n", "line 1: a key is not plain text", id="list as key"),
        pytest.param("a: *b\n", "not YAML: line 1: found undefined alias 'b'", id="alias to nothing"),
        pytest.param(
            "image: {{ .Values.image }}\n",
            "line 1: a key is not plain text; "
            "it looks like a template: render it first (helm template, kustomize build)",
            id="template",
        ),
        pytest.param(
            "a: !!python/object/apply:os.system [ls]",
            "not YAML: line 1: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object/apply:os.system'",
            id="code",
        ),
        pytest.param(
            f"a: {'9' * 5_000}",
            "a value cannot be read: "
            "Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits",
            id="endless number",
        ),
    ],
)
def test_faults_of_yaml_are_one_line(text: str, message: str) -> None:
    """Hostile or broken YAML ends at once, with one line that names the place where it is known."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_documents(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{"a": 1, "a": 2}', "the key 'a' is given twice", id="duplicate key"),
        pytest.param('{"a": ' * 100_000, f"nested more than {DEEPEST} levels deep", id="deep"),
        pytest.param('{"a": 1', "not JSON: line 1: Expecting ',' delimiter", id="cut off"),
    ],
)
def test_faults_of_json_are_one_line(text: str, message: str) -> None:
    """Hostile or broken JSON ends the same way."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_documents(text, as_json=True)
