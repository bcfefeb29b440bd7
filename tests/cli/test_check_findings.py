"""All that `voltaic check` says beside the verdict: findings with their places, levels, waivers, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Voltaic = Callable[..., Result]

ROOT: Final = Path(__file__).parents[2]
BASE: Final = (ROOT / "tests/rules/fixtures/baseline/tgi.yaml").read_text("utf-8")
PAGE: Final = (ROOT / "tests/rules/fixtures/baseline/page.yaml").read_text("utf-8")
IMAGE: Final = "ghcr.io/huggingface/text-generation-inference:3.0.1"
DIGEST: Final = BASE.partition(IMAGE)[2].partition("\n")[0]
WITHOUT_DIGEST: Final = BASE.replace(DIGEST, "")
"""A server that is accepted, about which `image-digest` has advice."""
REFUSED: Final = BASE.replace("--num-shard=1", "--num-shard=2")


NO_MAPPING: Final = 'it holds no mapping from rules to levels, such as {{"vram-budget": "advisory"}}'


def waiving(text: str, *waivers: str) -> str:
    """Return a manifest with these waivers among the annotations of its object."""
    lines = "".join(f"    voltaic/waive-{waiver}\n" for waiver in waivers)
    return text.replace("  name: llm\n", f"  name: llm\n  annotations:\n{lines}", 1)


def findings(result: Result) -> list[dict[str, Any]]:
    """Return all findings of a check document."""
    return [finding for entry in json.loads(result.stdout)["workloads"] for finding in entry["findings"]]


def line_of(text: str, words: str) -> int:
    """Return the number of the line in which some words stand."""
    return text[: text.index(words)].count("\n") + 1


def test_a_manifest_in_order_has_no_finding(voltaic: Voltaic) -> None:
    """Nothing is said where nothing is wrong."""
    result = voltaic("check", "-", "--json", input=BASE)

    assert findings(result) == []
    assert result.exit_code == 0


def test_advice_has_its_place_and_refuses_nothing(voltaic: Voltaic) -> None:
    """A finding of hygiene is advice for the manifests of others, and points at its field."""
    result = voltaic("check", "-", "--json", input=WITHOUT_DIGEST)

    (finding,) = findings(result)
    assert {
        key: finding[key] for key in ("rule", "level", "outcome", "policy", "file", "document", "path", "waived")
    } == {
        "rule": "image-digest",
        "level": "advisory",
        "outcome": "violation",
        "policy": "image-digest",
        "file": "-",
        "document": 1,
        "path": "spec.template.spec.containers[0].image",
        "waived": None,
    }
    assert (finding["line"], finding["column"]) == (line_of(WITHOUT_DIGEST, "image: "), 9)
    assert result.exit_code == 0


def test_findings_of_the_verdict_stand_among_the_others(voltaic: Voltaic) -> None:
    """What the plan says is said again with its place: at the option that it is about, or at the container."""
    result = voltaic("check", "-", "--json", input=REFUSED)

    (entry,) = json.loads(result.stdout)["workloads"]
    (planned,) = entry["plan"]["findings"]
    (told,) = entry["findings"]
    assert planned == {key: told[key] for key in planned}
    assert (told["rule"], told["path"]) == ("engine-model-support", "spec.template.spec.containers[0]")
    assert told["line"] == line_of(REFUSED, "- name: tgi")
    assert (entry["judgement"], entry["plan"]["verdict"], result.exit_code) == ("refuse", "refuse", 1)


def test_chat_pages_are_read_too(voltaic: Voltaic) -> None:
    """A page is no model server, and the rules about pages are asked of it."""
    text = PAGE.replace("http://llm:8080", "llm:8080")
    assert text != PAGE

    result = voltaic("check", "-", "--json", input=text)

    entries = [entry for entry in json.loads(result.stdout)["workloads"] if entry["findings"]]
    assert [(entry["recognised"], entry["plan"], entry["judgement"]) for entry in entries] == [(None, None, "accept")]
    assert "webui-url" in {finding["rule"] for entry in entries for finding in entry["findings"]}


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        (WITHOUT_DIGEST, (), 0),
        (WITHOUT_DIGEST, ("--fail-on", "mandatory"), 0),
        (WITHOUT_DIGEST, ("--fail-on", "advisory"), 1),
        (BASE, ("--fail-on", "advisory"), 0),
        (waiving(WITHOUT_DIGEST, "image-digest: The mirror keeps tags."), ("--fail-on", "advisory"), 0),
        (waiving(WITHOUT_DIGEST, 'image-digest: " "'), ("--fail-on", "advisory"), 1),
        (waiving(BASE, "image-digest: It has one."), ("--fail-on", "advisory"), 1),
        (waiving(REFUSED, "engine-model-support: Tried."), (), 0),
        (waiving(REFUSED, "vram-budget: Tried."), (), 1),
    ],
)
def test_the_exit_code_counts_what_nobody_waived(
    voltaic: Voltaic, text: str, words: tuple[str, ...], code: int
) -> None:
    """Advice refuses where it is asked to; a waiver with a reason counts for what it names, and for nothing else."""
    assert voltaic("check", "-", "--json", *words, input=text).exit_code == code


def test_a_waiver_is_shown_with_its_reason(voltaic: Voltaic) -> None:
    """It is counted, never silent."""
    text = waiving(WITHOUT_DIGEST, "image-digest: The mirror keeps tags.")

    assert [finding["waived"] for finding in findings(voltaic("check", "-", "--json", input=text))] == [
        "The mirror keeps tags."
    ]
    printed = voltaic("check", "-", input=text, env={"COLUMNS": "200"}).stdout
    assert f"Waived: 1\n-:{line_of(text, 'image: ')}  image-digest  The mirror keeps tags.\n" in printed
    assert "; waived: 1;" in printed.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (waiving(WITHOUT_DIGEST, 'image-digest: ""'), ["image-digest", "waiver-in-use"]),
        (waiving(BASE, "image-digest: It has one."), ["waiver-in-use"]),
        (waiving(BASE, "image-digset: The mirror keeps tags."), ["waiver-in-use"]),
    ],
    ids=["no reason", "nothing to waive", "no such rule"],
)
def test_a_waiver_that_waives_nothing_is_said(voltaic: Voltaic, text: str, says: list[str]) -> None:
    """Each is advice, at the annotation."""
    found = findings(voltaic("check", "-", "--json", input=text))

    assert [finding["rule"] for finding in found] == says
    assert [finding["waived"] for finding in found] == [None] * len(says)
    assert (found[-1]["level"], found[-1]["line"]) == ("advisory", line_of(text, "voltaic/waive-"))


def test_levels_come_from_a_file(voltaic: Voltaic, tmp_path: Path) -> None:
    """A rule can be made to refuse, and to be silent; `all` holds for what is not named."""
    levels = tmp_path / "levels.yaml"
    levels.write_text("image-digest: {enforcementLevel: mandatory}\n", "utf-8")
    result = voltaic("check", "-", "--json", "--levels", str(levels), input=WITHOUT_DIGEST)
    (entry,) = json.loads(result.stdout)["workloads"]
    assert (entry["judgement"], entry["plan"]["verdict"], entry["findings"][0]["level"]) == (
        "refuse",
        "accept",
        "mandatory",
    )
    assert result.exit_code == 1

    levels.write_text('{"all": "disabled"}', "utf-8")
    result = voltaic("check", "-", "--json", "--levels", str(levels), input=REFUSED)
    assert (findings(result), result.exit_code) == ([], 0)


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (
            "image-digset: advisory\nvram-budget: off\nall: none\n",
            [
                "  --levels {file}: image-digset: there is no such rule; did you mean image-digest?",
                "  --levels {file}: vram-budget: False is no level; there are mandatory, advisory, disabled",
                "  --levels {file}: all: 'none' is no level; there are mandatory, advisory, disabled",
            ],
        ),
        ("a: 1\na: 2\n", ["voltaic check: --levels {file}: line 2: the key 'a' is given twice"]),
        (
            "- a\n",
            [f"voltaic check: --levels {{file}}: {NO_MAPPING}"],
        ),
        (None, ["voltaic check: --levels {file}: No such file or directory"]),
    ],
    ids=["names and levels", "no YAML", "no mapping", "no file"],
)
def test_a_file_of_levels_that_cannot_be_used_is_bad_input(
    voltaic: Voltaic, tmp_path: Path, content: str | None, faults: list[str]
) -> None:
    """All its faults are said at once, and nothing is judged."""
    file = tmp_path / "levels.yaml"
    if content is not None:
        file.write_text(content, "utf-8")

    result = voltaic("check", "-", "--levels", str(file), input=BASE)

    assert result.stderr.splitlines()[-len(faults) :] == [fault.format(file=file) for fault in faults]
    assert (result.stdout, result.exit_code) == ("", 2)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("--fail-on", "notes"), "--fail-on: 'notes' is none; there are mandatory, advisory"),
        (("--format", "xml"), "--format: 'xml' is none; there are text, json, sarif, github"),
        (("--json", "--format", "sarif"), "--json, --format sarif: both write to stdout; give one"),
    ],
)
def test_options_that_there_are_not_are_bad_input(voltaic: Voltaic, words: tuple[str, ...], fault: str) -> None:
    """The message names what there is."""
    result = voltaic("check", "-", *words, input=BASE)

    assert fault in result.stderr
    assert result.exit_code == 2


def test_an_object_that_stands_beside_a_pod_is_that_of_its_folder(voltaic: Voltaic, tmp_path: Path) -> None:
    """A Service of another environment that selects the same labels says nothing about this one."""
    service = (
        "kind: Service\nmetadata: {name: llm}\nspec: {selector: {app: llm}, ports: [{port: 80, targetPort: 99}]}\n"
    )
    open_service = service.replace("ports:", "type: LoadBalancer, ports:")
    server = BASE.replace("  namespace: team-a\n", "").replace(
        "- name: API_KEY\n          valueFrom: {secretKeyRef: {name: llm, key: key}}", "- {name: A, value: b}"
    )
    for place, text in (("a/one.yaml", server), ("b/two.yaml", open_service)):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(text, "utf-8")

    assert findings(voltaic("check", str(tmp_path), "--json")) == []

    (tmp_path / "a/two.yaml").write_text(open_service, "utf-8")
    found = {finding["rule"] for finding in findings(voltaic("check", str(tmp_path), "--json"))}
    assert "exposed-without-key" in found


STACK: Final = """\
config:
  voltaic:profile: v100-1gpu
  voltaic:model: meta-llama/Llama-2-13b-chat-hf
  voltaic:shards: 2
