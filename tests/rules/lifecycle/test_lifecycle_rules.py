"""Arithmetic and legal exceptions of rules about the life of a server that a fixture would not show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document, workloads
from voltaic.manifests.views import Objects
from voltaic.rules import catalogue
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


def finding(rule: str, content: Any, *others: Any, timeout: int | None = None) -> Any:
    """Return the one finding of a rule."""
    documents = [Document("m.yaml", number, one) for number, one in enumerate((content, *others), 1)]
    found = checking.of_workloads(workloads(documents), Objects.of(documents), timeout_seconds=timeout)
    (one,) = [one.finding for checked in found for one in checked.said if one.finding.rule == rule]
    return one


def field(document: Any, path: str) -> Any:
    """Return what lies at a field's path of a document; raises KeyError or IndexError where there is nothing."""
    for part in path.replace("[", ".").replace("]", "").split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def fixtures() -> list[Path]:
    """Return every refused manifest of the two families about the node and the life of a server."""
    ids = {rule.id for rule in catalogue.manifest_rules() if catalogue.family(rule) in {"host", "lifecycle"}}
    return [path for path in sorted(BASELINES.parent.glob("*/refused/*.yaml")) if path.parent.parent.name in ids]


@pytest.mark.parametrize("path", fixtures(), ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_every_place_is_a_field_of_the_document(path: Path) -> None:
    """A finding points to something that stands in the document, not to what is missing from it."""
    documents = [Document(path.name, number, one) for number, one in enumerate(load_documents(path.read_text()), 1)]
    for checked in checking.check(documents):
        for one in checked.said:
            assert one.finding.path is not None
            field(documents[0].content, one.finding.path)


@pytest.mark.parametrize(
    ("change", "fix"),
    [(2, "Set strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}."), (1, "Set strategy: {type: Recreate}.")],
)
def test_the_strategy_that_is_proposed(change: int, fix: str) -> None:
    """One replica is replaced in its place; of several one goes down first."""
    content = baseline("lmdeploy")
    content["spec"] |= {"replicas": change, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    found = finding("rollout-surge", content)
    assert found.fix == fix
    assert "waits for 1 free GPU that" in found.why


def test_the_startup_probe_that_is_proposed_is_patient() -> None:
    """Twice the usual start, in steps of the period that is there."""
    content = baseline("tgi")
    server(content)["startupProbe"] |= {"periodSeconds": 2, "failureThreshold": 3}
    assert finding("startup-budget", content).fix.startswith("Set failureThreshold: 483 at periodSeconds: 2,")


def test_where_pulumi_is_told_to_wait() -> None:
    """An annotation is a field of the document; the program's own time-out is not."""
    content = baseline("tgi")
    assert (
        finding("pulumi-timeout", content, timeout=60).fix == "Set customTimeouts.create and update to more than 970 s."
    )
    content["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "60"}
    found = finding("pulumi-timeout", content)
    assert (found.path, found.fix) == ("metadata.annotations", "Set pulumi.com/timeoutSeconds to more than 970 s.")


@pytest.mark.parametrize(("kind", "count"), [("Deployment", 1), ("StatefulSet", 0), ("DaemonSet", 0)])
def test_only_deployments_have_a_progress_deadline(kind: str, count: int) -> None:
    """Other kinds are waited for by nobody but their owner."""
    content = baseline("tgi")
    content["kind"] = kind
    content["spec"]["progressDeadlineSeconds"] = 60
    assert len(said("progress-deadline", content)) == count


@pytest.mark.parametrize("field_of", ["initialDelaySeconds", "periodSeconds", "failureThreshold"])
def test_a_probe_that_is_not_filled_in_has_no_budget(field_of: str) -> None:
    """Where a number is a template, nothing is compared with it."""
    content = baseline("tgi")
    content["spec"]["progressDeadlineSeconds"] = 60
    server(content)["startupProbe"] |= {"failureThreshold": 1, "periodSeconds": 1, field_of: "${NUMBER}"}
    for rule in ("startup-budget", "progress-deadline", "pulumi-timeout"):
        assert said(rule, content, timeout=1) == []


@pytest.mark.parametrize(
    ("probe", "said_of"),
    [
        ({"exec": {"command": ["true"]}, "failureThreshold": 1}, ""),
        ({"tcpSocket": {"port": 8080}, "failureThreshold": 1}, "ends the server after 1 late answer"),
        ({"tcpSocket": {"port": 8080}}, ""),
        ({"httpGet": {"path": "/health", "port": 8080}}, "waits 1 s"),
        ({"httpGet": {"path": "/health", "port": 8080}, "timeoutSeconds": 2}, ""),
    ],
)
def test_what_a_liveness_probe_bears(probe: dict[str, Any], said_of: str) -> None:
    """A connection is accepted by another thread than the one that computes; what a program asks is not known."""
    content = baseline("tgi")
    server(content)["livenessProbe"] = probe
    found = said("liveness-patience", content)
    assert [said_of in message for message in found] == ([True] if said_of else [])


def test_what_a_late_answer_costs() -> None:
    """The reason names the time of a load, where it is known."""
    content = baseline("tgi")
    server(content)["livenessProbe"]["failureThreshold"] = 1
    assert finding("liveness-patience", content).why.endswith("and loads again for some 483 s.")
    server(content)["args"][0] = "--model-id=somebody/unknown"
    del content["spec"]["template"]["spec"]["affinity"]
    assert finding("liveness-patience", content).why.endswith("and loads again.")


def test_what_a_replica_waits_for() -> None:
    """The reason names the time of a load, where it is known."""
    content = baseline("tgi")
    content["kind"] = "StatefulSet"
    content["spec"]["replicas"] = 2
    assert "the load of some 483 s of" in finding("ordered-start", content).why
    server(content)["args"][0] = "--model-id=somebody/unknown"
    del content["spec"]["template"]["spec"]["affinity"]
    assert "the load of the" in finding("ordered-start", content).why


@pytest.mark.parametrize(
    ("name", "container", "path", "count"),
    [
        ("proxy", {"ports": []}, "/healthz", 1),
        ("proxy", {"ports": []}, "/health", 0),
    ],
)
def test_the_servers_own_port_is_the_servers_beside_others(
    name: str, container: dict[str, Any], path: str, count: int
) -> None:
    """Whatever else runs in the pod, the port that the server listens on answers with the server's routes."""
    content = baseline("vllm")
    content["spec"]["template"]["spec"]["containers"].append({"name": name, "image": "p:1"} | container)
    server(content)["livenessProbe"]["httpGet"] = {"path": path, "port": 8000}
    assert len(said("probe-path", content)) == count
    server(content)["livenessProbe"]["httpGet"] = {"path": path, "port": 9090}
    assert said("probe-path", content) == []


def test_another_build_of_tgi_may_have_other_routes() -> None:
    """Routes that are not listed are missing from the published image alone."""
    content = baseline("tgi")
    server(content)["livenessProbe"]["httpGet"]["path"] = "/v2/health/live"
    assert said("probe-path", content)
    server(content)["image"] = "registry.example/tgi:3.0.1"
    assert said("probe-path", content) == []


@pytest.mark.parametrize(
    ("edit", "count"),
    [
        ({}, 1),
        ({"host": "127.0.0.1"}, 0),
        ({"port": 9090}, 0),
    ],
)
def test_https_to_other_places(edit: dict[str, Any], count: int) -> None:
    """Another host, and a port that is not the server's, may speak anything."""
    content = baseline("tgi")
    server(content)["livenessProbe"]["httpGet"] |= {"scheme": "HTTPS"} | edit
    assert len(said("probe-scheme", content)) == count


def test_https_that_a_proxy_in_the_pod_ends() -> None:
    """A proxy beside the server may take the connection over."""
    content = baseline("tgi")
    server(content)["livenessProbe"]["httpGet"]["scheme"] = "HTTPS"
    content["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "p:1"})
    assert said("probe-scheme", content) == []


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ({"hard": {"requests.memory": "8Gi"}}, 1),
        (
            {"hard": {"requests.memory": "8Gi"}, "scopeSelector": {"matchExpressions": [{"scopeName": "Terminating"}]}},
            0,
        ),
        ({"hard": {"limits.cpu": "1"}}, 0),
    ],
)
def test_what_is_left_out_counts_as_the_limit(spec: dict[str, Any], count: int) -> None:
    """A request that is left out is as large as the limit; a limit that is left out is not known."""
    content = baseline("tgi")
    del server(content)["resources"]["requests"]["memory"]
    content["spec"]["template"]["spec"]["initContainers"] = [
        {"name": "i", "image": "i:1", "resources": {"limits": {"cpu": 9}, "requests": {"cpu": 9}}}
    ]
    assert len(said("quota", content, beside("ResourceQuota", spec))) == count


def test_the_least_of_several_quotas_counts() -> None:
    """A pod must fit into every quota of its namespace."""
    wide, narrow = ({"hard": {"requests.nvidia.com/gpu": number}} for number in (9, 1))
    for one, other in ((wide, narrow), (narrow, wide)):
        found = said(
            "quota", baseline("tgi"), beside("ResourceQuota", one, name="a"), beside("ResourceQuota", other, name="b")
        )
        assert [message.endswith("has 1.") for message in found] == [True]


@pytest.mark.parametrize(
    ("kind", "replicas", "count"), [("DaemonSet", 3, 0), ("StatefulSet", 0, 0), ("StatefulSet", 2, 1)]
)
def test_how_many_pods_a_quota_must_hold(kind: str, replicas: int, count: int) -> None:
    """A DaemonSet counts as one pod at least; a parked server as none."""
    content = baseline("tgi")
    content["kind"] = kind
    content["spec"]["replicas"] = replicas
    quota = beside("ResourceQuota", {"hard": {"requests.nvidia.com/gpu": 3 if replicas else 0}})
    assert len(said("quota", content, quota)) == count


@pytest.mark.parametrize(("most", "gpus", "count"), [(4, 8, 0), (5, 8, 1), (None, 8, 0)])
def test_the_most_that_keda_asks_for(most: int | None, gpus: int, count: int) -> None:
    """KEDA's field has another name than that of Kubernetes."""
    spec: dict[str, Any] = {"scaleTargetRef": {"name": "llm"}, "triggers": [{"type": "prometheus"}]}
    spec |= {} if most is None else {"maxReplicaCount": most}
    quota = beside("ResourceQuota", {"hard": {"requests.nvidia.com/gpu": gpus, "requests.memory": "1Gi"}})
    assert len(said("autoscaler", baseline("tgi"), beside("ScaledObject", spec), quota)) == count


def test_replicas_that_are_there_already_are_the_quotas_matter() -> None:
    """An autoscaler that asks for no more than the object itself adds nothing to what the quota says."""
    content = baseline("tgi")
    content["spec"]["replicas"] = 2
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 2, "metrics": [{"type": "Pods"}]}
    quota = beside("ResourceQuota", {"hard": {"requests.nvidia.com/gpu": 2}})
    assert said("autoscaler", content, beside("HorizontalPodAutoscaler", spec), quota) == []
    assert len(said("quota", content, quota)) == 1


def test_a_server_without_gpus_may_be_scaled_on_its_cpus() -> None:
    """Where no GPU computes, the CPU is the load."""
    content = baseline("tgi")
    for kind in ("limits", "requests"):
        del server(content)["resources"][kind]["nvidia.com/gpu"]
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 2}
    assert said("autoscaler", content, beside("HorizontalPodAutoscaler", spec)) == []


