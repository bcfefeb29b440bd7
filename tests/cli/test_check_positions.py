"""Fields of a document are found in their file, or the nearest that is there."""

from __future__ import annotations

import json

import pytest

from cli.check_positions import positions

YAML = """\
# a comment
apiVersion: v1
kind: List
items:
- kind: Pod
  spec: &spec
    containers:
    - name: tgi
      args: [--model-id, gpt2,
             "--num-shard"]
      resources:
        limits:
          nvidia.com/gpu: 2
          nvidia: 1
---
kind: Pod
spec:
  containers:
  - image: x
    env:
      - {name: A, value: "1"}
      - name: B
---
- - kind: a
  - {kind: b}
"""


@pytest.mark.parametrize(
    ("number", "path", "line", "column"),
    [
        (1, "", 2, 1),
        (1, "kind", 3, 1),
        (1, "items[0]", 5, 3),
        (1, "items[0].spec.containers[0]", 8, 7),
        (1, "items[0].spec.containers[0].args", 9, 7),
        (1, "items[0].spec.containers[0].args[1]", 9, 26),
        (1, "items[0].spec.containers[0].args[2]", 10, 14),
        (1, "items[0].spec.containers[0].resources.limits.nvidia.com/gpu", 13, 11),
        (1, "items[0].spec.containers[0].resources.limits.nvidia", 14, 11),
        (1, "items[0].spec.containers[0].livenessProbe.httpGet", 8, 7),
        (1, "items[0].spec.containers[3]", 7, 5),
        (1, "items[0].special", 5, 3),
        (2, "", 16, 1),
        (2, "spec.containers[0].env[0].value", 21, 19),
        (2, "spec.containers[0].env[1].name", 22, 9),
        (2, "spec.containers[0].image.more", 19, 5),
        (3, "[0][1].kind", 25, 6),
    ],
)
def test_a_field_is_found_at_its_key_or_item(number: int, path: str, line: int, column: int) -> None:
    """Keys may have dots; what is not there is found at the nearest of its ancestors that is."""
    found = positions(YAML, [(number, path)])[number, path]

    assert (line, column) == (found.line, found.column)


def test_many_fields_are_found_at_once() -> None:
    """One pass over the file answers for all of them, in whatever order they are asked for."""
    found = positions(YAML, [(2, "kind"), (1, "kind"), (2, "spec.containers[0].image"), (2, "spec")])

    assert [(at, found[at].line) for at in sorted(found)] == [
        ((1, "kind"), 3),
        ((2, "kind"), 16),
        ((2, "spec"), 17),
        ((2, "spec.containers[0].image"), 19),
    ]


def test_aliases_and_merge_keys_end_the_way() -> None:
    """What stands elsewhere is found at the alias, or at the mapping that merges it."""
    text = "a: &a\n  b: {c: 1}\nd: *a\ne:\n  <<: *a\n  f: 1\n"

    found = positions(text, [(1, "d.b.c"), (1, "e.b.c"), (1, "a.b.c")])

    assert {path: (at.line, at.column) for (_, path), at in found.items()} == {
        "d.b.c": (3, 1),
        "e.b.c": (4, 1),
        "a.b.c": (2, 7),
    }


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_fields_of_json_are_found_too(indent: int | str | None) -> None:
    """JSON has lines as its writer set them; strings with signs in them do not confuse."""
    content = {"a": [{"b{": "}]"}, {'c"d': ["x", -1.5e3, True]}], "e\u00e9": {"f": None}}
    text = json.dumps(content, indent=indent)
    wanted = {'a[1].c"d[1]': "-1500.0", "e\u00e9.f": '"f"', "a[0].b{": '"b{"'}

    found = positions(text, [(1, path) for path in wanted])

    for path, begins in wanted.items():
        at = found[1, path]
        assert text.split("\n")[at.line - 1][at.column - 1 :].startswith(begins)


def test_several_documents_of_json_are_counted_as_they_were_read() -> None:
    """A stream of JSON with separators is read as YAML, and its fields are found by the same count."""
    at = positions('{"a": 1}\n---\n{\n"b": 2}\n', [(2, "b")])[2, "b"]

    assert (at.line, at.column) == (4, 1)


@pytest.mark.parametrize("text", ["", "a: [\n", "a: 1\n"])
def test_a_file_that_has_changed_gives_what_is_left(text: str) -> None:
    """A file that was written anew meanwhile is no fault: what cannot be found has no place."""
    assert (2, "a") not in positions(text, [(2, "a")])


def test_nothing_is_read_for_nothing() -> None:
    """A file about which nothing is said is not read again."""
    assert positions("a: [", []) == {}
