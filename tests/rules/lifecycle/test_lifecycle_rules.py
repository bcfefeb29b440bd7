"""Arithmetic and legal exceptions of rules about the life of a server that a fixture would not show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document, workloads
from voltaic.manifests.views import Objects
from voltaic.rules.lifecycle import _rollout

if TYPE_CHECKING:
    from collections.abc import Callable

BASELINES = Path(__file__).parents[1] / "fixtures" / "baseline"
SELECTS = {"selector": {"matchLabels": {"app": "llm"}}}


def baseline(name: str) -> Any:
    """Return the manifest that nothing is said about."""
    return load_documents((BASELINES / f"{name}.yaml").read_text())[0]


def server(content: Any) -> Any:
    """Return the first container of a manifest."""
    return content["spec"]["template"]["spec"]["containers"][0]


def said(rule: str, content: Any, *others: Any, timeout: int | None = None) -> list[str]:
    """Return what a rule says of a manifest, with other objects beside it."""
    documents = [Document("m.yaml", number, one) for number, one in enumerate((content, *others), 1)]
    found = checking.of_workloads(workloads(documents), Objects.of(documents), timeout_seconds=timeout)
    return [one.finding.message for checked in found for one in checked.said if one.finding.rule == rule]


def beside(kind: str, spec: Any, *, name: str = "llm", namespace: str | None = "team-a") -> dict[str, Any]:
    """Return an object of the same input."""
    metadata = {"name": name} | ({} if namespace is None else {"namespace": namespace})
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("value", "of", "up", "share"),
    [
        (1, 4, True, 1),
        ("25%", 1, True, 1),
        ("25%", 1, False, 0),
        ("25%", 4, False, 1),
        ("30%", 3, True, 1),
        ("100%", 3, False, 3),
        ("0%", 3, True, 0),
        ("a lot", 3, True, None),
        (None, 3, True, None),
    ],
)
def test_shares_of_replicas(value: Any, of: int, up: bool, share: int | None) -> None:  # noqa: FBT001  the case
    """A percentage is rounded as the Deployment controller rounds it."""
    assert _rollout.share(value, of, up=up) == share


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        ({"exec": {"command": ["sleep", "10"]}}, 10),
        ({"exec": {"command": ["/bin/sleep", "10s"]}}, 10),
        ({"exec": {"command": ["/bin/sh", "-c", "sleep 25"]}}, 25),
        ({"exec": {"command": ["bash", "-c", "sleep 25;"]}}, 25),
        ({"exec": {"command": ["sh", "-c", "curl localhost/drain; sleep 60"]}}, 0),
        ({"sleep": {"seconds": 7}}, 7),
        ({"httpGet": {"path": "/drain", "port": 80}}, 0),
        (None, 0),
    ],
)
def test_sleeps_of_a_hook(hook: Any, seconds: int) -> None:
    """A hook that only sleeps is read; what another one takes is not known."""
    assert _rollout.pre_stop({"preStop": hook})[0] == seconds


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({"httpHeaders": [{"name": "Authorization", "value": "Bearer key"}]}, 0),
        ({"host": "127.0.0.1"}, 0),
        ({"path": "/v1/models?x=1"}, 1),
        ({"path": "v1/models"}, 1),
        ({"path": "${PATH}"}, 0),
        ({}, 1),
    ],
)
def test_a_probe_of_what_the_key_guards(change: dict[str, Any], count: int) -> None:
    """A probe may send the key, or ask another host; a query is not part of the route."""
    content = baseline("vllm")
    server(content)["readinessProbe"]["httpGet"] = {"path": "/v1/models", "port": "http"} | change
    assert len(said("probe-path", content)) == count


@pytest.mark.parametrize(
    ("port", "edit", "count"),
    [
        (8080, {}, 1),
        ("8080", {}, 1),
        (8000, {}, 0),
        ("http", {}, 0),
        ("grpc", {}, 1),
        ("${PORT}", {}, 0),
        (0, {}, 0),
        (8080, {"hostNetwork": True}, 0),
        (8080, {"initContainers": [{"name": "proxy", "image": "p:1", "restartPolicy": "Always"}]}, 0),
        (8080, {"initContainers": [{"name": "fetch", "image": "p:1"}]}, 1),
    ],
)
def test_ports_of_probes(port: Any, edit: dict[str, Any], count: int) -> None:
    """Another process of the pod's address may answer; a name must be one of the container's own."""
    content = baseline("vllm")
    content["spec"]["template"]["spec"] |= edit
    server(content)["livenessProbe"]["httpGet"]["port"] = port
    assert len(said("probe-port", content)) == count


def test_a_port_is_told_once() -> None:
    """Three probes on one wrong port are one finding, of which the first probe is the place."""
    content = baseline("tgi")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        server(content)[probe]["httpGet"]["port"] = 3000
    checked = checking.check([Document("m.yaml", 1, content)])
    found = [one.finding for one in checked[0].said if one.finding.rule == "probe-port"]
    assert [one.path for one in found] == ["spec.template.spec.containers[0].startupProbe.httpGet.port"]
    assert found[0].fix == "Ask port 8080, or tell the server to listen on 3000."


@pytest.mark.parametrize(("scheme", "count"), [("HTTPS", 1), ("https", 1), ("HTTP", 0), (None, 0), ("ftp", 0)])
def test_schemes_of_probes(scheme: str | None, count: int) -> None:
    """A server without certificates speaks http."""
    content = baseline("lmdeploy")
    server(content)["livenessProbe"]["httpGet"] |= {} if scheme is None else {"scheme": scheme}
    assert len(said("probe-scheme", content)) == count


@pytest.mark.parametrize(
    ("delay", "period", "failures", "count"),
    [(0, None, None, 1), (0, 10, 47, 1), (0, 10, 49, 0), (470, 10, 1, 1), (480, 10, 1, 0), ("${DELAY}", 10, 3, 1)],
)
def test_a_liveness_probe_that_waits_for_the_load(delay: Any, period: Any, failures: Any, count: int) -> None:
    """Some 483 s are what download, load and warm-up of these weights usually take."""
    content = baseline("tgi")
    del server(content)["startupProbe"]
    stated = {"initialDelaySeconds": delay, "periodSeconds": period, "failureThreshold": failures}
    stated = {field: value for field, value in stated.items() if value is not None}
    server(content)["livenessProbe"] = {"httpGet": {"path": "/health", "port": "http"}} | stated
    assert len(said("startup-probe", content)) == count


def test_a_server_that_loads_on_request_needs_no_startup_probe() -> None:
    """Ollama answers before it has loaded anything."""
    content = baseline("tgi")
    container = server(content)
    container |= {"image": "ollama/ollama:0.12.0", "args": ["serve"]}
    del container["startupProbe"]
    assert said("startup-probe", content) == []


@pytest.mark.parametrize(("failures", "count"), [(1, 1), (4, 1), (5, 0)])
def test_the_startup_budget_is_compared_in_seconds(failures: int, count: int) -> None:
    """9 s are the least for 14.48 GB from a disk, and 2 s a probe."""
    content = baseline("tgi")
    server(content)["startupProbe"] |= {"periodSeconds": 2, "failureThreshold": failures}
    assert len(said("startup-budget", content)) == count


def test_a_download_counts_where_nothing_is_kept() -> None:
    """A claim may hold the weights already; an emptyDir never does."""
    content = baseline("tgi")
    server(content)["startupProbe"] |= {"periodSeconds": 2, "failureThreshold": 8}
    assert said("startup-budget", content) == []
    content["spec"]["template"]["spec"]["volumes"][0] = {"name": "cache", "emptyDir": {}}
    assert ["a start takes 20 s at least" in message for message in said("startup-budget", content)] == [True]


@pytest.mark.parametrize(
    ("replicas", "strategy", "count"),
    [
        (1, None, 1),
        (3, None, 1),
        (4, None, 0),
        (0, None, 0),
        ("${REPLICAS}", None, 0),
        (1, {"type": "Recreate"}, 0),
        (1, {"rollingUpdate": {"maxSurge": 0}}, 0),
        (2, {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}, 0),
        (2, {"rollingUpdate": {"maxUnavailable": "${FEWER}"}}, 0),
    ],
)
def test_rollouts_that_add_before_they_take(replicas: Any, strategy: Any, count: int) -> None:
    """What cannot be read is not judged; a rollout that takes a pod down first needs no free GPU."""
    content = baseline("tgi")
    content["spec"] |= {"replicas": replicas, "strategy": strategy}
    assert len(said("rollout-surge", content)) == count


@pytest.mark.parametrize(
    ("seconds", "notes", "count"),
    [
        (None, {}, 0),
        (969, {}, 1),
        (970, {}, 0),
        (None, {"pulumi.com/timeoutSeconds": "969"}, 1),
        (970, {"pulumi.com/timeoutSeconds": "60"}, 0),
        (60, {"pulumi.com/skipAwait": "true"}, 0),
    ],
)
def test_pulumis_patience(seconds: int | None, notes: dict[str, str], count: int) -> None:
    """The custom time-out goes before the annotation, and none of them counts where Pulumi does not wait."""
    content = baseline("tgi")
    content["metadata"]["annotations"] = notes
    assert len(said("pulumi-timeout", content, timeout=seconds)) == count


@pytest.mark.parametrize(
    ("grace", "hook", "count"), [(None, 0, 1), (89, 0, 1), (90, 0, 0), (99, 10, 1), (100, 10, 0), (10, 10, 0)]
)
def test_the_grace_for_answers_that_run(grace: int | None, hook: int, count: int) -> None:
    """TGI itself waits 90 s, and the hook's time comes off; a hook that takes all of it is another rule's matter."""
    content = baseline("tgi")
    pod = content["spec"]["template"]["spec"]
    pod.pop("terminationGracePeriodSeconds")
    pod |= {} if grace is None else {"terminationGracePeriodSeconds": grace}
    server(content)["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", str(hook)]}}}
    assert len(said("termination-grace", content)) == count


def test_vllm_ends_answers_itself() -> None:
    """Of an engine whose drain is not known nothing is said."""
    content = baseline("vllm")
    del content["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert said("termination-grace", content) == []


@pytest.mark.parametrize(
    ("hard", "namespace", "count"),
    [
        ({"requests.nvidia.com/gpu": "1"}, "team-a", 1),
        ({"requests.nvidia.com/gpu": "2"}, "team-a", 0),
        ({"requests.nvidia.com/gpu": 1}, "team-b", 0),
        ({"requests.nvidia.com/gpu": 1}, None, 0),
        ({"memory": "8Gi"}, "team-a", 1),
        ({"cpu": "3"}, "team-a", 1),
        ({"requests.cpu": "4"}, "team-a", 0),
        ({"count/deployments.apps": "0"}, "team-a", 0),
        ({"requests.storage": "1Gi"}, "team-a", 0),
        ({"requests.nvidia.com/gpu": "${GPUS}"}, "team-a", 0),
    ],
)
def test_quotas(hard: dict[str, Any], namespace: str | None, count: int) -> None:
    """A quota counts pods of its own namespace, by the names that Kubernetes gives resources."""
    assert len(said("quota", baseline("tgi"), beside("ResourceQuota", {"hard": hard}, namespace=namespace))) == count


def test_quotas_of_overlays_are_not_mixed() -> None:
    """Where no namespace is said, a quota counts if it stands in the same file or is the only one."""
    content = baseline("tgi")
    del content["metadata"]["namespace"]
    quota = beside("ResourceQuota", {"hard": {"pods": "0"}}, namespace=None)
    other = beside("ResourceQuota", {"hard": {"pods": "9"}}, name="other", namespace=None)

    def found(*documents: Document) -> int:
        checked = checking.check(documents)
        return sum(one.finding.rule == "quota" for one in checked[0].said)

    assert found(Document("a.yaml", 1, content), Document("a.yaml", 2, quota), Document("b.yaml", 1, other)) == 1
    assert found(Document("a.yaml", 1, content), Document("b.yaml", 1, quota)) == 1
    assert found(Document("a.yaml", 1, content), Document("b.yaml", 1, quota), Document("c.yaml", 1, other)) == 0


@pytest.mark.parametrize(
    ("spec", "replicas", "count"),
    [
        ({"minAvailable": 2}, 2, 1),
        ({"minAvailable": "51%"}, 2, 1),
        ({"minAvailable": "50%"}, 2, 0),
        ({"maxUnavailable": "0%"}, 2, 1),
        ({"maxUnavailable": "1%"}, 1, 0),
        ({"minAvailable": 1, "selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}, 1, 0),
        ({"minAvailable": 1, "selector": {}}, 1, 0),
    ],
)
def test_disruption_budgets(spec: dict[str, Any], replicas: int, count: int) -> None:
    """Percentages are rounded up; what selects otherwise than by labels is not judged."""
    content = baseline("tgi")
    content["spec"]["replicas"] = replicas
    assert len(said("disruption-budget", content, beside("PodDisruptionBudget", SELECTS | spec))) == count


def test_a_budget_for_replicas_that_are_scaled_is_not_judged() -> None:
    """How many replicas there are is the autoscaler's matter."""
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 4}
    budget = beside("PodDisruptionBudget", SELECTS | {"minAvailable": 1})
    assert said("disruption-budget", baseline("tgi"), budget)
    assert said("disruption-budget", baseline("tgi"), budget, beside("HorizontalPodAutoscaler", target)) == []


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"ports": [{"port": 80}]}, 1),
        ({"ports": [{"port": 8080}]}, 0),
        ({"ports": [{"port": 80, "targetPort": "http"}]}, 0),
        ({"ports": [{"port": 80}], "clusterIP": "None"}, 0),
        ({"ports": [{"port": 80, "protocol": "UDP"}]}, 0),
        ({"ports": [{"port": 80, "targetPort": "${PORT}"}]}, 0),
        ({"ports": [{"port": 80}], "selector": {}}, 0),
        ({"ports": [{"port": 80}], "selector": {"app": "llm", "tier": "gpu"}}, 0),
        ({"ports": [{"port": 80}, {"port": 81}]}, 2),
    ],
)
def test_services(spec: dict[str, Any], count: int) -> None:
    """A Service that selects the pod leads to a port of it; a headless one leads nowhere in particular."""
    service = beside("Service", {"selector": {"app": "llm"}} | spec)
    assert len(said("service-port", baseline("tgi"), service)) == count


