"""What is asked to change is read from words; every fault is said at once, and no secret."""

from __future__ import annotations

import pytest

from cli.editing import words
from cli.editing.request import InvalidRequest, changes


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["maxTotalTokens", "8192"], {"maxTotalTokens": 8192}),
        (["maxTotalTokens=8192", "model", "a/b"], {"maxTotalTokens": 8192, "model": "a/b"}),
        (["quantization-", "webuiEnabled=false"], {"quantization": None, "webuiEnabled": False}),
        (["voltaic:gpus=2"], {"gpus": 2}),
        (["gpus", "two"], {"gpus": "two"}),
        (["gpus=02"], {"gpus": "02"}),
        (["modelRevision=1234567"], {"modelRevision": "1234567"}),
        (["extraArgs", "--x=1 y"], {"extraArgs": "--x=1 y"}),
        (['extraArgs=["--x", "1"]'], {"extraArgs": ["--x", "1"]}),
        (['labels={"team": "nlp"}'], {"labels": {"team": "nlp"}}),
        (["labels={no"], {"labels": "{no"}),
        (["hfToken-"], {"hfToken": None}),
        (["context=a=b"], {"context": "a=b"}),
        (["namespace="], {"namespace": ""}),
    ],
)
def test_words_become_values(typed: list[str], expected: dict[str, object]) -> None:
    """KEY VALUE, KEY=VALUE and KEY- may stand beside each other."""
    assert changes(typed) == expected


def test_keys_may_be_removed_by_an_option() -> None:
    """--unset KEY is KEY-."""
    assert changes(["gpus=1"], ["shards"]) == {"gpus": 1, "shards": None}


def test_all_faults_are_said_at_once() -> None:
    """Unknown keys with what was meant, values that are missing, keys given twice."""
    with pytest.raises(InvalidRequest) as found:
        changes(["gpuCount=2", "gpus=1", "gpus=2", "nothingLikeIt=1", "model"])

    said = found.value.faults
    assert said[0] == "model: its value is missing; write model=VALUE, or model- to use its default"
    assert said[1:3] == ("gpuCount: unknown setting; did you mean gpus?", "gpus: given twice")
    assert said[3].startswith("nothingLikeIt: unknown setting; there are: profile, model, ")
    assert len(said) == 4


TOKEN = "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH"


@pytest.mark.parametrize(
    ("typed", "start"),
    [
        (["hfToken", "x"], "hfToken: a secret is not taken from a command line"),
        (["apiKey=x"], "apiKey: a secret is not taken from a command line"),
        ([f"model={TOKEN}"], "model: its value (hidden) looks like a secret"),
        (["extraArgs=--api-key open-sesame"], "extraArgs: its value (hidden) looks like a secret"),
    ],
)
def test_no_secret_is_taken_or_told(typed: list[str], start: str) -> None:
    """A secret on the command line is refused with the command that takes it, without its value."""
    with pytest.raises(InvalidRequest) as found:
        changes(typed, stack="mine")

    said = str(found.value)
    assert said.startswith(start)
    assert "pulumi config set --secret" in said
    assert "--stack mine" in said
    assert not {TOKEN, "open-sesame"} & set(said.split())


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"maxBatchSize": 1, "quantization": None}, "voltaic set --stack s maxBatchSize=1 quantization-"),
        ({"profile": "v100-16gb x2"}, "voltaic set --stack s 'profile=v100-16gb x2'"),
        ({"webuiEnabled": True}, "voltaic set --stack s webuiEnabled=true"),
    ],
)
def test_a_change_is_said_as_what_to_type(settings: dict[str, object], expected: str) -> None:
    """A way out is a command of this program."""
    assert words.command(settings, "s") == expected


@pytest.mark.parametrize(
    ("core", "expected"),
    [
        ("Set it with: pulumi config set gpus VALUE, or", "Set it with: voltaic set gpus VALUE, or"),
        ("its default with: pulumi config rm gpus", "its default with: voltaic set gpus-"),
        ("pulumi config set --secret hfToken", "pulumi config set --secret hfToken"),
    ],
)
def test_texts_of_the_core_name_commands_of_this_program(core: str, expected: str) -> None:
    """But for secrets, which Pulumi encrypts."""
    assert words.ours(core) == expected
