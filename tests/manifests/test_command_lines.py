"""The launcher's command line of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Any]

ARGS = ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2", "--num-shard", "1"]


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ["text-generation-launcher"], "args": ARGS},
        {"command": ["/usr/local/bin/text-generation-launcher", *ARGS], "args": []},
        {"command": ["text-generation-launcher", *ARGS], "args": None},
        {"command": ["/tgi-entrypoint.sh"], "args": ARGS},
        {"image": "registry.example/own:1", "command": ["text-generation-launcher"], "args": ARGS},
        {"image": "registry.example/own:1", "command": None, "args": ["text-generation-launcher", *ARGS][1:]},
    ],
)
def test_command_and_arguments_are_one_command_line(
    fields: dict[str, Any], container: Make, deployment: Make, one: Make
) -> None:
    """The launcher's arguments are found wherever the manifest puts them."""
    found = one(deployment(container(**fields)))
    assert found.spec is not None
    assert found.spec.command.args == tuple(ARGS)
    assert found.spec.model.id == "mistralai/Mistral-7B-Instruct-v0.2"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sh", "-c"], "the launcher is called from a sh -c line, which is not read"),
        (["/bin/bash", "-ec", "x"], "the launcher is called from a bash -c line, which is not read"),
        (["{{ .Values.command }}"], "the command {{ .Values.command }} is not filled in yet"),
        (["/start.py"], "the launcher is called through start.py, which is not read"),
        ([7], "the launcher is called through a command that is no text, which is not read"),
    ],
)
def test_a_command_that_is_not_read_is_said_to_be_unreadable(
    command: list[Any], message: str, *, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """A shell line or a script of somebody's own is never guessed at."""
    found = one(deployment(container(command=command)))
    assert found.recognised == "tgi"
    assert unreadable(found)["command"] == message
    assert found.spec is not None
    assert found.spec.model.architecture is None


def test_variables_of_kubernetes_are_replaced(container: Make, deployment: Make, one: Make, unreadable: Make) -> None:
    """`$(NAME)` in an argument or a variable takes the value that Kubernetes would put there."""
    env = [{"name": "ORG", "value": "mistralai"}, {"name": "M", "value": "$(ORG)/Mistral-7B-Instruct-v0.2"}]
    args = ["--model-id", "$(M)", "--num-shard=1", "--revision", "$$(M)", "--otlp-service-name", "$(NOBODY)"]
    found = one(deployment(container(args=args, env=env)))
    assert found.spec is not None
    assert found.spec.model.id == "mistralai/Mistral-7B-Instruct-v0.2"
    assert found.spec.option("revision") == "$(M)"
    assert found.spec.option("otlp_service_name") == "$(NOBODY)"
    assert unreadable(found) == {}


def test_values_from_elsewhere_are_not_known(container: Make, deployment: Make, one: Make, unreadable: Make) -> None:
    """A Secret's value is not known, and an argument that takes it is unreadable."""
    env = [{"name": "M", "valueFrom": {"secretKeyRef": {"name": "s"}}}]
    found = one(deployment(container(args=["--model-id", "$(M)"], env=env)))
    assert found.spec is not None
    assert found.spec.command.env == {"M": None}
    assert unreadable(found) == {"--model-id": "$(M) takes a variable whose value is not known here"}
    assert found.spec.model.architecture is None
    assert found.spec.model.unknown_because == (
        "which model is served cannot be read: $(M) takes a variable whose value is not known here"
    )


@pytest.mark.parametrize(
    ("args", "where", "message"),
    [
        (["--num-shard", "${n}"], "--num-shard", "the value '${n}' is not filled in yet"),
        (["--num-shard={{ n }}"], "--num-shard", "the value '--num-shard={{ n }}' is not filled in yet"),
        (["--json-output", "${more}"], "--json-output", "the value '${more}' is not filled in yet"),
        (["${all}"], "'${all}'", "the value '${all}' is not filled in yet"),
        (["--num-shard", 2], "--num-shard", "the argument 2 is no text, which Kubernetes refuses"),
    ],
)
def test_a_template_that_is_not_filled_in_is_unreadable(
    args: list[Any], where: str, message: str, *, container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """Placeholders are never guessed, and never taken for a wrong value."""
    found = one(deployment(container(args=["--model-id", "gpt2", *args])))
    assert unreadable(found) == {where: message}
    assert found.spec is not None
    assert found.spec.option("num_shard") is None
    assert [fault for fault in found.spec.command.faults if not fault.unreadable] == []


def test_variables_that_come_whole_from_elsewhere_are_unreadable(
    container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """A ConfigMap or a Secret may set any option."""
    found = one(deployment(container(envFrom=[{"configMapRef": {"name": "conf"}}])))
    assert unreadable(found) == {"envFrom": "variables come from ConfigMap conf, which is not read"}
    found = one(deployment(container(envFrom=[{"secretRef": {"name": "token"}}])))
    assert unreadable(found) == {"envFrom": "variables come from Secret token, which is not read"}


def test_a_variable_that_is_no_text_is_unreadable(
    container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """Kubernetes takes text only."""
    found = one(deployment(container(env=[{"name": "NUM_SHARD", "value": 2}])))
    assert unreadable(found)["NUM_SHARD"] == "the value of NUM_SHARD, 2, is no text, which Kubernetes refuses"


def test_entries_without_a_name_and_without_a_value_are_read_as_kubernetes_does(
    container: Make, deployment: Make, one: Make
) -> None:
    """A variable without a value is empty; an entry without a name is none."""
    found = one(deployment(container(env=[{"name": "A"}, {"value": "x"}, "B"])))
    assert found.spec.command.env == {"A": ""}
