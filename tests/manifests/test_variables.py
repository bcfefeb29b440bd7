"""Variables of a container, its own and those of ConfigMaps and Secrets in the same input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic.manifests import Document, workloads
from voltaic.manifests.places import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from voltaic.manifests import Workload

    Make = Callable[..., Any]

ARGS = ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2"]


def config(data: dict[str, Any], name: str = "conf", *, kind: str = "ConfigMap", **metadata: Any) -> dict[str, Any]:
    """Return a ConfigMap or its like."""
    key = "stringData" if kind == "Secret" else "data"
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name} | metadata, key: data}


FROM = [{"configMapRef": {"name": "conf"}}]


def served(found: tuple[Workload, ...]) -> Workload:
    """Return the one server."""
    (server,) = [one for one in found if one.spec is not None]
    return server


def test_settings_may_stand_in_a_config_map_alone(container: Make, deployment: Make, read: Make) -> None:
    """All that a launcher reads from its environment is read from the ConfigMap, and placed there."""
    data = {"MODEL_ID": ARGS[1], "MAX_TOTAL_TOKENS": "2048"}
    found = served(read(config(data), deployment(container(args=[], envFrom=FROM))))
    assert found.spec.model.id == ARGS[1]
    assert found.spec.option("max_total_tokens") == 2048
    assert found.spec.command.faults == ()
    assert found.place("MAX_TOTAL_TOKENS") == Place("a.yaml", 1, "data.MAX_TOTAL_TOKENS")


def test_a_fault_of_a_variable_is_placed(container: Make, deployment: Make, read: Make) -> None:
    """It stands in the ConfigMap, and in no field of the pod's own document."""
    found = served(read(deployment(container(args=ARGS, envFrom=FROM)), config({"MAX_TOTAL_TOKENS": "many"})))
    (fault,) = found.spec.command.faults
    assert (fault.where, fault.path) == ("MAX_TOTAL_TOKENS", None)
    assert found.place(fault.where) == Place("a.yaml", 2, "data.MAX_TOTAL_TOKENS")


