"""Stack files as what they would serve, and what changes between two of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.pull_request.model import Setting
from cli.pull_request.project import Project, StackFile
from cli.pull_request.sides import deployed, is_ours, settings_changed, side, values

PROJECT = Project(Path("/nowhere"), "voltaic", {"config": {"profile": {"default": ""}, "model": {"default": ""}}})
MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2"
LLAMA_13B = "meta-llama/Llama-2-13b-chat-hf"


def file(**config: Any) -> StackFile:
    """Return a stack file with these keys of ours."""
    content = {"config": {f"voltaic:{key}": value for key, value in config.items()}}
    return StackFile("Pulumi.lab.yaml", "", content)


def changed(before: StackFile, after: StackFile) -> dict[str, tuple[str | None, str | None]]:
    """Return what changes by name."""
    sides = side(PROJECT, before, "before"), side(PROJECT, after, "after")
    return {one.name: (one.before, one.after) for one in settings_changed(*sides, (before, after), PROJECT)}


@pytest.mark.parametrize(
    ("config", "outcome"),
    [
        ({"profile": "v100-2gpu", "model": MISTRAL}, "accept"),
        ({"profile": "v100-1gpu", "model": LLAMA_13B}, "refuse"),
        ({"profile": "v100-1gpu", "model": "nobody/unknown"}, "unknown"),
        ({"profile": "v100-1gpu", "modle": MISTRAL}, "failed"),
        ({"profile": "v100-1gpu", "model": MISTRAL, "modelCacheSize": "1Gi"}, "failed"),
    ],
)
def test_a_stack_file_is_judged(config: dict[str, str], outcome: str) -> None:
    """By the same judge as the stack itself; what is not valid has its faults."""
    found = side(PROJECT, file(**config), "Pulumi.lab.yaml")
    assert found.outcome == outcome
    assert bool(found.faults) == (outcome == "failed")


def test_all_faults_are_told_with_their_lines() -> None:
    """File, line, key and next step, in one round."""
    text = "config:\n  voltaic:profile: none\n  voltaic:modle: x\n"
    content = {"config": {"voltaic:profile": "none", "voltaic:modle": "x"}}
    faults = side(PROJECT, StackFile("Pulumi.lab.yaml", text, content), "Pulumi.lab.yaml").faults
    assert [fault.partition(": ")[0] for fault in faults] == [
        "Pulumi.lab.yaml:2",
        "Pulumi.lab.yaml:3",
        "Pulumi.lab.yaml",
    ]
    assert "Did you mean model?" in faults[1]


def test_secrets_are_not_needed_to_judge() -> None:
    """An encrypted value counts as there: a token that the server gets is part of what is deployed."""
    secrets = {"hfToken": {"secure": "v1:a:b"}, "webuiDatabaseUrl": {"secure": "v1:c:d"}}
    found = side(PROJECT, file(profile="v100-2gpu", model=MISTRAL, **secrets), "a")
    assert found.outcome == "accept"
    assert found.verdict is not None
    assert "HF_TOKEN" in found.verdict.spec.command.env
    assert "v1:a:b" not in str(values(PROJECT, file(**secrets)))


def test_a_model_change_is_told_in_the_words_of_operators() -> None:
    """The model, and the limits that follow from it; what stays is not told."""
    found = changed(file(profile="v100-2gpu", model=MISTRAL), file(profile="v100-2gpu", model=LLAMA_13B))
    assert found["model"] == (MISTRAL, LLAMA_13B)
    assert found["longest request with its answer, tokens"] == ("6,144", "1,536")
    assert found["requests at once"] == ("4", "1")
    assert "engine" not in found
    assert "GPUs of a pod" not in found


def test_another_profile_is_told_as_gpus() -> None:
    """Count and kind."""
    found = changed(file(profile="v100-1gpu", model=MISTRAL), file(profile="v100-2gpu", model=MISTRAL))
    assert found["GPUs of a pod"] == ("1 x v100-16gb", "2 x v100-16gb")
    assert "profile" not in found


def test_keys_without_a_term_are_told_by_their_key() -> None:
    """Switches, labels and sizes, as the file states them."""
    base = {"profile": "v100-2gpu", "model": MISTRAL}
    found = changed(file(**base, replicas=1), file(**base, replicas=2, webuiEnabled=False, labels={"a": "b"}))
    assert found == {"replicas": ("1", "2"), "webuiEnabled": (None, "false"), "labels": (None, "a=b")}


def test_secrets_are_told_without_their_values() -> None:
    """That one is new, set anew or gone."""
    base = {"profile": "v100-2gpu", "model": MISTRAL}
    old = file(**base, apiKey={"secure": "v1:old"}, hfToken={"secure": "v1:same"})
    new = file(
        **base, apiKey={"secure": "v1:new"}, hfToken={"secure": "v1:same"}, webuiAdminPassword={"secure": "v1:x"}
    )
    assert changed(old, new) == {"apiKey": ("(set)", "(set anew)"), "webuiAdminPassword": (None, "(set anew)")}


def test_a_stack_of_another_program_is_not_judged() -> None:
    """It has none of our keys; only policies speak of it."""
    other = Project(Path("/nowhere"), "web", {})
    config = StackFile("Pulumi.a.yaml", "", {"config": {"aws:region": "x"}})
    assert not is_ours(other, config)
    found = side(other, config, "a")
    assert (found.outcome, found.verdict, found.faults) == ("accept", None, ())
    assert settings_changed(None, found, (None, config), other) == ()


def test_a_renamed_project_of_ours_is_ours() -> None:
    """Its keys bear its own name."""
    other = Project(Path("/nowhere"), "my-llm", {})
    config = StackFile("Pulumi.a.yaml", "", {"config": {"my-llm:profile": "v100-2gpu", "my-llm:model": MISTRAL}})
    assert side(other, config, "a").outcome == "accept"


def test_what_a_state_records_is_judged_again() -> None:
    """Numbers come back with a point, as Pulumi stores them."""
    found = side(PROJECT, file(profile="v100-2gpu", model=MISTRAL), "a")
    assert found.verdict is not None
    from voltaic.document import line_from_spec

    line = line_from_spec(found.verdict.spec) | {"gpus": 2.0}
    recorded = deployed(
        {"spec": line, "settings": {"profile": "v100-2gpu", "model": MISTRAL}, "replicas": 1.0}, "deployed"
    )
    assert recorded is not None
    assert recorded.bill == found.bill
    assert recorded.stated["replicas"] == "1"
    assert deployed({"spec": "x"}, "deployed") is None
    assert deployed({}, "deployed") is None


def test_only_what_differs_is_a_change() -> None:
    """The same file twice changes nothing."""
    one = file(profile="v100-2gpu", model=MISTRAL)
    assert changed(one, one) == {}
    assert Setting("a", "b", "b").before == "b"