@pytest.mark.parametrize(
    ("metrics", "count"),
    [
        ([{"type": "ContainerResource", "containerResource": {"name": "cpu"}}], 1),
        ([{"type": "Resource", "resource": {"name": "cpu"}}, {"type": "Pods"}], 0),
        ([{"type": "Resource", "resource": {"name": "nvidia.com/gpu"}}], 0),
    ],
)
def test_metrics_of_an_autoscaler(metrics: list[Any], count: int) -> None:
    """One metric beside CPU and memory is enough."""
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 2, "metrics": metrics}
    assert len(said("autoscaler", baseline("tgi"), beside("HorizontalPodAutoscaler", spec))) == count


@pytest.mark.parametrize(
    ("target", "count"), [({"kind": "Deployment", "name": "other"}, 0), ({"kind": "StatefulSet", "name": "llm"}, 0)]
)
def test_a_vertical_autoscaler_of_another_object(target: dict[str, str], count: int) -> None:
    """Name and kind decide what it resizes."""
    assert (
        len(said("vertical-autoscaler", baseline("tgi"), beside("VerticalPodAutoscaler", {"targetRef": target})))
        == count
    )


def test_a_policy_that_leaves_the_server_on() -> None:
    """Only a policy of mode Off leaves a container alone."""
    policies = {"containerPolicies": [{"containerName": "tgi", "mode": "Auto"}]}
    spec = {"targetRef": {"kind": "Deployment", "name": "llm"}, "resourcePolicy": policies}
    assert len(said("vertical-autoscaler", baseline("tgi"), beside("VerticalPodAutoscaler", spec))) == 1


