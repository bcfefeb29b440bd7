"""What kubectl is asked for, and that nothing depends on its answer."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

import pytest

from components import kubectl

OWN = {"app.kubernetes.io/managed-by": "voltaic"}


def secret(labels: dict[str, str]) -> dict[str, Any]:
    """A Secret as the API server has it."""
    data = {"adminPassword": base64.b64encode(b"old").decode()}
    return {"metadata": {"name": "webui-s-login", "labels": labels}, "data": data}


def answering(monkeypatch: pytest.MonkeyPatch, answer: object) -> list[list[str]]:
    """Let kubectl answer; an exception is raised, anything else is its output."""
    commands: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        assert options["timeout"] > 0
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return subprocess.CompletedProcess(command, 0, text, b"")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_objects_are_asked_for_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Context and namespace are named, and the answer may not take for ever."""
    commands = answering(monkeypatch, {"items": [{"kind": "Pod"}]})
    assert kubectl.items("pods", *kubectl.place("site", "team-a")) == [{"kind": "Pod"}]
    assert commands == [
        ["kubectl", "get", "pods", "--context", "site", "-n", "team-a", "-o", "json", "--request-timeout=10s"]
    ]
    assert kubectl.place(None, None) == []


@pytest.mark.parametrize(
    "answer",
    [
        FileNotFoundError("kubectl"),
        subprocess.CalledProcessError(1, "kubectl"),
        subprocess.TimeoutExpired("kubectl", 15),
        b"not JSON",
        [],
        {},
        {"items": None},
    ],
)
def test_no_answer_is_no_error(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    """Without kubectl, without rights, without a cluster: there is nothing to say, and nothing fails."""
    answering(monkeypatch, answer)
    assert kubectl.items("pods") == []
    assert kubectl.kept_secret("webui-s-login", context=None, namespace="ns") == {}


def test_a_kept_secret_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its values come as text."""
    commands = answering(monkeypatch, {"items": [secret(OWN)]})
    assert kubectl.kept_secret("webui-s-login", context="site", namespace="ns") == {"adminPassword": "old"}
    assert "metadata.name=webui-s-login" in commands[0]


def test_a_secret_of_others_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what carries our label was left by us."""
    answering(monkeypatch, {"items": [secret({})]})
    assert kubectl.kept_secret("webui-s-login", context=None, namespace="ns") == {}