@pytest.mark.parametrize(
    ("fields", "env"),
    [
        ({"envFrom": [{"prefix": "P_", "configMapRef": {"name": "conf"}}]}, {"P_A": "1", "P_B": None}),
        ({"envFrom": FROM, "env": [{"name": "A", "value": "2"}]}, {"A": "2", "B": None}),
        ({"envFrom": FROM, "env": [{"name": "C", "value": "$(A)x"}]}, {"A": "1", "B": None, "C": "1x"}),
        ({"envFrom": FROM, "env": [{"name": "C", "value": "$(B)x"}]}, {"A": "1", "B": None, "C": None}),
        ({"env": [{"name": "C", "value": "$(A)x"}]}, {"C": "$(A)x"}),
        ({"env": [{"name": "C", "value": "$$(A)"}]}, {"C": "$(A)"}),
        ({"env": [{"name": "C", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "A"}}}]}, {"C": "1"}),
        ({"env": [{"name": "C", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "Z"}}}]}, {"C": None}),
        (
            {"env": [{"name": "C", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "Z", "optional": True}}}]},
            {},
        ),
        ({"env": [{"name": "C", "valueFrom": {"configMapKeyRef": {"name": "other", "key": "A"}}}]}, {"C": None}),
        ({"env": [{"name": "C", "valueFrom": {"secretKeyRef": {"name": "token", "key": "T"}}}]}, {"C": None}),
        ({"env": [{"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}, {"C": None}),
        ({"envFrom": [{"secretRef": {"name": "token"}}]}, {"T": None}),
        ({"envFrom": [{"secretRef": {"name": "encoded"}}]}, {"U": None}),
        ({"env": [{"name": "C", "value": "1"}, {"name": "C", "value": "2"}]}, {"C": "2"}),
    ],
)
def test_variables_are_those_that_kubernetes_sets(
    fields: dict[str, Any], env: dict[str, Any], *, container: Make, deployment: Make, read: Make
) -> None:
    """`env` stands over `envFrom`, references are filled in from what comes before, Secrets keep their values."""
    held = [config({"A": "1", "B": "${x}"}), config({"T": "s3cret"}, "token", kind="Secret")]
    held.append({"kind": "Secret", "metadata": {"name": "encoded"}, "data": {"U": "czNjcmV0"}})
    found = served(read(*held, deployment(container(args=ARGS, **fields))))
    assert found.spec.command.env == env


def test_the_object_in_the_same_file_is_meant(container: Make, deployment: Make) -> None:
    """Overlays of two sites have ConfigMaps of one name."""
    files = {"dev": "1024", "prod": "2048"}
    documents = [
        Document(file, number, content)
        for file, size in files.items()
        for number, content in enumerate(
            (config({"MAX_TOTAL_TOKENS": size}), deployment(container(args=ARGS, envFrom=FROM))), 1
        )
    ]
    assert [one.spec.option("max_total_tokens") for one in workloads(documents) if one.spec] == [1024, 2048]


@pytest.mark.parametrize("other", [{"MAX_TOTAL_TOKENS": "1024"}, {"MAX_TOTAL_TOKENS": "2048"}])
def test_of_two_objects_elsewhere_neither_is_taken_unless_they_are_alike(
    other: dict[str, str], container: Make, deployment: Make, unreadable: Make
) -> None:
    """Nobody says which of two is applied."""
    contents = [config({"MAX_TOTAL_TOKENS": "2048"}), config(other), deployment(container(args=ARGS, envFrom=FROM))]
    found = served(workloads([Document(f"{number}.yaml", 1, content) for number, content in enumerate(contents)]))
    alike = other == {"MAX_TOTAL_TOKENS": "2048"}
    assert (found.spec.option("max_total_tokens"), "envFrom" in unreadable(found)) == (
        (2048, False) if alike else (None, True)
    )


@pytest.mark.parametrize(("namespace", "known"), [("a", True), (None, True), ("b", False)])
def test_a_config_map_of_another_namespace_is_not_meant(
    namespace: str | None,
    *,
    known: bool,
    container: Make,
    deployment: Make,
    read: Make,
) -> None:
    """What names no namespace may be applied to the same."""
    content = deployment(container(args=ARGS, envFrom=FROM))
    content["metadata"]["namespace"] = "a"
    held = config({"MAX_TOTAL_TOKENS": "2048"}, **({} if namespace is None else {"namespace": namespace}))
    assert (served(read(held, content)).spec.option("max_total_tokens") == 2048) is known


def test_optional_says_nothing_about_what_is_elsewhere(
    container: Make, deployment: Make, one: Make, unreadable: Make
) -> None:
    """A ConfigMap that may be missing may also be there."""
    source = [{"configMapRef": {"name": "conf", "optional": True}}]
    assert "envFrom" in unreadable(one(deployment(container(args=ARGS, envFrom=source))))


def service(labels: dict[str, str], **metadata: str) -> dict[str, Any]:
    """Return a Service whose name makes a variable of vLLM's own."""
    spec = {"ports": [{"port": 80}], "selector": labels}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "vllm"} | metadata, "spec": spec}


@pytest.mark.parametrize(
    ("files", "labels", "namespace", "linked"),
    [
        (("a", "a"), {"app": "other"}, None, True),
        (("a", "b"), {"app": "other"}, None, False),
        (("a", "b"), {"app": "llm"}, None, True),
        (("a", "b"), {}, None, False),
        (("a", "b"), {"app": "other"}, "x", True),
    ],
)
def test_a_service_leaves_variables_where_it_is_certainly_beside_the_pod(
    files: tuple[str, str],
    labels: dict[str, str],
    namespace: str | None,
    *,
    linked: bool,
    container: Make,
    deployment: Make,
) -> None:
    """In the same file, in a namespace that both name, or as the Service of this very pod."""
    content = deployment(container(image="vllm/vllm-openai:v0.8.5", args=["--model", "a/b"]))
    content["spec"]["template"]["metadata"] = {"labels": {"app": "llm"}}
    named = {} if namespace is None else {"namespace": namespace}
    content["metadata"] |= named
    contents = [service(labels, **named), content]
    documents = [Document(file, number, one) for number, (file, one) in enumerate(zip(files, contents, strict=True), 1)]
    assert ("VLLM_PORT" in served(workloads(documents)).spec.command.env) is linked
