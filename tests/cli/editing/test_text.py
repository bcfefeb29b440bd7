"""Edits of a stack file leave everything else as it was, to the byte."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.editing.text import Uneditable, edited, scalar

FILE = """\
# Two GPUs
encryptionsalt: v1:abc=:v1:def:ghi
config:
  # who pays
  voltaic:profile: v100-2gpu   # the node
  voltaic:hfToken:
    secure: AAABAKQ+x/y=
  "voltaic:model": 'a/b' # quoted
  voltaic:extraArgs:
  - --validation-workers
  - "4"
  other:key: true
  # the end
# after
"""


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ({"voltaic:model": "c/d"}, "'a/b' # quoted", "'c/d' # quoted"),
        ({"voltaic:profile": "v100-1gpu"}, "v100-2gpu   # the node", "v100-1gpu   # the node"),
        ({"voltaic:gpus": 1}, "  other:key: true\n", "  other:key: true\n  voltaic:gpus: 1\n"),
        ({"voltaic:engineVersion": "3.0.1"}, "key: true\n", 'key: true\n  voltaic:engineVersion: "3.0.1"\n'),
        ({"voltaic:model": None}, "  \"voltaic:model\": 'a/b' # quoted\n", ""),
        (
            {"voltaic:extraArgs": ["--x"]},
            '  voltaic:extraArgs:\n  - --validation-workers\n  - "4"\n',
            '  voltaic:extraArgs: ["--x"]\n',
        ),
        ({"voltaic:extraArgs": None}, '  voltaic:extraArgs:\n  - --validation-workers\n  - "4"\n', ""),
        ({"voltaic:hfToken": None}, "  voltaic:hfToken:\n    secure: AAABAKQ+x/y=\n", ""),
        ({"voltaic:absent": None}, "", ""),
        ({}, "", ""),
    ],
)
def test_only_what_is_asked_for_changes(changes: dict[str, object], old: str, new: str) -> None:
    """Comments, order, quotes, encrypted values and keys of others stay as they are."""
    assert edited(FILE, changes) == FILE.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "config:\n  voltaic:gpus: 2\n"),
        ("# only a comment\n", "# only a comment\nconfig:\n  voltaic:gpus: 2\n"),
        ("encryptionsalt: x", "encryptionsalt: x\nconfig:\n  voltaic:gpus: 2\n"),
        ("config: {}\n", "config:\n  voltaic:gpus: 2\n"),
        ("config:\nfoo: 1\n", "config:\n  voltaic:gpus: 2\nfoo: 1\n"),
        ("config: # all\n", "config: # all\n  voltaic:gpus: 2\n"),
        ("config:\r\n    a:b: c\r\n", "config:\r\n    a:b: c\r\n    voltaic:gpus: 2\r\n"),
        ("config:\n  a:b: c", "config:\n  a:b: c\n  voltaic:gpus: 2\n"),
        ("config:\n  voltaic:gpus: '1'\n", "config:\n  voltaic:gpus: '2'\n"),
        ("config:\n  voltaic:gpus: # none\n", "config:\n  voltaic:gpus: 2 # none\n"),
        ("config:\n  a:b: |\n    text\n\n# end\n", "config:\n  a:b: |\n    text\n  voltaic:gpus: 2\n\n# end\n"),
    ],
)
def test_a_key_is_added_to_a_file_of_any_shape(text: str, expected: str) -> None:
    """A file that is empty, has no configuration, other line ends or no last line end takes a new key."""
    assert edited(text, {"voltaic:gpus": 2}) == expected


def test_the_last_key_leaves_a_configuration_behind() -> None:
    """What is empty then is still a mapping."""
    assert edited("config:\n  voltaic:gpus: 2\nfoo: 1\n", {"voltaic:gpus": None}) == "config: {}\nfoo: 1\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config: {a:b: c}\n", "config is written in braces: write one setting a line"),
        ("config: [1]\n", "config is no mapping of keys"),
        ("- 1\n", "not one mapping of keys"),
        ("config:\n  a: [\n", "not YAML (line 3)"),
        ("x: &x\n  a:b: 1\nconfig:\n  <<: *x\n", "this YAML is written in a way that cannot be edited safely"),
    ],
)
def test_what_only_a_person_can_edit_is_said(text: str, message: str) -> None:
    """A file whose edit would not say what was asked for is not edited."""
    with pytest.raises(Uneditable) as fault:
        edited(text, {"voltaic:gpus": 2, "a:b": None})
    assert str(fault.value).startswith(message)


@pytest.mark.parametrize(
    ("value", "style", "expected"),
    [
        ("mistralai/Mistral-7B-Instruct-v0.2", None, "mistralai/Mistral-7B-Instruct-v0.2"),
        ("0123456", None, '"0123456"'),
        ("12e5678", None, '"12e5678"'),
        ("no", None, '"no"'),
        ("true", None, '"true"'),
        ("a: b", None, '"a: b"'),
        ("it's", "'", "'it''s'"),
        (2, '"', '"2"'),
        (True, None, "true"),
        ({"team": "nlp"}, None, '{"team": "nlp"}'),
    ],
)
def test_a_value_is_read_back_as_it_was_meant(value: object, style: str | None, expected: str) -> None:
    """Text that looks like a number or a truth value is quoted."""
    assert scalar(value, style) == expected


VALUES = st.one_of(
    st.text(min_size=1, max_size=30), st.integers(0, 10**9), st.booleans(), st.lists(st.text(max_size=8), max_size=3)
)
KEYS = st.sampled_from(["voltaic:model", "voltaic:profile", "voltaic:gpus", "voltaic:extraArgs", "voltaic:x"])


def as_pulumi_reads(value: object) -> object:
    """Return a value as Pulumi hands it over: `2` and `"2"` are the same."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else value


@settings(deadline=None)
@given(st.dictionaries(KEYS, st.one_of(st.none(), VALUES), max_size=5))
def test_any_change_is_made_and_nothing_else(changes: dict[str, object]) -> None:
    """Whatever is set is read back, the rest is as before, and lines of other keys stay to the byte."""
    found = edited(FILE, changes)

    before, after = yaml.safe_load(FILE), yaml.safe_load(found)
    wanted = {key: value for key, value in {**before["config"], **changes}.items() if value is not None}
    assert {key: as_pulumi_reads(value) for key, value in after["config"].items()} == {
        key: as_pulumi_reads(value) for key, value in wanted.items()
    }
    assert after["encryptionsalt"] == before["encryptionsalt"]
    kept = ("# Two GPUs", "  voltaic:hfToken:\n    secure: AAABAKQ+x/y=\n", "  # who pays", "  # the end\n# after\n")
    assert [part for part in kept if part not in found] == []