def test_a_budget_for_a_parked_server_blocks_nothing() -> None:
    """Without pods there is nothing to drain, and a DaemonSet's pods are not drained."""
    content = baseline("tgi")
    budget = beside("PodDisruptionBudget", SELECTS | {"minAvailable": 1})
    content["spec"]["replicas"] = 0
    assert said("disruption-budget", content, budget) == []
    content["spec"]["replicas"], content["kind"] = 1, "DaemonSet"
    assert said("disruption-budget", content, budget) == []


def test_a_service_may_lead_to_a_name_of_another_container() -> None:
    """Names count in all containers that run."""
    content = baseline("tgi")
    service = beside("Service", {"selector": {"app": "llm"}, "ports": [{"port": 80, "targetPort": "proxy"}]})
    proxy = {"name": "proxy", "image": "p:1", "ports": [{"name": "proxy", "containerPort": 8443}]}
    pod = content["spec"]["template"]["spec"]
    pod["initContainers"] = [proxy]
    assert len(said("service-port", content, service)) == 1
    pod["containers"].append(pod.pop("initContainers")[0])
    assert said("service-port", content, service) == []


@pytest.mark.parametrize(("kind", "count"), [("DaemonSet", 1), ("Job", 0)])
def test_kinds_whose_selector_is_their_own(kind: str, count: int) -> None:
    """A Job's selector is made by its controller."""
    content = baseline("tgi")
    content["kind"] = kind
    content["spec"]["selector"]["matchLabels"] = {"app": "other"}
    assert len(said("selector-labels", content)) == count


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        ({"type": "Container", "min": {"cpu": "4"}}, 0),
        ({"type": "Container", "min": {"ephemeral-storage": "5Gi"}}, 1),
        ({"type": "Container", "min": {"storage": "5Gi"}}, 0),
        ({"type": "Container", "min": {"memory": "${LEAST}"}}, 0),
        ({"type": "Container", "max": {"memory": "${MOST}"}}, 0),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "1", "memory": "${TIMES}"}}, 0),
        ({"type": "Pod", "max": {"memory": "10Gi", "cpu": "1"}}, 0),
        ({"type": "Pod", "max": {"memory": "${MOST}"}}, 0),
        ({"type": "Image", "max": {"memory": "1Gi"}}, 0),
    ],
)
def test_bounds_of_a_limit_range(entry: dict[str, Any], count: int) -> None:
    """A bound is kept at its own value; what cannot be read bounds nothing."""
    content = baseline("tgi")
    small = {"name": "i", "image": "i:1", "resources": {"limits": {"memory": "9Gi", "ephemeral-storage": "9Gi"}}}
    content["spec"]["template"]["spec"]["initContainers"] = [small]
    assert len(said("limit-range", content, beside("LimitRange", {"limits": [entry]}))) == count