@pytest.mark.parametrize(
    ("labels", "count"),
    [({"app": "llm"}, 0), ({"app": "tgi"}, 1), ({"app": "${NAME}"}, 0), ({"{{ .key }}": "x"}, 0), ({"tier": "a"}, 1)],
)
def test_selectors(labels: dict[str, str], count: int) -> None:
    """Labels that are not filled in yet may become anything."""
    content = baseline("tgi")
    content["spec"]["selector"]["matchLabels"] = labels
    assert len(said("selector-labels", content)) == count


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        ({"type": "Container", "max": {"memory": "10Gi"}}, 0),
        ({"type": "Container", "max": {"memory": "9Gi"}}, 1),
        ({"type": "Container", "min": {"cpu": "4001m"}}, 1),
        ({"type": "Container", "max": {"cpu": "1"}}, 0),
        ({"type": "Container", "maxLimitRequestRatio": {"memory": "1"}}, 0),
        ({"type": "Pod", "max": {"memory": "9Gi"}}, 1),
        ({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, 0),
    ],
)
def test_limit_ranges(entry: dict[str, Any], count: int) -> None:
    """Only what a container states is compared: what it leaves out is filled in."""
    assert len(said("limit-range", baseline("tgi"), beside("LimitRange", {"limits": [entry]}))) == count


