"""What `voltaic check` prints for machines: SARIF and annotations, and no byte that a manifest could misuse."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from jsonschema import Draft202012Validator
from rich.text import Text

from cli.check_github import command
from cli.check_sarif import uri
from cli.output import console
from cli.printable import printable
from voltaic.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT: Final = Path(__file__).parents[2]
SCHEMA: Final = json.loads((ROOT / "tests/cli/sarif.schema.json").read_text("utf-8"))
BASE: Final = (ROOT / "tests/rules/fixtures/baseline/tgi.yaml").read_text("utf-8")
IMAGE: Final = "ghcr.io/huggingface/text-generation-inference:3.0.1"
DIGEST: Final = BASE.partition(IMAGE)[2].partition("\n")[0]
BOTH: Final = BASE.replace(DIGEST, "").replace("--num-shard=1", "--num-shard=2")
"""A server that is refused, with advice beside."""
WAIVED: Final = BOTH.replace(
    "  name: llm\n", "  name: llm\n  annotations:\n    voltaic/waive-image-digest: The mirror keeps tags.\n", 1
)


def log_of(result: Result) -> dict[str, Any]:
    """Return the one run of a SARIF log, which meets the schema."""
    log = json.loads(result.stdout)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(log)] == []
    (run,) = log["runs"]
    return dict(run)


def test_sarif_has_rules_results_and_places(voltaic: Voltaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is an error, advice a warning; each points at its line and knows its rule."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my llm.yaml").write_text(BOTH, "utf-8")

    result = voltaic("check", ".", "--format", "sarif")

    run = log_of(result)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == [rule.id for rule in catalogue.catalogue()]
    assert [(one["ruleId"], one["level"], rules[one["ruleIndex"]]) for one in run["results"]] == [
        ("engine-model-support", "error", "engine-model-support"),
        ("image-digest", "warning", "image-digest"),
    ]
    physical = run["results"][1]["locations"][0]["physicalLocation"]
    line = BOTH[: BOTH.index("image: ")].count("\n") + 1
    assert physical == {
        "artifactLocation": {"uri": "my%20llm.yaml"},
        "region": {"startLine": line, "startColumn": 9},
    }
    assert run["invocations"][0] == {"executionSuccessful": True, "exitCode": 1, "toolExecutionNotifications": []}
    assert result.exit_code == 1


def test_every_rule_of_sarif_says_why_and_what_to_do(voltaic: Voltaic) -> None:
    """Code scanning shows the help of a rule beside its findings."""
    rules = log_of(voltaic("check", "-", "--format", "sarif", input=BASE))["tool"]["driver"]["rules"]

    for shown, rule in zip(rules, catalogue.catalogue(), strict=True):
        assert rule.why in shown["help"]["text"]
        assert rule.fix in shown["help"]["text"]
        assert shown["properties"]["tags"] == [catalogue.family(rule)]


def test_what_is_waived_is_suppressed_with_its_reason(voltaic: Voltaic) -> None:
    """Code scanning closes such an alert, and shows why."""
    results = log_of(voltaic("check", "-", "--format", "sarif", input=WAIVED))["results"]

    assert {one["ruleId"]: one.get("suppressions") for one in results} == {
        "engine-model-support": None,
        "image-digest": [{"kind": "inSource", "status": "accepted", "justification": "The mirror keeps tags."}],
    }


def prints(voltaic: Voltaic, text: str) -> list[str]:
    """Return the fingerprints of all findings."""
    results = log_of(voltaic("check", "-", "--format", "sarif", input=text))["results"]
    return [one["partialFingerprints"]["voltaicFinding/v1"] for one in results]


def test_fingerprints_stay_where_lines_move(voltaic: Voltaic) -> None:
    """Comments, other documents, and arguments before do not make a finding another one; another object does."""
    before = prints(voltaic, BOTH)

    moved = "# words\n\nkind: ConfigMap\n---\n" + BOTH.replace("        args:\n", "        # more\n        args:\n")
    assert prints(voltaic, moved) == before
    assert set(prints(voltaic, BOTH.replace("  name: llm\n", "  name: other\n", 1))).isdisjoint(before)
    twice = prints(voltaic, f"{BOTH}---\n{BOTH}")
    assert len(twice) == len(set(twice)) == 2 * len(before)


def test_what_cannot_be_read_is_told_in_sarif(voltaic: Voltaic, tmp_path: Path) -> None:
    """The run did not succeed, and says where."""
    path = tmp_path / "bad.yaml"
    path.write_text("a: 1\na: 2\n", "utf-8")

    invocation = log_of(voltaic("check", str(path), "--format", "sarif"))["invocations"][0]

    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 2)
    (told,) = invocation["toolExecutionNotifications"]
    assert told["message"]["text"] == "line 2: the key 'a' is given twice"
    assert told["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": path.as_uri()},
        "region": {"startLine": 2},
    }


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("-", "stdin"),
        ("./a/b c.yaml", "a/b%20c.yaml"),
        ("a/../b.yaml", "b.yaml"),
        ("é.yaml", "%C3%A9.yaml"),
        ("a\udcff.yaml", "a%FF.yaml"),
        ("/elsewhere/a.yaml", "file:///elsewhere/a.yaml"),
    ],
)
def test_files_are_named_by_address(file: str, expected: str) -> None:
    """Relative to where the command was run, so that code scanning finds them in the repository."""
    assert uri(file) == expected


def test_annotations_come_worst_first_with_all_numbers_behind(voltaic: Voltaic, tmp_path: Path) -> None:
    """GitHub shows the first ten: what refuses is an error, advice a warning, what is waived a notice."""
    path = tmp_path / "a,b.yaml"
    path.write_text(f"{WAIVED}---\n{BASE.replace('llm', 'other').replace(DIGEST, '')}", "utf-8")

    result = voltaic("check", str(path), "--format", "github")

    lines = result.stdout.splitlines()
    assert [re.split(r"[ ,:]+", line)[1] for line in lines[:-1]] == ["error", "warning", "notice"]
    place = f"::error file={tmp_path}/a%2Cb.yaml,line={WAIVED[: WAIVED.index('- name: tgi')].count(chr(10)) + 1},col=9,"
    assert lines[0].startswith(f"{place}title=engine-model-support (mandatory%2C violation)::TGI 3.0.1 cannot serve")
    assert "%0AWay out: Write --num-shard 1" in lines[0]
    assert lines[2].partition("::Waived: ")[2].startswith("The mirror keeps tags.%0AThe image")
    assert lines[3] == (
        "voltaic check: 2 model servers: 1 refused, 1 accepted; 1 advisory finding; waived: 1; 0 objects not judged; "
        "0 files unreadable."
    )
    assert (result.stderr, result.exit_code) == ("", 1)


def test_a_file_that_cannot_be_read_is_an_annotation(voltaic: Voltaic, tmp_path: Path) -> None:
    """It stands at its line."""
    path = tmp_path / "bad.yaml"
    path.write_text("a: 1\na: 2\n", "utf-8")

    result = voltaic("check", str(path), "--format", "github")

    assert result.stdout.splitlines()[0] == (
        f"::error file={path},line=2,title=unreadable::line 2: the key 'a' is given twice"
    )
    assert result.exit_code == 2


def test_a_workflow_command_cannot_be_ended_by_what_is_in_it() -> None:
    """Ends of lines, percent signs, colons and commas are written as the runner reads them back."""
    found = command("error", "100 %\r\n::stop-commands::x\x1b", file="a:b,c%\n.yaml", line=3, col=None)

    assert found == "::error file=a%3Ab%2Cc%25%0A.yaml,line=3::100 %25␍%0A::stop-commands::x␛"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain: é 漢 …", "plain: é 漢 …"),
        ("\x1b[31mred\x07\x00", "␛[31mred␇␀"),
        ("a\u202eb\u200bc\ufeff", "a\ufffdb\ufffdc\ufffd"),
        ("a\x9bb\x7f\u2028\udcff", "a\ufffdb␡ \ufffd"),
        ("a\nb\tc", "a\nb␉c"),
    ],
)
def test_what_is_not_visible_is_made_so(text: str, shown: str) -> None:
    """Escape sequences, marks that turn the direction of writing, and halves of characters: one sign each."""
    assert printable(text, keep="\n") == shown
    assert len(shown) == len(text)


EVIL: Final = "\\e[2J\\n::error::y\\e]0;title\\a\\r::error::x\\u202e\\u200b\\x9b31m"
CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\u2028]")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
@pytest.mark.parametrize(
    "spoilt",
    [
        BASE.replace("--model-id=mistralai/Mistral-7B-Instruct-v0.2", f'"--model-id={EVIL}"'),
        BASE.replace("  name: llm\n", f'  name: "{EVIL}"\n', 1),
        BASE.replace("- name: tgi", f'- name: "{EVIL}"', 1),
        BASE.replace(f"image: {IMAGE}{DIGEST}", f'image: "{IMAGE}{EVIL}"'),
        BASE.replace("--usage-stats=off", f'"--{EVIL}"'),
        WAIVED.replace("The mirror keeps tags.", f'"{EVIL}"'),
        f'"{EVIL}": 1\n"{EVIL}": 2\n',
        'kind: Pod\nspec: {containers: [{image: "${{{{ {EVIL} }}}}"}]}\n'.replace("EVIL", EVIL),
    ],
    ids=["model", "name", "container", "image", "option", "waiver", "key", "template"],
)
def test_no_manifest_writes_to_the_terminal(voltaic: Voltaic, form: str, spoilt: str) -> None:
    """Nothing that stands in a manifest reaches a terminal or a log as a control character."""
    assert spoilt != BASE

    result = voltaic("check", "-", "--format", form, input=spoilt)

    assert CONTROL.findall(result.stdout) == []
    assert CONTROL.findall(result.stderr) == []
    assert [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("::error::")] == []


def test_the_console_shows_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a command prints for people, tables included."""
    console().print(Text("a\x1b[2Jb"), "c\x9bd")

    assert capsys.readouterr().out == "a␛[2Jb c\ufffdd\n"


def test_no_name_of_a_file_writes_to_the_terminal(voltaic: Voltaic, tmp_path: Path) -> None:
    """Names of files are shown as safely as what is in them, those that cannot be read too."""
    (tmp_path / "a\x1b[31m\n::error::.yaml").write_text(BOTH, "utf-8")
    (tmp_path / "b\x1b[31m.yaml").write_text("a: [", "utf-8")
    (tmp_path / "c\x1b[31m").mkdir()
    (tmp_path / "c\x1b[31m/Chart.yaml").write_text("name: c\n", "utf-8")
    (tmp_path / "c\x1b[31m/template.yaml").write_text("{{- if .a }}\n", "utf-8")

    for form in ("text", "json", "sarif", "github"):
        result = voltaic("check", str(tmp_path), "--format", form)
        assert CONTROL.findall(result.stdout + result.stderr) == []
        assert [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("::error::")] == []
