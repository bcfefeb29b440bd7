"""What is not known yet makes no finding: nothing is missing from a list that nobody can look into."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from voltaic.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Said

    Ask = Callable[..., list[Said]]
    Path = tuple[str | int, ...]

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
DECIDING = {rule.id for rule in RULES} | {"readable-spec"}


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the place of everything within a value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from paths(entry, (*path, key))


def without(content: dict[str, Any], path: Path, instead: str) -> dict[str, Any]:
    """Return an object with another value at one place."""
    content = copy.deepcopy(content)
    holder: Any = content
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = instead
    return content


@pytest.mark.parametrize("instead", [UNKNOWN_STRING_VALUE, "[secret]"])
def test_no_value_that_is_not_known_makes_a_violation(
    ask_all: Ask, baseline: list[tuple[str, dict[str, Any]]], instead: str
) -> None:
    """Whatever part of an object in order is not known yet, or not shown, the rest is not called wrong for it.

    That something could not be answered is said, as advice, by the rules that decide whether the server starts.
    """
    wrong = [
        (path, one.policy, one.text.splitlines()[0])
        for resource_type, content in baseline
        if content["kind"] == "Deployment"
        for path in paths(content)
        if path not in {("apiVersion",), ("kind",)}
        for one in ask_all(resource_type, without(content, path, instead))
        if one.level == "mandatory" or one.policy.removesuffix("-advice") not in DECIDING
    ]

    assert wrong == []


def server(**container: Any) -> dict[str, Any]:
    """Return a Deployment of a server that is asked for more shards than GPUs, without any probe."""
    made = {
        "name": "server",
        "image": "ghcr.io/huggingface/text-generation-inference:3.0.1",
        "args": ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", "4", "--port", "80"],
        "env": [{"name": "USE_FLASH_ATTENTION", "value": "false"}, {"name": "OTHER", "value": "a"}],
        "resources": {"limits": {"nvidia.com/gpu": 1}},
    } | container
    return {"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [made]}}}}


REFUSED = "single-gpu-shard"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(server(name=UNKNOWN_STRING_VALUE), id="name"),
        pytest.param(server(volumeMounts=UNKNOWN_STRING_VALUE), id="mounts"),
        pytest.param(server(livenessProbe=UNKNOWN_STRING_VALUE), id="probe"),
        pytest.param(server(env=[{"name": "OTHER", "value": UNKNOWN_STRING_VALUE}]), id="value of a variable"),
        pytest.param(server(args=["--num-shard", "4", "--port", UNKNOWN_STRING_VALUE]), id="value of an option"),
        pytest.param(server() | {"metadata": UNKNOWN_STRING_VALUE}, id="metadata"),
    ],
)
def test_what_is_certainly_wrong_is_refused_beside_it(ask_all: Ask, content: dict[str, Any]) -> None:
    """A value that cannot bear on a violation does not hide it."""
    assert (REFUSED, "mandatory") in {(one.policy, one.level) for one in ask_all(DEPLOYMENT, content)}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(server(env=UNKNOWN_STRING_VALUE), id="variables"),
        pytest.param(server(env=[{"name": UNKNOWN_STRING_VALUE, "value": "1"}]), id="name of a variable"),
        pytest.param(server(envFrom=UNKNOWN_STRING_VALUE), id="variables from elsewhere"),
        pytest.param(server(args=UNKNOWN_STRING_VALUE), id="arguments"),
        pytest.param(server(args=["--num-shard=4", UNKNOWN_STRING_VALUE]), id="an argument that may be an option"),
        pytest.param(server(args=[UNKNOWN_STRING_VALUE, "--num-shard", "4"]), id="the first argument"),
        pytest.param(server(resources=UNKNOWN_STRING_VALUE), id="resources"),
        pytest.param(server(resources={"limits": {"nvidia.com/gpu": UNKNOWN_STRING_VALUE}}), id="GPUs"),
        pytest.param({"spec": {"template": UNKNOWN_STRING_VALUE}}, id="template"),
    ],
)
def test_what_may_change_the_verdict_is_waited_for(ask_all: Ask, content: dict[str, Any]) -> None:
    """Where the unread part may hold what the violation rests on, it is left to the update, and named."""
    said = ask_all(DEPLOYMENT, content)

    assert {one.level for one in said} == {"advisory"}
    assert said[0].policy == "readable-spec-advice"
    assert "not known before the update" in said[0].text


@pytest.mark.parametrize(
    ("content", "path"),
    [
        pytest.param(server(env="[secret]"), "env", id="variables"),
        pytest.param(server(args=["--num-shard=4", "[secret]"]), "args[1]", id="an argument"),
    ],
)
def test_what_a_state_does_not_show_is_said(ask_all: Ask, content: dict[str, Any], path: str) -> None:
    """A secret that may hold what the verdict rests on is named, so that its silence is no accept."""
    said = ask_all(DEPLOYMENT, content)

    assert {one.level for one in said} == {"advisory"}
    assert said[0].policy == "readable-spec-advice"
    assert said[0].text.startswith(
        f"spec.template.spec.containers[0].{path}: a secret of the state that is not shown.\n"
    )