def test_a_limit_range_of_overlays_is_not_mixed() -> None:
    """Of two without a namespace in other files nobody says which is meant."""
    content = baseline("tgi")
    del content["metadata"]["namespace"]
    limits = beside("LimitRange", {"limits": [{"type": "Pod", "max": {"memory": "1Gi"}}]}, namespace=None)

    def found(*files: str) -> int:
        documents = [Document("a.yaml", 1, content), *(Document(file, 1, limits) for file in files)]
        return sum(one.finding.rule == "limit-range" for one in checking.check(documents)[0].said)

    assert found("b.yaml") == 1
    assert found("b.yaml", "c.yaml") == 0


@pytest.mark.parametrize(("grace", "count"), [(10, 1), (11, 0), ("${GRACE}", 0)])
def test_the_hook_of_a_server_alone_counts(grace: Any, count: int) -> None:
    """Another container may sleep as it likes; a grace that is not filled in is not compared."""
    content = baseline("tgi")
    pod = content["spec"]["template"]["spec"]
    pod["terminationGracePeriodSeconds"] = grace
    pod["containers"].append({"name": "p", "image": "p:1", "lifecycle": {"preStop": {"sleep": {"seconds": 900}}}})
    assert len(said("pre-stop", content)) == count
    assert said("termination-grace", content) == [] or grace != "${GRACE}"


@pytest.mark.parametrize(
    ("image", "count"),
    [
        ("ghcr.io/huggingface/text-generation-inference:2.2.0", 1),
        ("ghcr.io/huggingface/text-generation-inference:1.4.5", 0),
        ("ghcr.io/huggingface/text-generation-inference:latest", 0),
        ("registry.example/tgi:2.2.0", 0),
    ],
)
def test_entrypoints(image: str, count: int) -> None:
    """Only of the published image of some releases is known what it starts."""
    content = baseline("tgi")
    server(content)["image"] = image
    assert len(said("entrypoint-signal", content)) == count


def test_a_server_that_nothing_is_known_of_may_wait_ten_minutes() -> None:
    """Where neither model nor GPU is known, ten minutes before the last failure are enough."""
    content = baseline("tgi")
    container = server(content)
    del container["startupProbe"], content["spec"]["template"]["spec"]["affinity"]
    container["args"][0] = "--model-id=somebody/unknown"
    container["livenessProbe"] |= {"periodSeconds": 10, "failureThreshold": 59}
    assert len(said("startup-probe", content)) == 1
    container["livenessProbe"]["failureThreshold"] = 60
    assert said("startup-probe", content) == []
