"""Files that want to hurt: one line says what is wrong, in bounded time and memory, and the others are judged."""

from __future__ import annotations

import json
import os
import string
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
import yaml

from bench.process import Cost, cost
from cli.bounds import MOST_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[2]
MOST_SECONDS: Final = 6.0
"""Seconds of processor time, start included: three times what the slowest takes, for machines that are slower."""
MOST_MEMORY: Final = 250_000_000
"""Bytes of resident memory at the highest."""
MIB: Final = 1 << 20
NAMES: Final = string.ascii_lowercase[:12]
ALIASES: Final = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(NAMES)
)
MERGES: Final = "a: &a {k: v}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n" for before, name in pairwise(NAMES)
)
MANY_DIGITS: Final = "Exceeds the limit (4300 digits) for integer string conversion: value has 1000000 digits"
SAME: Final = "b: &b {" + ", ".join(f"k{number}: 1" for number in range(2000)) + "}\n"


class Ended(NamedTuple):
    """How a run ended, and what it took."""

    cost: Cost
    document: dict[str, Any]
    faults: list[str]
    """Lines of stderr."""


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Ended]:
    """Return a function that runs `voltaic check --json` as a process of its own, and measures it."""

    def run(*words: str, stdin: str = os.devnull) -> Ended:
        out, err = tmp_path / "out", tmp_path / "err"
        command = [sys.executable, "-m", "cli", "check", *words, "--json"]
        with Path(stdin).open("rb") as given, out.open("wb") as stdout, err.open("wb") as stderr:
            used = cost(command, tmp_path / "cost", cwd=ROOT, stdin=given, stdout=stdout, stderr=stderr)
        return Ended(used, json.loads(out.read_text("utf-8")), err.read_text("utf-8").splitlines())

    return run


HOSTILE: Final[dict[str, tuple[str | bytes, str]]] = {
    "aliases": (ALIASES, f"line 6: its aliases stand for more than {MOST_VALUES:,} values"),
    "merge keys": (MERGES, f"line 7: its aliases stand for more than {MOST_VALUES:,} values"),
    "merge keys of one large mapping": (
        SAME + "c:\n" + "- {<<: *b}\n" * 5000,
        f"line 151: its aliases stand for more than {MOST_VALUES:,} values",
    ),
    "an alias within itself": ("a: &a [*a]\n", "line 1: an alias stands within what it stands for"),
    "50 MB": (b"a: 1\n" * 10 * MIB, "larger than 16 MiB; no manifest is"),
    "16 MB of values": (b"- x\n" * 4 * MIB, f"line {MOST_VALUES}: more than {MOST_VALUES:,} values"),
    "16 MB of flow": (b"[" + b"x," * 8 * (MIB - 1), f"line 1: more than {MOST_VALUES:,} values"),
    "16 MB of anchors": (b"- &a x\n" * 2 * MIB, f"line {MOST_VALUES}: more than {MOST_VALUES:,} values"),
    "deep": ("[" * 100_000, "line 1: nested more than 100 levels deep"),
    "deep in blocks": (
        "\n".join(" " * level + "a:" for level in range(2000)),
        "line 101: nested more than 100 levels deep",
    ),
    "deep on one line": ("- " * 100_000 + "x", "line 1: nested more than 100 levels deep"),
    "question marks": ("? " * 100_000, "line 1: nested more than 100 levels deep"),
    "braces that do not end": ("{ " * 100_000, "line 1: nested more than 100 levels deep"),
    "a tab": ("a:\n\tb: 1\n", "line 2: not YAML: found character that cannot start any token"),
    "a key twice": ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is given twice"),
    "a program": (b"\x7fELF" + bytes(range(256)) * 1000, "line 2: not UTF-8 text (byte 132)"),
    "zeros": (b"\0" * MIB, "line 1: the control character U+0000 is no text"),
    "half a character": (b"a: 1\nb: \xed\xa0\x80\n", "line 2: not UTF-8 text (byte 8)"),
    "utf-16": ("a: 1\n".encode("utf-16"), "line 1: UTF-16 text, which Kubernetes does not read; save it as UTF-8"),
    "100,000 documents": ("a: 1\n---\n" * 100_000, "line 20000: more than 10,000 documents"),
    "a huge number": (
        f"a: 1\nb: {'9' * 1_000_000}\n",
        f"line 2: a value cannot be read: {MANY_DIGITS}",
    ),
    "code": (
        "a: !!python/object/apply:os.system ['touch /tmp/x']\n",
        "line 1: the tag tag:yaml.org,2002:python/object/apply:os.system makes something that no manifest holds",
    ),
    "a tag of somebody": (
        "a: 1\nb: !vault |\n  abc\n",
        "line 2: the tag !vault makes something that no manifest holds",
    ),
    "directives": ("".join(f"%TAG !a{n}! x\n" for n in range(100_000)), "line 101: more than 100 %TAG directives"),
    "exclamation marks": (
        "!" * 16 * MIB,
        f"line 1: the tag tag:yaml.org,2002:{'!' * 274}…",
    ),
    "a template": (
        "a: 1\nb:\n  {{- if .Values.b }}\n  c: 1\n  {{- end }}\n",
        "line 3: a template ({{ … }}), which somebody has to render first: helm template CHART | voltaic check -",
    ),
    "escapes for terminals": ("a: '\x1b[2J'\n", "line 1: the control character U+001B is no text"),
}
JSON: Final[dict[str, tuple[str, str]]] = {
    "deep": ('{"a":' * 100_000, "line 1: nested more than 100 levels deep"),
    "empty lists": ("[" + "[],\n" * 4 * (MIB - 1), f"line {MOST_VALUES}: more than {MOST_VALUES:,} values"),
    "a key twice": ('{"a": 1,\n"a": 2}', "line 2: the key 'a' is given twice"),
    "cut off": ('{"a":\n{"b": 1', "line 2: not JSON: Expecting ',' delimiter"),
    "a string that does not end": ('{"a": "' + "\\" * 8 * MIB, "line 1: not JSON: Unterminated string starting at"),
    "quotes behind backslashes": ('["' + '\\"' * 8 * (MIB - 1), "line 1: not JSON: Unterminated string starting at"),
    "brackets that only close": ("[" + "}" * 16 * (MIB - 1), "line 1: not JSON: signs without values"),
    "colons": ("{" + ":" * 16 * (MIB - 1), "line 1: not JSON: signs without values"),
    "no number": ('{"a": Infinity}', "line 1: a value cannot be read: Infinity is no JSON"),
}
CASES: Final = [pytest.param("a.yaml", *case, id=f"yaml-{name}") for name, case in HOSTILE.items()] + [
    pytest.param("a.json", *case, id=f"json-{name}") for name, case in JSON.items()
]


