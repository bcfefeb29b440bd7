"""Pulumi's events as steps, violations and messages; and processes that end with this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cli.pull_request.engine import Run, Running, _in_order, has_stack, listener, opened_config, preview
from cli.pull_request.workplace import Place

ROOT = Path(__file__).parents[2]
URN = "urn:pulumi:lab::voltaic::kubernetes:core/v1:PersistentVolumeClaim::cache"


def told(*events: dict[str, Any]) -> Run:
    """Return what is kept of these events."""
    from pulumi.automation import EngineEvent

    run = Run()
    listen = listener(run)
    for number, event in enumerate(events):
        listen(EngineEvent.from_json({"sequence": number, "timestamp": 0, **event}))
    return run


def step(op: str, **more: Any) -> dict[str, Any]:
    """Return the event before a step."""
    metadata = {"op": op, "urn": URN, "type": "kubernetes:core/v1:PersistentVolumeClaim", "provider": "", **more}
    return {"resourcePreEvent": {"metadata": metadata, "planning": True}}


def state(inputs: dict[str, Any], *, retained: bool = False) -> dict[str, Any]:
    """Return a state of the resource."""
    return {
        "type": "t",
        "urn": URN,
        "id": "",
        "parent": "",
        "provider": "",
        "inputs": inputs,
        "retainOnDelete": retained,
    }


def test_an_update_has_what_the_provider_says_and_what_differs() -> None:
    """Both accounts of the change, once each."""
    event = step(
        "update",
        old=state({"a": 1, "b": 1}),
        new=state({"a": 2, "b": 1}),
        detailedDiff={"status.x": {"diffKind": "update", "inputDiff": False}, "a": {"diffKind": "update"}},
    )
    (found,) = told(event).steps.values()
    assert (found.op, found.paths, found.name, found.kind) == (
        "update",
        ("status.x", "a"),
        "cache",
        "PersistentVolumeClaim",
    )


def test_a_replacement_is_one_step() -> None:
    """Three events tell of it; whether the old object is kept is a matter of the old one."""
    events = [
        step(op, old=state({"a": 1}, retained=True), new=state({"a": 2}))
        for op in ("create-replacement", "replace", "delete-replaced")
    ]
    (found,) = told(*events).steps.values()
    assert (found.op, found.retained, found.paths) == ("replace", True, ("a",))


def test_the_order_is_the_same_each_time() -> None:
    """Pulumi tells of independent resources in any order; comments are compared to the letter."""
    urns = [f"urn:::{number}" for number in range(9)]
    said = [("warning", "b"), ("error", "z"), ("warning", "a")]

    def found(turn: int) -> list[list[str]]:
        pods = [step("create", urn=urn, type="kubernetes:core/v1:Pod", new=state({})) for urn in urns]
        texts = [{"diagnosticEvent": {"message": text, "color": "", "severity": kind}} for kind, text in said]
        run = _in_order(told(*pods[turn:], *pods[:turn], *texts[turn % 3 :], *texts[: turn % 3]))
        return [list(run.steps), [message.text for message in run.messages]]

    assert found(0) == found(4) == [urns, ["z", "a", "b"]]


def test_a_refresh_comes_before_what_is_done() -> None:
    """The step is what is done then, and what is left alone afterwards hides nothing."""
    found = told(
        step("refresh", old=state({}), new=state({})), step("update", old=state({"a": 1}), new=state({"a": 2}))
    )
    assert [one.op for one in found.steps.values()] == ["update"]
    found = told(step("update", old=state({"a": 1}), new=state({"a": 2})), step("same", new=state({})))
    assert [one.op for one in found.steps.values()] == ["update"]


def test_a_deletion_knows_what_goes() -> None:
    """It has inputs before, and none after."""
    (found,) = told(step("delete", old=state({"a": 1}))).steps.values()
    assert (found.op, found.old, found.new, found.retained) == ("delete", {"a": 1}, None, False)


@pytest.mark.parametrize("kind", ["pulumi:pulumi:Stack", "pulumi:providers:kubernetes"])
def test_the_stack_itself_and_its_providers_are_no_steps(kind: str) -> None:
    """They are made in every preview."""
    assert told(step("create", type=kind, new=state({}))).steps == {}


def test_violations_are_told_once() -> None:
    """A preview may tell the same twice."""
    event = {
        "policyEvent": {
            "message": "m",
            "color": "never",
            "policyName": "vram-budget",
            "policyPackName": "voltaic",
            "policyPackVersion": "1",
            "policyPackVersionTag": "1",
            "enforcementLevel": "mandatory",
            "resourceUrn": URN,
        }
    }
    (found,) = told(event, event).violations
    assert (found.policy, found.pack, found.level, found.message, found.urn) == (
        "vram-budget",
        "voltaic",
        "mandatory",
        "m",
        URN,
    )


@pytest.mark.parametrize(
    ("severity", "message", "kept"),
    [
        ("error", "broken\n", ["broken"]),
        ("warning", "careful", ["careful"]),
        ("debug", "registering resource", []),
        ("info", "hello", []),
        ("error", "preview failed\n", []),
        ("warning", "no kubeconfig: KUBECONFIG names /tmp/x/no-cluster, which does not exist.", []),
    ],
)
def test_messages_are_warnings_and_errors(severity: str, message: str, kept: list[str]) -> None:
    """Without what is not worth telling: debugging, a summary of what was told, and the cluster that we left out."""
    event = {"diagnosticEvent": {"message": message, "color": "never", "severity": severity}}
    assert [found.text for found in told(event, event).messages] == kept


FAKE = """#!{python}
import json, os, sys, time
words = [word for word in sys.argv[1:] if word != "--non-interactive"]
with open({log!r}, "a") as log:
    log.write(json.dumps([words, os.environ.get("PULUMI_CONFIG_PASSPHRASE"), os.getcwd()]) + "\\n")
