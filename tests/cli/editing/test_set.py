"""`voltaic set` and `voltaic model`: judged before they are written, undone to the byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.editing.edit import find, prepare
from cli.editing.history import last, undo, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Voltaic = Callable[..., Result]

PHI = "microsoft/phi-2"


def text(project: Path) -> str:
    """Return the stack file."""
    return (project / "Pulumi.two.yaml").read_text(encoding="utf-8")


def test_what_starts_is_written_and_nothing_else_changes(voltaic: Voltaic, project: Path) -> None:
    """Comments and encrypted values stay; the bill, what follows and the restart are shown."""
    before = text(project)

    result = voltaic("set", "model", PHI, "maxBatchSize=2")

    assert result.exit_code == 0
    assert text(project) == before.replace("mistralai/Mistral-7B-Instruct-v0.2", PHI) + "  voltaic:maxBatchSize: 2\n"
    assert "ACCEPTED  microsoft/phi-2 on 2 x v100-16gb" in result.stdout
    assert "  model: mistralai/Mistral-7B-Instruct-v0.2 → microsoft/phi-2\n" in result.stdout
    assert "  longest request with its answer, tokens: 6,144 → 2,048\n" in result.stdout
    assert "before ▚" in result.stdout
    assert "The server restarts: nobody answers for about 4 min (112 s download" in result.stdout
    assert "Undo: voltaic set --stack two --undo" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["quantization", "awq"], 1, "--quantize awq does nothing"),
        (["shards=2"], 1, "Sharded Mistral requires Flash"),
        (["maxTotalTokens=64000"], 1, "too much at the worst moment"),
        (["model=nobody/knows-it"], 3, "Add it with: voltaic models add"),
        (["gpus=3"], 2, "gpus: 3 is too large; allowed: 1 to 2"),
        (["profile-", "replicas=x"], 2, "2 faults"),
        (["modelCacheSize=2Gi"], 2, "2Gi cannot hold the checkpoint of 13.49 GiB"),
        (["gpuCount=2"], 2, "did you mean gpus?"),
        (["hfToken", "open-sesame"], 2, "pulumi config set --secret hfToken"),
        ([], 2, "nothing to change"),
        (["gpus=1", "--stack", "tow"], 2, "did you mean two?"),
        (["quantization=awq", "--force-unknown"], 1, "--quantize awq does nothing"),
        (["quantization=awq", "--take", "9"], 2, "--take 9: allowed: 1 to 1"),
        (["gpus=1", "--take", "1"], 2, "it is not refused; leave --take out"),
        (["gpus=1", "--undo"], 2, "--undo stands alone"),
        (["gpus=1", "--dry-run"], 0, "unchanged (--dry-run)"),
        (["model", "mistralai/Mistral-7B-Instruct-v0.2"], 0, "says that already"),
    ],
)
def test_the_file_stays_untouched_where_nothing_is_to_be_written(
    voltaic: Voltaic, project: Path, words: list[str], code: int, says: str
) -> None:
    """What is refused, unknown, wrong, only tried or the same already changes no byte and leaves no record."""
    before = text(project)

    result = voltaic("set", *words)

    assert (result.exit_code, text(project)) == (code, before)
    assert says in " ".join(result.output.split())
    assert "open-sesame" not in result.output
    assert not (project / ".voltaic").exists()


def test_a_refusal_names_ways_out_as_commands_of_this_program(voltaic: Voltaic, project: Path) -> None:
    """Each can be typed, and the first can be taken by its number."""
    refused = voltaic("set", "maxTotalTokens=64000")
    lines = [line.strip() for line in refused.stdout.splitlines()]
    commands = [line for line in lines if line.startswith("voltaic set")]
    assert refused.exit_code == 1
    assert "1." in refused.stdout
    assert commands[0].startswith("voltaic set --stack two maxTotalTokens=")
    assert "pulumi config set max" not in refused.stdout

    taken = voltaic("set", "maxTotalTokens=64000", "--take", "1", "--json")
    document = json.loads(taken.stdout)
    assert (taken.exit_code, document["written"]) == (0, True)
    asked = commands[0].split()[4:]
    assert [f"  voltaic:{word.replace('=', ': ')}" in text(project) for word in asked] == [True] * len(asked)


def test_what_cannot_be_judged_is_written_when_forced(voltaic: Voltaic, project: Path) -> None:
    """--force-unknown covers an unknown."""
    result = voltaic("model", "nobody/knows-it", "--force-unknown")
    assert result.exit_code == 0
    assert "voltaic:model: nobody/knows-it" in text(project)
    assert "voltaic up refuses it all the same, until: voltaic set allowUnknown true" in " ".join(result.stdout.split())


def test_a_stack_that_allows_unknown_takes_it_unforced(voltaic: Voltaic, project: Path) -> None:
    """The stack says it once for all."""
    assert voltaic("set", "model=nobody/knows-it", "allowUnknown=true").exit_code == 0
    assert "voltaic:model: nobody/knows-it" in text(project)


def test_undo_gives_the_bytes_back(voltaic: Voltaic, project: Path) -> None:
    """One change after the other, until none is left; --dry-run only says so."""
    before = text(project)
    voltaic("set", "gpus=1")
    voltaic("set", "replicas=2")

    tried = voltaic("set", "--undo", "--dry-run")
    first = voltaic("set", "--undo")
    second = voltaic("set", "--undo", "--json")
    third = voltaic("set", "--undo")

    assert "(--dry-run: not yet)" in tried.stdout
    assert "replicas: 2  (was not set)" in first.stdout
    assert json.loads(second.stdout)["undone"] == ["gpus: 1  (was not set)"]
    assert text(project) == before
    assert (third.exit_code, "no change of this program is left to undo" in third.stderr) == (2, True)


def test_undo_refuses_to_lose_an_edit_by_hand(voltaic: Voltaic, project: Path) -> None:
    """Exit code 1, and the file stays as it was edited."""
    voltaic("set", "gpus=1")
    (project / "Pulumi.two.yaml").write_text(text(project) + "# mine\n", encoding="utf-8")
    result = voltaic("set", "--undo")
    assert (result.exit_code, "was changed since" in result.stderr) == (1, True)
    assert text(project).endswith("# mine\n")


def test_a_model_takes_its_revision_along(voltaic: Voltaic, project: Path) -> None:
    """A revision belongs to its model: `voltaic model` removes it, `voltaic set model` says so."""
    assert voltaic("model", PHI, "--revision", "abc").exit_code == 0
    assert "  voltaic:modelRevision: abc\n" in text(project)

    warned = voltaic("set", "model=TinyLlama/TinyLlama-1.1B-Chat-v1.0")
    assert "remove it with: voltaic set modelRevision-" in " ".join(warned.stdout.split())

    assert voltaic("model", PHI).exit_code == 0
    assert "modelRevision" not in text(project)


def test_stated_limits_are_kept_and_judged(voltaic: Voltaic, project: Path) -> None:
    """A limit of the old model that the new one cannot take is refused, with the way out."""
    voltaic("set", "maxTotalTokens=8192")
    result = voltaic("model", "openai-community/gpt2")
    assert result.exit_code == 1
    assert "exceed the 1024 positions of GPT-2" in " ".join(result.stdout.split())
    assert "gpt2" not in text(project)


@pytest.mark.usefixtures("project")
def test_without_an_id_the_model_is_said(voltaic: Voltaic) -> None:
    """`voltaic model` alone changes nothing."""
    result = voltaic("model")
    assert result.exit_code == 0
    assert result.stdout.startswith("two: mistralai/Mistral-7B-Instruct-v0.2 on 2 x v100-16gb with tgi ")
    assert voltaic("model", "--dry-run").exit_code == 2


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "words",
    [
        ("set", "gpus=1"),
        ("set", "quantization=awq"),
        ("set", "model=nobody/knows-it"),
        ("set", "gpus=9"),
        ("set", "nothing=1"),
        ("model",),
        ("scale",),
        ("scale", "--gpus", "1"),
    ],
)
def test_documents_are_as_their_schema_says(
    voltaic: Voltaic, problems: Callable[[str, Any], list[str]], words: tuple[str, ...]
) -> None:
    """--json prints one document and nothing else, whatever the verdict."""
    assert problems("edit.schema.json", json.loads(voltaic(*words, "--json").stdout)) == []


@pytest.mark.parametrize("token", ["hf_" + "a1" * 17, "open-sesame"])
def test_a_plain_secret_of_the_file_is_not_shown(voltaic: Voltaic, project: Path, token: str) -> None:
    """A token that stands in the file in plain text, of whatever form, is neither printed nor lost."""
    path = project / "Pulumi.two.yaml"
    path.write_text(text(project).replace("\n    secure: AAABAKQ+x/y=", f" {token}"), encoding="utf-8")
    results = [voltaic("set", "gpus=1", "--json"), voltaic("set", "hfToken-", "--dry-run")]
    assert [token in result.output for result in results] == [False, False]
    assert f"voltaic:hfToken: {token}" in text(project)


VALID = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from([PHI, "TinyLlama/TinyLlama-1.1B-Chat-v1.0", "Qwen/Qwen2.5-7B-Instruct"]),
        "replicas": st.integers(0, 3),
        "gpus": st.sampled_from([1, None]),
        "namespace": st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        "labels": st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), st.just("x"), max_size=2),
        "extraArgs": st.just(["--validation-workers", "4"]),
        "webuiEnabled": st.booleans(),
        "engineVersion": st.sampled_from(["3.0.1", "2.0.4"]),
        "hfToken": st.none(),
    },
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALID)
def test_any_change_can_be_undone_to_the_byte(project: Path, asked: dict[str, Any]) -> None:
    """Whatever was set, and whatever the judge says: undo gives the very bytes."""
    path = project / "Pulumi.two.yaml"
    before = path.read_bytes()

    edit = prepare(find(project), "two", asked)
    write(path, edit.old, edit.new, tuple(map(str, edit.changes)))
    step = last(path)
    assert step is not None
    undo(path, step)

    assert path.read_bytes() == before
