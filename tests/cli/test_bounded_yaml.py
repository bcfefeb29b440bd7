"""YAML and JSON are read within bounds, and every fault is one line."""

from __future__ import annotations

import json
import re
import string
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli.bounded_yaml import load_documents
from cli.bounds import DEEPEST, MOST_DOCUMENTS, MOST_VALUES

ROOT = Path(__file__).parents[2]
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
        pytest.param(ALIAS_BOMB, f"line 6: its aliases stand for more than {MOST_VALUES:,} values", id="alias bomb"),
        pytest.param(MERGE_BOMB, f"line 7: its aliases stand for more than {MOST_VALUES:,} values", id="merge bomb"),
        pytest.param("a: &a [*a]", "line 1: an alias stands within what it stands for", id="endless alias"),
        pytest.param("[" * 100_000, f"line 1: nested more than {DEEPEST} levels deep", id="deep flow"),
        pytest.param("- " * 5_000 + "x", f"line 1: nested more than {DEEPEST} levels deep", id="deep block"),
        pytest.param(
            "- x\n" * (MOST_VALUES + 1), f"line {MOST_VALUES}: more than {MOST_VALUES:,} values", id="too many"
        ),
        pytest.param("a:\n\tb: 1\n", "line 2: not YAML: found character that cannot start any token", id="tab"),
        pytest.param("a: 1\nb: \0", "line 2: the control character U+0000 is no text", id="binary"),
        pytest.param("? [a]\n: b\n", "line 1: a key is not plain text", id="list as key"),
        pytest.param("a: *b\n", "line 1: the alias *b stands for nothing that came before it", id="alias to nothing"),
        pytest.param(
            "image: {{ .Values.image }}\n",
            "line 1: a key is not plain text",
            id="template",
        ),
        pytest.param(
            "a: !!python/object/apply:os.system [ls]",
            "line 1: the tag tag:yaml.org,2002:python/object/apply:os.system makes something that no manifest holds",
            id="code",
        ),
        pytest.param(
            "a: !!python/dict {b: 1}",
            "line 1: the tag tag:yaml.org,2002:python/dict makes something that no manifest holds",
            id="code that is a mapping",
        ),
        pytest.param("a: !own x", "line 1: the tag !own makes something that no manifest holds", id="own tag"),
        pytest.param(
            "a: !!int x", "line 1: a value cannot be read: invalid literal for int() with base 10: 'x'", id="no number"
        ),
        pytest.param("a: !!bool x", "line 1: a value cannot be read: no bool", id="no bool"),
        pytest.param("a: {<<: [1]}", "line 1: a merge key (<<) takes mappings alone", id="merge of a number"),
        pytest.param(
            "a: 1\n---\n" * (MOST_DOCUMENTS + 1),
            f"line {2 * MOST_DOCUMENTS}: more than {MOST_DOCUMENTS:,} documents",
            id="documents",
        ),
        pytest.param("a: \ud800", "line 1: the control character U+D800 is no text", id="half a character"),
        pytest.param(
            "- {x: 1, y: 2}\n---\n" * 9_999 + "[x" + ", x" * (MOST_VALUES - 20_000),
            f"line 19999: more than {MOST_VALUES:,} values",
            id="values of all documents",
        ),
        pytest.param(
            f"a: {'9' * 5_000}",
            "line 1: a value cannot be read: "
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
        pytest.param('{"a": 1, "a": 2}', "line 1: the key 'a' is given twice", id="duplicate key"),
        pytest.param('{\n"a": 1,\n"\\u0061": 2}', "line 3: the key 'a' is given twice", id="duplicate key in disguise"),
        pytest.param('{"a": ' * 100_000, f"line 1: nested more than {DEEPEST} levels deep", id="deep"),
        pytest.param('{"a": 1', "line 1: not JSON: Expecting ',' delimiter", id="cut off"),
        pytest.param(
            "[" + "1,\n" * (MOST_VALUES + 1), f"line {MOST_VALUES}: more than {MOST_VALUES:,} values", id="too many"
        ),
        pytest.param('{"a": NaN}', "line 1: a value cannot be read: NaN is no JSON", id="no number"),
        pytest.param(
            f'{{"a": {"9" * 5_000}}}',
            "line 1: a value cannot be read: a number of 5,000 digits",
            id="endless number",
        ),
    ],
)
def test_faults_of_json_are_one_line(text: str, message: str) -> None:
    """Hostile or broken JSON ends the same way."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        load_documents(text, as_json=True)


def test_what_kubernetes_reads_as_text_is_text() -> None:
    """Numbers to base 60 are those of YAML 1.1 alone: a port mapping stays the text that Kubernetes reads."""
    assert load_documents("a: 22:30\nb: 0o17\nc: 0x10\nd: 'no'\ne: no\nf: ~\ng: !!str 1\n") == [
        {"a": "22:30", "b": "0o17", "c": 16, "d": "no", "e": False, "f": None, "g": "1"}
    ]


def test_of_large_definitions_only_the_name_is_kept() -> None:
    """Schemas of custom resources are most of a rendering, and nothing is ever asked of them."""
    crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec: {b: [1]}\n"

    assert load_documents(crd) == [
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "a"}}
    ]


def test_merge_keys_yield_to_what_is_written_and_to_what_comes_before() -> None:
    """A key of the mapping itself counts, then the first of the mappings that are merged."""
    text = "a: &a {x: 1, y: 1, z: 1}\nb: &b {y: 2, z: 2, w: 2}\nc: {<<: [*a, *b], z: 3}\nd: {z: 3, <<: *b}\n"

    assert load_documents(text)[0]["c"] == {"x": 1, "y": 1, "w": 2, "z": 3}
    assert load_documents(text)[0]["d"] == {"y": 2, "w": 2, "z": 3}


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(VALUES, min_size=1, max_size=3), st.sampled_from([True, False, None]))
def test_what_is_written_is_read_again(values: list[Any], style: Any) -> None:
    """Whatever a program writes as YAML, in any style, is read as the same values."""
    assert load_documents(yaml.safe_dump_all(values, default_flow_style=style)) == values


@given(VALUES)
def test_what_is_written_as_json_is_read_again(value: Any) -> None:
    """The same for JSON."""
    assert load_documents(json.dumps(value), as_json=True) == [value]


def test_files_are_read_as_by_the_reader_that_everybody_has() -> None:
    """The manifests of this repository give the values that PyYAML gives."""
    files = [*ROOT.glob("*.yaml"), *(ROOT / "docs").rglob("*.yaml"), *(ROOT / "tests/rules/fixtures").rglob("*.yaml")]
    texts = {file: file.read_text("utf-8") for file in sorted(files)}

    assert len(texts) >= 120
    assert [
        file
        for file, text in texts.items()
        if load_documents(text) != list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    ] == []