if words[0] == "version":
    print("v3.259.0")
elif words[:2] == ["stack", "ls"]:
    print(json.dumps([{{"name": "organization/voltaic/lab"}}]))
elif words[0] == "config":
    print(json.dumps({{"voltaic:apiKey": {{"value": "hunter2", "secret": True}}, "b": {{"value": "c"}}}}))
elif words[0] == "preview":
    print("error: constructing secrets manager: incorrect passphrase", file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def made(tmp_path: Path) -> Place:
    """A place with a pulumi that only writes down what it was asked."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(FAKE.format(python=sys.executable, log=str(tmp_path / "log")), encoding="utf-8")
    program.chmod(0o755)
    folder = tmp_path / "project"
    folder.mkdir()
    env = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PULUMI_CONFIG_PASSPHRASE": "p"}
    env.pop("PULUMI_OPTION_POLICY_PACK", None)
    return Place(folder, env, "lab", ephemeral=False)


def asked(made: Place) -> list[list[str]]:
    """Return what the pulumi of a place was asked."""
    import json

    lines = (made.folder.parent / "log").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)[0] for line in lines]


def test_a_preview_that_cannot_begin_says_why(made: Place) -> None:
    """Backend, passphrase and tools fail before any event; what Pulumi printed is kept."""
    found = preview(made, None, Running())
    assert (found.failed, found.began) == (True, False)
    assert found.said == "error: constructing secrets manager: incorrect passphrase"


def test_the_pack_is_given_and_nothing_is_selected(made: Place) -> None:
    """The stack is named in every command; a selection would be written down in the user's home."""
    preview(made, Path("/pack"), Running())
    (words,) = [words for words in asked(made) if words[0] == "preview"]
    assert words[words.index("--policy-pack") + 1] == "/pack"
    assert words[words.index("--stack") + 1] == "lab"
    assert not any(words[:2] == ["stack", "select"] for words in asked(made))


def test_an_ephemeral_stack_is_made_and_its_secrets_are_stand_ins(made: Place) -> None:
    """Made without being selected, then the keys that have to be secret."""
    place = Place(made.folder, made.env, "lab", ephemeral=True, secrets={"voltaic:hfToken": "stand-in"})
    preview(place, None, Running())
    words = [words for words in asked(made) if words[0] != "version"]
    assert words[0] == ["stack", "init", "lab", "--no-select"]
    assert words[1] == ["config", "set-all", "--stack", "lab", "--secret", "voltaic:hfToken=stand-in"]


@pytest.mark.parametrize(
    ("env", "pack", "packs", "configurations"),
    [
        ({"PULUMI_OPTION_POLICY_PACK": "/pack,/theirs"}, "/pack", ["/pack", "/theirs"], []),
        ({"PULUMI_OPTION_POLICY_PACK": "/theirs"}, "/pack", ["/theirs", "/pack"], []),
        (
            {"PULUMI_OPTION_POLICY_PACK": "/pack", "PULUMI_OPTION_POLICY_PACK_CONFIG": "/levels.json"},
            "/pack",
            ["/pack"],
            ["/levels.json"],
        ),
        (
            {"PULUMI_OPTION_POLICY_PACK": "/theirs", "PULUMI_OPTION_POLICY_PACK_CONFIG": "/levels.json"},
            "/pack",
            ["/theirs", "/pack"],
            ["/levels.json", "{folder}/Pulumi.no-levels.json"],
        ),
        ({"PULUMI_OPTION_POLICY_PACK": "/theirs"}, None, [], []),
    ],
)
def test_packs_of_the_environment_are_asked_beside_ours(
    made: Place, env: dict[str, str], pack: str | None, packs: list[str], configurations: list[str]
) -> None:
    """Each once, each with its configuration; none where only steps are wanted."""
    place = Place(made.folder, {**made.env, **env}, "lab", ephemeral=False)
    preview(place, Path(pack) if pack else None, Running())
    (words,) = [words for words in asked(made) if words[0] == "preview"]
    assert [after for before, after in pairwise(words) if before == "--policy-pack"] == packs
    given = [after for before, after in pairwise(words) if before == "--policy-pack-config"]
    assert given == [text.format(folder=made.folder) for text in configurations]


def test_a_stack_is_known_by_its_last_name(made: Place) -> None:
    """Backends list it with its organization."""
    assert has_stack(made, Running())
    assert not has_stack(Place(made.folder, made.env, "other", ephemeral=False), Running())
    assert opened_config(made, Running()) == ["hunter2"]


SLEEPER = """
import signal, subprocess, sys, time
{prelude}
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
print(child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""A pulumi that does not end when it is asked to."""
INTERRUPTED = """
import os, sys, threading
from cli.pull_request import engine
from cli.pull_request.engine import Running, ended_by_signals
engine.GRACE = 1
os.environ["PATH"] = sys.argv[1] + ":" + os.environ["PATH"]
try:
    with ended_by_signals():
        Running().run(["preview"], ".", dict(os.environ))
except KeyboardInterrupt:
    sys.exit(130)
"""


def is_there(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("prelude", ["", STUBBORN], ids=["a willing pulumi", "a stubborn one"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_the_command_ends_pulumi_and_its_plugins(tmp_path: Path, number: int, prelude: str) -> None:
    """A signal to this process alone leaves no process behind, also where plugins have groups of their own."""
    pids = tmp_path / "pids"
    program = tmp_path / "pulumi"
    sleeper = SLEEPER.format(prelude=prelude)
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{sleeper}' > {pids}\n", encoding="utf-8")
    program.chmod(0o755)
    started = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(tmp_path)], cwd=ROOT)
    try:
        for _ in range(300):
            if pids.exists() and pids.read_text(encoding="utf-8").strip():
                break
            time.sleep(0.1)
        child = int(pids.read_text(encoding="utf-8"))
        assert is_there(child)
        started.send_signal(number)
        assert started.wait(30) == 130
        for _ in range(50):
            if not is_there(child):
                break
            time.sleep(0.1)
        assert not is_there(child)
    finally:
        started.kill()
        started.wait()
