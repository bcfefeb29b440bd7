"""Probes: arithmetic and legal exceptions that a fixture would not show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from voltaic import checking
from voltaic.manifests import Document

if TYPE_CHECKING:
    from collections.abc import Callable


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
def test_a_probe_of_what_the_key_guards(lab: Any, change: dict[str, Any], count: int) -> None:
    """A probe may send the key, or ask another host; a query is not part of the route."""
    content = lab.baseline("vllm")
    lab.server(content)["readinessProbe"]["httpGet"] = {"path": "/v1/models", "port": "http"} | change
    assert len(lab.said("probe-path", content)) == count


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
def test_ports_of_probes(lab: Any, port: Any, edit: dict[str, Any], count: int) -> None:
    """Another process of the pod's address may answer; a name must be one of the container's own."""
    content = lab.baseline("vllm")
    content["spec"]["template"]["spec"] |= edit
    lab.server(content)["livenessProbe"]["httpGet"]["port"] = port
    assert len(lab.said("probe-port", content)) == count


def test_a_port_is_told_once(lab: Any) -> None:
    """Three probes on one wrong port are one finding, of which the first probe is the place."""
    content = lab.baseline("tgi")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        lab.server(content)[probe]["httpGet"]["port"] = 3000
    checked = checking.check([Document("m.yaml", 1, content)])
    found = [one.finding for one in checked[0].said if one.finding.rule == "probe-port"]
    assert [one.path for one in found] == ["spec.template.spec.containers[0].startupProbe.httpGet.port"]
    assert found[0].fix == "Ask port 8080, or tell the server to listen on 3000."


@pytest.mark.parametrize(("scheme", "count"), [("HTTPS", 1), ("https", 1), ("HTTP", 0), (None, 0), ("ftp", 0)])
def test_schemes_of_probes(lab: Any, scheme: str | None, count: int) -> None:
    """A server without certificates speaks http."""
    content = lab.baseline("lmdeploy")
    lab.server(content)["livenessProbe"]["httpGet"] |= {} if scheme is None else {"scheme": scheme}
    assert len(lab.said("probe-scheme", content)) == count


@pytest.mark.parametrize(
    ("delay", "period", "failures", "count"),
    [(0, None, None, 1), (0, 10, 47, 1), (0, 10, 49, 0), (470, 10, 1, 1), (480, 10, 1, 0), ("${DELAY}", 10, 3, 1)],
)
def test_a_liveness_probe_that_waits_for_the_load(lab: Any, delay: Any, period: Any, failures: Any, count: int) -> None:
    """Some 483 s are what download, load and warm-up of these weights usually take."""
    content = lab.baseline("tgi")
    del lab.server(content)["startupProbe"]
    stated = {"initialDelaySeconds": delay, "periodSeconds": period, "failureThreshold": failures}
    stated = {field: value for field, value in stated.items() if value is not None}
    lab.server(content)["livenessProbe"] = {"httpGet": {"path": "/health", "port": "http"}} | stated
    assert len(lab.said("startup-probe", content)) == count


def test_a_server_that_loads_on_request_needs_no_startup_probe(lab: Any) -> None:
    """Ollama answers before it has loaded anything."""
    content = lab.baseline("tgi")
    container = lab.server(content)
    container |= {"image": "ollama/ollama:0.12.0", "args": ["serve"]}
    del container["startupProbe"]
    assert lab.said("startup-probe", content) == []


@pytest.mark.parametrize(("failures", "count"), [(1, 1), (4, 1), (5, 0)])
def test_the_startup_budget_is_compared_in_seconds(lab: Any, failures: int, count: int) -> None:
    """9 s are the least for 14.48 GB from a disk, and 2 s a probe."""
    content = lab.baseline("tgi")
    lab.server(content)["startupProbe"] |= {"periodSeconds": 2, "failureThreshold": failures}
    assert len(lab.said("startup-budget", content)) == count


def test_a_download_counts_where_nothing_is_kept(lab: Any) -> None:
    """A claim may hold the weights already; an emptyDir never does."""
    content = lab.baseline("tgi")
    lab.server(content)["startupProbe"] |= {"periodSeconds": 2, "failureThreshold": 8}
    assert lab.said("startup-budget", content) == []
    content["spec"]["template"]["spec"]["volumes"][0] = {"name": "cache", "emptyDir": {}}
    assert ["a start takes 20 s at least" in message for message in lab.said("startup-budget", content)] == [True]


@pytest.mark.parametrize(
    ("edit", "count"),
    [
        (lambda spec: None, 1),
        (lambda spec: spec.update(readinessGates=[{"conditionType": "ready"}]), 0),
        (lambda spec: spec["containers"][0].update(readinessProbe={"tcpSocket": {"port": 8080}}), 0),
    ],
)
def test_readiness(lab: Any, edit: Callable[[Any], object], count: int) -> None:
    """A condition that somebody else sets holds requests back as well as a probe does."""
    content = lab.baseline("tgi")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        del lab.server(content)[probe]
    edit(content["spec"]["template"]["spec"])
    assert len(lab.said("readiness-probe", content)) == count


def test_the_startup_probe_that_is_proposed_is_patient(lab: Any) -> None:
    """Twice the usual start, in steps of the period that is there."""
    content = lab.baseline("tgi")
    lab.server(content)["startupProbe"] |= {"periodSeconds": 2, "failureThreshold": 3}
    assert lab.finding("startup-budget", content).fix.startswith("Set failureThreshold: 483 at periodSeconds: 2,")


@pytest.mark.parametrize("field_of", ["initialDelaySeconds", "periodSeconds", "failureThreshold"])
def test_a_probe_that_is_not_filled_in_has_no_budget(lab: Any, field_of: str) -> None:
    """Where a number is a template, nothing is compared with it."""
    content = lab.baseline("tgi")
    content["spec"]["progressDeadlineSeconds"] = 60
    lab.server(content)["startupProbe"] |= {"failureThreshold": 1, "periodSeconds": 1, field_of: "${NUMBER}"}
    for rule in ("startup-budget", "progress-deadline", "pulumi-timeout"):
        assert lab.said(rule, content, timeout=1) == []


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
def test_what_a_liveness_probe_bears(lab: Any, probe: dict[str, Any], said_of: str) -> None:
    """A connection is accepted by another thread than the one that computes; what a program asks is not known."""
    content = lab.baseline("tgi")
    lab.server(content)["livenessProbe"] = probe
    found = lab.said("liveness-patience", content)
    assert [said_of in message for message in found] == ([True] if said_of else [])


def test_what_a_late_answer_costs(lab: Any) -> None:
    """The reason names the time of a load, where it is known."""
    content = lab.baseline("tgi")
    lab.server(content)["livenessProbe"]["failureThreshold"] = 1
    assert lab.finding("liveness-patience", content).why.endswith("and loads again for some 483 s.")
    lab.server(content)["args"][0] = "--model-id=somebody/unknown"
    del content["spec"]["template"]["spec"]["affinity"]
    assert lab.finding("liveness-patience", content).why.endswith("and loads again.")


@pytest.mark.parametrize(("path", "count"), [("/healthz", 1), ("/health", 0)])
def test_the_servers_own_port_is_the_servers_beside_others(lab: Any, path: str, count: int) -> None:
    """Whatever else runs in the pod, the port that the server listens on answers with the server's routes."""
    content = lab.baseline("vllm")
    content["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "p:1"})
    lab.server(content)["livenessProbe"]["httpGet"] = {"path": path, "port": 8000}
    assert len(lab.said("probe-path", content)) == count
    lab.server(content)["livenessProbe"]["httpGet"] = {"path": path, "port": 9090}
    assert lab.said("probe-path", content) == []


def test_another_build_of_tgi_may_have_other_routes(lab: Any) -> None:
    """Routes that are not listed are missing from the published image alone."""
    content = lab.baseline("tgi")
    lab.server(content)["livenessProbe"]["httpGet"]["path"] = "/v2/health/live"
    assert lab.said("probe-path", content)
    lab.server(content)["image"] = "registry.example/tgi:3.0.1"
    assert lab.said("probe-path", content) == []


@pytest.mark.parametrize(
    ("edit", "count"),
    [
        ({}, 1),
        ({"host": "127.0.0.1"}, 0),
        ({"port": 9090}, 0),
    ],
)
def test_https_to_other_places(lab: Any, edit: dict[str, Any], count: int) -> None:
    """Another host, and a port that is not the server's, may speak anything."""
    content = lab.baseline("tgi")
    lab.server(content)["livenessProbe"]["httpGet"] |= {"scheme": "HTTPS"} | edit
    assert len(lab.said("probe-scheme", content)) == count


def test_https_that_a_proxy_in_the_pod_ends(lab: Any) -> None:
    """A proxy beside the server may take the connection over."""
    content = lab.baseline("tgi")
    lab.server(content)["livenessProbe"]["httpGet"]["scheme"] = "HTTPS"
    content["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "p:1"})
    assert lab.said("probe-scheme", content) == []


def test_a_server_that_nothing_is_known_of_may_wait_ten_minutes(lab: Any) -> None:
    """Where neither model nor GPU is known, ten minutes before the last failure are enough."""
    content = lab.baseline("tgi")
    container = lab.server(content)
    del container["startupProbe"], content["spec"]["template"]["spec"]["affinity"]
    container["args"][0] = "--model-id=somebody/unknown"
    container["livenessProbe"] |= {"periodSeconds": 10, "failureThreshold": 59}
    assert len(lab.said("startup-probe", content)) == 1
    container["livenessProbe"]["failureThreshold"] = 60
    assert lab.said("startup-probe", content) == []


def test_a_probe_of_another_host_asks_no_port_of_the_pod(lab: Any) -> None:
    """What listens on another host is not the pod's matter."""
    content = lab.baseline("vllm")
    lab.server(content)["livenessProbe"]["tcpSocket"] = {"port": 1, "host": "10.0.0.1"}
    del lab.server(content)["livenessProbe"]["httpGet"]
    assert lab.said("probe-port", content) == []
    del lab.server(content)["livenessProbe"]["tcpSocket"]["host"]
    assert len(lab.said("probe-port", content)) == 1