"""


def test_findings_about_a_stack_point_at_the_setting(voltaic: Voltaic, tmp_path: Path) -> None:
    """What does not fit points at the model, what is split wrongly at the shards."""
    path = tmp_path / "Pulumi.mine.yaml"
    path.write_text(STACK, "utf-8")

    found = findings(voltaic("check", str(path), "--json"))

    assert {finding["rule"]: (finding["path"], finding["line"]) for finding in found} == {
        "engine-model-support": ("config.voltaic:model", 3),
        "single-gpu-shard": ("config.voltaic:shards", 4),
        "vram-budget": ("config.voltaic:model", 3),
    }


def test_faults_of_a_stack_file_have_their_lines(voltaic: Voltaic, tmp_path: Path) -> None:
    """Each setting that cannot be used is named with the line in which it stands."""
    path = tmp_path / "Pulumi.mine.yaml"
    path.write_text(STACK.replace("shards: 2", "shards: x") + "  voltaic:modle: y\n", "utf-8")

    result = voltaic("check", str(path), "--json")

    (error,) = json.loads(result.stdout)["errors"]
    assert [fault.partition(":")[0] for fault in error["faults"]] == ["line 4", "line 5"]
    assert (error["line"], result.exit_code) == (4, 2)


def test_secrets_are_in_no_output(voltaic: Voltaic) -> None:
    """Values of secret options and variables are shown by no format."""
    text = BASE.replace("--num-shard=1", "--num-shard=2").replace(
        "- {name: HF_HOME, value: /data}", "- {name: HF_TOKEN, value: hf_thisisaverysecrettoken1234567890}"
    )

    for form in ("text", "json", "sarif", "github"):
        assert "verysecret" not in voltaic("check", "-", "--format", form, input=text).stdout


def test_a_secret_that_stands_in_a_name_too_is_hidden_in_findings(voltaic: Voltaic) -> None:
    """Whatever a message quotes, the value of a secret is taken out of it."""
    text = BASE.replace("mistralai/Mistral-7B-Instruct-v0.2", "nobody/hunter2hunter2").replace(
        "- {name: HF_HOME, value: /data}", "- {name: HF_TOKEN, value: hunter2hunter2}"
    )

    messages = [finding["message"] for finding in findings(voltaic("check", "-", "--json", input=text))]

    assert any("nobody/(hidden)" in message for message in messages)
    assert not any("hunter2" in message for message in messages)