@pytest.mark.parametrize(
    ("scaler", "count"),
    [
        ({"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 2}, 1),
        ({"scaleTargetRef": {"kind": "StatefulSet", "name": "llm"}, "maxReplicas": 2}, 0),
        ({"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "metrics": [{"type": "External"}]}, 0),
        ({"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "metrics": [{"resource": {"name": "memory"}}]}, 1),
    ],
)
def test_autoscalers(scaler: dict[str, Any], count: int) -> None:
    """An autoscaler without metrics watches the CPU."""
    assert len(said("autoscaler", baseline("tgi"), beside("HorizontalPodAutoscaler", scaler))) == count


@pytest.mark.parametrize(("mode", "count"), [(None, 1), ("Recreate", 1), ("Initial", 0), ("Off", 0)])
def test_vertical_autoscalers(mode: str | None, count: int) -> None:
    """A size that is given at the start alone ends no pod."""
    spec: dict[str, Any] = {"targetRef": {"kind": "Deployment", "name": "llm"}}
    spec |= {} if mode is None else {"updatePolicy": {"updateMode": mode}}
    assert len(said("vertical-autoscaler", baseline("tgi"), beside("VerticalPodAutoscaler", spec))) == count


@pytest.mark.parametrize(
    ("edit", "count"),
    [
        (lambda spec: None, 1),
        (lambda spec: spec.update(readinessGates=[{"conditionType": "ready"}]), 0),
        (lambda spec: spec["containers"][0].update(readinessProbe={"tcpSocket": {"port": 8080}}), 0),
    ],
)
def test_readiness(edit: Callable[[Any], object], count: int) -> None:
    """A condition that somebody else sets holds requests back as well as a probe does."""
    content = baseline("tgi")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        del server(content)[probe]
    edit(content["spec"]["template"]["spec"])
    assert len(said("readiness-probe", content)) == count
