"""Objects that let simulated pods answer, without a cluster."""

from __future__ import annotations

from pathlib import Path

from simulator import remote
from simulator.api import path_of


def test_each_object_has_a_path_at_the_api_server() -> None:
    """The administrator's client can write every one of them."""
    made = [
        remote.logs("a", "llm", ["tgi"], Path("/log"), Path("/before")),
        remote.programs("a", "llm"),
        remote.ports("a", "llm", {8080: 1234}),
    ]
    kinds = ("clusterlogs", "clusterexecs", "clusterportforwards")
    assert [f"/apis/kwok.x-k8s.io/v1alpha1/{kind}/a" for kind in kinds] == [path_of(obj) for obj in made]


def test_logs_are_those_of_some_containers() -> None:
    """A log belongs to containers by name, and has that of the time before."""
    spec = remote.logs("a", "llm", ["tgi"], Path("/log"), Path("/before"))["spec"]
    entry = {"containers": ["tgi"], "logsFile": "/log", "follow": True, "previousLogsFile": "/before"}
    assert spec == {"selector": {"matchNamespaces": ["llm"]}, "logs": [entry]}


def test_a_line_is_what_the_runtime_writes() -> None:
    """Moment, stream, F for a whole line, text."""
    moment = "2026-11-21T08:00:01.000000000Z"
    assert f"{moment} stderr F no\n" == remote.line(moment, "no", "stderr")
