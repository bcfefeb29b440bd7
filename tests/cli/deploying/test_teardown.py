"""What a destroy takes away, and what it leaves."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from cli.deploying import teardown
from cli.deploying.teller import Teller

if TYPE_CHECKING:
    import pytest


def state(*resources: tuple[str, str, bool]) -> dict[str, Any]:
    """Return a state with objects: kind, name, whether it stays."""
    listed = [{"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"}] + [
        {
            "type": f"kubernetes:core/v1:{kind}",
            "urn": f"urn::{name}",
            "retainOnDelete": stays,
            "outputs": {"metadata": {"name": name}},
        }
        for kind, name, stays in resources
    ]
    return {"deployment": {"resources": listed}}


STATE = state(
    ("Deployment", "tgi-gpu", False),
    ("PersistentVolumeClaim", "tgi-gpu-cache", True),
    ("PersistentVolumeClaim", "webui-gpu-data", False),
    ("Secret", "webui-gpu-login", True),
)


def test_what_goes_and_what_stays() -> None:
    """What is retained stays, and volumes that are not go with what is in them."""
    found = teardown.of_state(STATE)
    assert [str(thing) for thing in found.stays] == [
        "PersistentVolumeClaim tgi-gpu-cache (model cache)",
        "Secret webui-gpu-login (login that goes with the chat data)",
    ]
    assert [str(thing) for thing in found.lost] == ["PersistentVolumeClaim webui-gpu-data (chat data)"]
    assert [thing.name for thing in found.goes] == ["tgi-gpu", "webui-gpu-data"]


def test_nothing_is_deployed() -> None:
    """A state with the stack alone, and none at all."""
    assert not teardown.of_state(state()).anything
    assert not teardown.of_state({}).anything


def test_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What is lost stands apart, in capitals."""
    teardown.tell(Teller("destroy", "gpu", as_json=False), teardown.of_state(STATE), "gpu")
    printed = capsys.readouterr().out
    assert "Stays in the cluster" in printed
    assert printed.index("IS DELETED WITH WHAT IS IN IT") < printed.rindex("webui-gpu-data")


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Each event is one line; the first names schema, command and stack."""
    teller = Teller("destroy", "gpu", as_json=True)
    teardown.tell(teller, teardown.of_state(STATE), "gpu")
    first, *rest = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (first["schema"], first["command"], first["stack"], first["event"]) == (
        *("voltaic/run/v1", "destroy", "gpu", "plan"),
    )
    assert [line.get("lost") for line in rest] == [None, ["PersistentVolumeClaim webui-gpu-data (chat data)"]]


def test_secrets_are_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    """In texts and in facts alike, for people and for machines."""
    for as_json in (True, False):
        teller = Teller("up", "gpu", as_json=as_json)
        teller.redact = lambda text: text.replace("hf_secret", "[secret]")
        teller.tell("message", "token hf_secret", found=["hf_secret"])
        printed = capsys.readouterr().out
        assert "hf_secret" not in printed
        assert "[secret]" in printed


def test_the_end_says_what_was_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """And both ways on: with the data, or without."""
    work: Any = SimpleNamespace(interrupted=False, run=SimpleNamespace(failed=False))
    teller = Teller("destroy", "gpu", as_json=False)
    session: Any = SimpleNamespace(teller=teller, stack=SimpleNamespace(name="gpu"))
    assert teardown.ended(session, work, teardown.of_state(STATE)) == 0
    printed = capsys.readouterr().out
    assert "voltaic up --stack gpu" in printed
    assert "voltaic cleanup --stack gpu --include-data" in printed
