"""What is read of Services and pods, which ports are taken, and what a forward says; without a cluster."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.cluster import ClusterError, objects
from cli.reaching import local_ports, services
from cli.reaching.local_ports import PortFault, stated, taken
from cli.reaching.services import SecretKey
from cli.reaching.telling import AT_ONCE, Teller

GOLDEN = Path(__file__).parents[2] / "golden" / "v100-2gpu"


def golden(name: str) -> dict[str, Any]:
    """Return a manifest of ours."""
    found: dict[str, Any] = yaml.safe_load((GOLDEN / f"{name}-v100-2gpu.yaml").read_text(encoding="utf-8"))
    return found


def pod(name: str) -> objects.Pod:
    """Return a pod of a Deployment of ours."""
    template = golden(f"deployment-{name}")["spec"]["template"]
    return objects.pod({"metadata": {"name": name, **template["metadata"]}, "spec": template["spec"]})


def test_services_are_told_by_their_role() -> None:
    """API and page of a stack; others are none of ours."""
    found = [objects.service(golden(f"service-{name}")) for name in ("webui", "tgi")]
    other = objects.service({"metadata": {"name": "other"}, "spec": {}})
    chosen = services.by_role([*found, other], ("api", "page"), "llm")
    assert {role: each.name for role, each in chosen.items()} == {"api": "tgi-v100-2gpu", "page": "webui-v100-2gpu"}
    assert list(services.by_role(found, ("page",), "llm")) == ["page"]


def test_two_of_a_role_are_a_question() -> None:
    """Which stack is meant is asked for, not guessed; and what is not there is told."""
    one = golden("service-tgi")
    two = {**one, "metadata": {**one["metadata"], "name": "tgi-another"}}
    with pytest.raises(ClusterError, match="several services that may be meant: tgi-another, tgi-v100-2gpu") as said:
        services.by_role([objects.service(one), objects.service(two)], ("api",), "llm")
    assert said.value.fix == "Name the stack: --stack NAME"
    with pytest.raises(ClusterError, match="There is no API and no Chat page of this stack in the namespace llm"):
        services.by_role([], ("api", "page"), "llm")


def test_a_pod_says_where_its_secrets_are() -> None:
    """Key of the API, login of the page, and its origins; never a value."""
    assert services.key_of(pod("tgi"), "tgi") == SecretKey("tgi-v100-2gpu-api", "key")
    assert services.variable(pod("webui"), services.PASSWORD) == SecretKey("webui-v100-2gpu-login", "adminPassword")
    assert services.variable(pod("webui"), services.EMAIL) == "admin@voltaic.local"
    assert services.variable(pod("webui"), "NOT_SET") is None
    assert services.page_ports(pod("webui")) == tuple(range(3000, 3010))
    assert services.page_ports(pod("tgi")) is None


@pytest.mark.parametrize(
    ("expected", "stack"),
    [
        ("pulumi stack output apiKey --show-secrets --stack dev", "dev"),
        ("kubectl -n llm get secret s -o 'jsonpath={.data.key}' | base64 -d", None),
    ],
)
def test_how_to_see_a_secret_is_a_command(expected: str, stack: str | None) -> None:
    """Of the stack where there is one, else of the cluster."""
    assert services.command_for("key", SecretKey("s", "key"), stack=stack, namespace="llm") == expected
    assert services.command_for("key", None, stack=stack, namespace="llm") is None


@pytest.mark.parametrize(
    ("expected", "words", "roles"),
    [
        ({}, [], ("api", "page")),
        ({"api": 9000}, ["9000"], ("api",)),
        ({"api": 9000, "page": 3005}, ["page=3005", "api=9000"], ("api", "page")),
        ("--port 9000: say of what", ["9000"], ("api", "page")),
        ("--port 0: give a number from 1 to 65535", ["0"], ("api",)),
        ("--port 70000: give a number", ["70000"], ("api",)),
        ("--port x=1: give a number", ["x=1"], ("api",)),
        ("there is no page to forward; there is: api", ["page=1"], ("api",)),
        ("two ports for the api, 1 and 2", ["api=1", "api=2"], ("api", "page")),
        ("5 cannot lead to both", ["api=5", "page=5"], ("api", "page")),
    ],
)
def test_ports_are_read_as_stated(expected: Any, words: list[str], roles: Any) -> None:
    """A number where one is forwarded, a name and a number where two are."""
    if isinstance(expected, dict):
        assert stated(words, roles) == expected
    else:
        with pytest.raises(PortFault, match=expected):
            stated(words, roles)


@pytest.mark.parametrize(
    ("expected", "busy", "candidates", "then_any"),
    [
        (8080, set(), local_ports.API_PORTS, True),
        (8082, {8080, 8081}, local_ports.API_PORTS, True),
        (0, set(local_ports.API_PORTS), local_ports.API_PORTS, True),
        ("ports 3000-3009 are all in use on this machine. Way out.", set(range(3000, 3010)), range(3000, 3010), False),
        ("port 80 cannot be opened: only root may listen there", {80}, (80,), False),
    ],
)
def test_the_first_free_port_is_taken(expected: Any, busy: set[int], candidates: Any, then_any: Any) -> None:
    """Those that are taken are stepped over; where no other will do, that is said."""
    opened: list[int] = []

    async def open_at(port: int) -> None:
        if port in busy:
            raise OSError(errno.EACCES if port == 80 else errno.EADDRINUSE, "no")
        opened.append(port)

    work = taken(open_at, candidates, then_any=then_any, what="API", why="Way out.")
    if isinstance(expected, int):
        asyncio.run(work)
        assert opened == [expected]
    else:
        with pytest.raises(PortFault, match=expected):
            asyncio.run(work)


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.now


def test_what_lasts_is_told_once_and_its_end_too() -> None:
    """A short disturbance is worth one line; a longer one two."""
    said: list[str] = []
    clock = Clock()
    teller = Teller("API", said.append, clock)
    teller.now("a", "")
    assert said == []
    teller.now(None, "No pod.")
    clock.now = 0.5
    teller.tick()
    assert said == []
    clock.now = 3.0
    teller.tick()
    teller.tick()
    teller.now("b", "")
    assert said == [
        "API: No pod. Trying again; requests wait a little.",
        "API: connected to b again after 3 s.",
    ]
    assert teller.reconnected == 1


def test_messages_have_a_bound() -> None:
    """However often pods restart, and what was left out is counted."""
    said: list[str] = []
    clock = Clock()
    teller = Teller("API", said.append, clock)
    for number in range(1000):
        clock.now += 0.1
        teller.now(f"pod-{number}", "")
    assert AT_ONCE <= len(said) <= AT_ONCE + 100 / 20 + 1
    assert teller.reconnected == 999
    assert "changes before it were not told.)" in said[-1]
