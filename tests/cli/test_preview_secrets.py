"""Nothing that is secret about a change stands in its report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli.pull_request import model
from cli.pull_request.comment import comment
from cli.pull_request.documents import document
from cli.pull_request.project import Project, StackFile
from cli.pull_request.secrets import Secrets, of_state
from voltaic.hidden import HIDDEN

from .preview_reports import change, judged, report

MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
PROJECT = Project(Path("/nowhere"), "voltaic", {})
PLANTED = "pl4nted-secret"


def planted_everywhere() -> model.Report:
    """Return a report that shows a secret in every text that it has."""
    text = f"x {PLANTED} y"
    side = replace(judged(), where=text, subject=text, stated={text: text}, faults=(text,))
    return report(
        stack=text,
        before=side,
        after=side,
        settings=(model.Setting(text, text, text),),
        findings=(model.Said(text, "mandatory", "violation", text, text, text, (text,), text),),
        ways=(model.WayOut(text, (text,)),),
        pods=(model.Pods(text, text, "restarts", 1),),
        volumes=(model.Volume(text, text, "lost", holds=text),),
        steps=(model.Step("update", text, text, {"a": text}, {"a": text}, (text,)),),
        notes=(text,),
        messages=(model.Message("error", text),),
        faults=(text,),
    )


def test_no_text_of_a_report_keeps_a_secret() -> None:
    """Wherever it stood: comment and document are without it, and show that something was hidden."""
    secrets = Secrets({"HF_TOKEN": PLANTED})
    found = change(secrets.taken_out(planted_everywhere()))
    for text in (comment(found), json.dumps(document(found)), repr(found)):
        assert PLANTED not in text
        assert HIDDEN in text or "hidden" in text


def test_the_planting_reaches_every_text() -> None:
    """Else the test above would prove nothing: without taking out, the secret stands in comment and document."""
    found = change(planted_everywhere())
    assert comment(found).count(PLANTED) > 10
    assert json.dumps(document(found)).count(PLANTED) > 15


def test_plans_are_without_secrets_too() -> None:
    """Names of models and arguments of a launcher may hold what somebody calls a secret."""
    found = Secrets({"HF_TOKEN": "Mistral-7B"}).taken_out(report())
    assert found.before is not None
    assert found.before.plan is not None
    assert found.before.plan["spec"]["model"] == f"mistralai/{HIDDEN}-Instruct-v0.2"
    assert "Mistral-7B" not in json.dumps(document(change(found)))


def test_steps_keep_no_values() -> None:
    """Inputs of resources may hold anything; paths are enough for a reader."""
    (step,) = Secrets({}).taken_out(planted_everywhere()).steps
    assert (step.old, step.new) == (None, None)


def test_words_of_fixed_lists_stay() -> None:
    """A secret that is spelt like a verdict does not break the report."""
    found = Secrets({"API_KEY": "accept", "TOKEN": "restarts"}).taken_out(report())
    assert found.outcome == "accept"
    assert found.pods[0].fate == "restarts"


def secrets_of(**config: Any) -> str:
    """Return what is left of a text with all values of a stack file, after they were taken out."""
    secrets = Secrets({})
    content = {"config": config}
    secrets.add_file(StackFile("Pulumi.a.yaml", "", content), PROJECT)
    return secrets.redactor()("one1 two2 three3 four4 five5")


def test_plain_values_under_secret_keys_are_secret() -> None:
    """Ours, those of other namespaces, and those within objects; others are shown."""
    found = secrets_of(
        **{
            "voltaic:hfToken": "one1",
            "aws:secretKey": "two2",
            "app:settings": {"db": {"password": "three3"}},
            "voltaic:model": "four4",
            "voltaic:apiKey": {"secure": "five5"},
        }
    )
    assert found == f"{HIDDEN} {HIDDEN} {HIDDEN} four4 five5"


def test_secrets_of_a_state_are_found_at_any_depth() -> None:
    """Open ones hold JSON text: strings, lists and objects of strings."""
    state = {
        "deployment": {
            "resources": [
                {"inputs": {"a": {**MARK, "plaintext": '"one"'}, "model": "shown"}},
                {"outputs": {"b": [{**MARK, "plaintext": '{"c": ["two", 3], "d": {"e": "four"}}'}]}},
                {"outputs": {"odd": {**MARK, "plaintext": "not json"}, "none": {**MARK, "ciphertext": "v1:x"}}},
            ]
        }
    }
    assert set(of_state(state)) == {"one", "two", "3", "four", "not json"}