@pytest.mark.parametrize(("name", "content", "message"), CASES)
def test_a_hostile_file_fails_alone_with_one_line(
    checked: Callable[..., Ended], tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    """The fault names file and line, the file beside it is judged, and time and memory stay bounded."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "good.yaml").write_bytes((ROOT / "tests/rules/fixtures/baseline/tgi.yaml").read_bytes())

    ended = checked(str(folder))

    assert ended.faults == [f"voltaic check: {folder / name}: {message}"]
    assert [entry["judgement"] for entry in ended.document["workloads"]] == ["accept"]
    assert ended.cost.code == 2
    assert ended.cost.memory <= MOST_MEMORY
    assert ended.cost.processor <= MOST_SECONDS


def test_an_endless_stream_is_read_to_the_bound(checked: Callable[..., Ended]) -> None:
    """What never ends is larger than any manifest."""
    ended = checked("-", stdin="/dev/zero")

    assert ended.faults == ["voltaic check: -: larger than 16 MiB; no manifest is"]
    assert (ended.cost.code, ended.cost.memory <= MOST_MEMORY, ended.cost.processor <= MOST_SECONDS) == (2, True, True)


def test_a_time_of_16_mb_is_text(checked: Callable[..., Ended], tmp_path: Path) -> None:
    """What looks like a number to base 60 is read in the same bounds."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"- 1" + b":1" * 8 * (MIB - 1))

    ended = checked(str(path))

    assert (ended.cost.code, ended.cost.memory <= MOST_MEMORY, ended.cost.processor <= MOST_SECONDS) == (0, True, True)


def test_a_large_rendering_is_read(checked: Callable[..., Ended], tmp_path: Path) -> None:
    """Definitions of ten thousand lines beside a server are what people have: read, in the same bounds."""
    server = (ROOT / "tests/rules/fixtures/baseline/tgi.yaml").read_text("utf-8")
    schema = {f"field{number}": {"type": "string", "description": "words " * 8} for number in range(2000)}
    crd = {"kind": "CustomResourceDefinition", "metadata": {"name": "a"}, "spec": schema}
    text = "---\n".join([yaml.dump(crd, Dumper=yaml.CSafeDumper)] * 40 + [server])
    path = tmp_path / "rendered.yaml"
    path.write_text(text, "utf-8")

    ended = checked(str(path))

    assert len(text) > 5 * MIB
    assert [entry["judgement"] for entry in ended.document["workloads"]] == ["accept"]
    assert (ended.cost.code, ended.cost.memory <= MOST_MEMORY) == (0, True)


def test_what_may_not_be_read_does_not_hide_the_others(
    checked: Callable[..., Ended], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A link to nothing, a pipe without a writer, and a circle of links: each has its line."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "good.yaml").write_bytes((ROOT / "tests/rules/fixtures/baseline/tgi.yaml").read_bytes())
    (folder / "gone.yaml").symlink_to(folder / "nowhere.yaml")
    (folder / "self.yaml").symlink_to(folder / "self.yaml")
    (folder / "again").symlink_to(folder)
    os.mkfifo(folder / "pipe.yaml")

    ended = checked(str(folder))

    assert ended.faults == [
        f"voltaic check: {folder}/gone.yaml: No such file or directory",
        f"voltaic check: {folder}/pipe.yaml: a pipe that nobody writes to",
        f"voltaic check: {folder}/self.yaml: Too many levels of symbolic links",
    ]
    assert [entry["judgement"] for entry in ended.document["workloads"]] == ["accept"]
