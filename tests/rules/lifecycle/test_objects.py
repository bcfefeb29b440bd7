"""Selectors, Services and disruption budgets, and the places of findings: what a fixture would not show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.bounded_yaml import load_documents
from voltaic import checking
from voltaic.manifests import Document
from voltaic.rules import catalogue

FIXTURES = Path(__file__).parents[1] / "fixtures"
SELECTS = {"selector": {"matchLabels": {"app": "llm"}}}


def fixtures() -> list[Path]:
    """Return every refused manifest of the two families about the node and the life of a server."""
    ids = {rule.id for rule in catalogue.manifest_rules() if catalogue.family(rule) in {"host", "lifecycle"}}
    return [path for path in sorted(FIXTURES.glob("*/refused/*.yaml")) if path.parent.parent.name in ids]


def field(document: Any, path: str) -> Any:
    """Return what lies at a field's path of a document; raises KeyError or IndexError where there is nothing."""
    for part in path.replace("[", ".").replace("]", "").split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


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
        (
            {
                "minAvailable": 1,
                "selector": {"matchLabels": {"app": "llm"}, "matchExpressions": [{"key": "app", "operator": "Exists"}]},
            },
            1,
            0,
        ),
    ],
)
def test_disruption_budgets(lab: Any, spec: dict[str, Any], replicas: int, count: int) -> None:
    """Percentages are rounded up; what selects otherwise than by labels is not judged."""
    content = lab.baseline("tgi")
    content["spec"]["replicas"] = replicas
    assert len(lab.said("disruption-budget", content, lab.beside("PodDisruptionBudget", SELECTS | spec))) == count


def test_a_budget_for_replicas_that_are_scaled_is_not_judged(lab: Any) -> None:
    """How many replicas there are is the autoscaler's matter."""
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "llm"}, "maxReplicas": 4}
    budget = lab.beside("PodDisruptionBudget", SELECTS | {"minAvailable": 1})
    assert lab.said("disruption-budget", lab.baseline("tgi"), budget)
    assert (
        lab.said("disruption-budget", lab.baseline("tgi"), budget, lab.beside("HorizontalPodAutoscaler", target)) == []
    )


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
def test_services(lab: Any, spec: dict[str, Any], count: int) -> None:
    """A Service that selects the pod leads to a port of it; a headless one leads nowhere in particular."""
    service = lab.beside("Service", {"selector": {"app": "llm"}} | spec)
    assert len(lab.said("service-port", lab.baseline("tgi"), service)) == count


@pytest.mark.parametrize(
    ("labels", "count"),
    [({"app": "llm"}, 0), ({"app": "tgi"}, 1), ({"app": "${NAME}"}, 0), ({"{{ .key }}": "x"}, 0), ({"tier": "a"}, 1)],
)
def test_selectors(lab: Any, labels: dict[str, str], count: int) -> None:
    """Labels that are not filled in yet may become anything."""
    content = lab.baseline("tgi")
    content["spec"]["selector"]["matchLabels"] = labels
    assert len(lab.said("selector-labels", content)) == count


@pytest.mark.parametrize("path", fixtures(), ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_every_place_is_a_field_of_the_document(path: Path) -> None:
    """A finding points to something that stands in the document, not to what is missing from it."""
    documents = [Document(path.name, number, one) for number, one in enumerate(load_documents(path.read_text()), 1)]
    for checked in checking.check(documents):
        for one in checked.said:
            assert one.finding.path is not None
            field(documents[0].content, one.finding.path)


def test_a_budget_for_a_parked_server_blocks_nothing(lab: Any) -> None:
    """Without pods there is nothing to drain, and a DaemonSet's pods are not drained."""
    content = lab.baseline("tgi")
    budget = lab.beside("PodDisruptionBudget", SELECTS | {"minAvailable": 1})
    content["spec"]["replicas"] = 0
    assert lab.said("disruption-budget", content, budget) == []
    content["spec"]["replicas"], content["kind"] = 1, "DaemonSet"
    assert lab.said("disruption-budget", content, budget) == []


def test_a_service_may_lead_to_a_name_of_another_container(lab: Any) -> None:
    """Names count in all containers that run."""
    content = lab.baseline("tgi")
    service = lab.beside("Service", {"selector": {"app": "llm"}, "ports": [{"port": 80, "targetPort": "proxy"}]})
    proxy = {"name": "proxy", "image": "p:1", "ports": [{"name": "proxy", "containerPort": 8443}]}
    pod = content["spec"]["template"]["spec"]
    pod["initContainers"] = [proxy]
    assert len(lab.said("service-port", content, service)) == 1
    pod["containers"].append(pod.pop("initContainers")[0])
    assert lab.said("service-port", content, service) == []


@pytest.mark.parametrize(("kind", "count"), [("DaemonSet", 1), ("Job", 0)])
def test_kinds_whose_selector_is_their_own(lab: Any, kind: str, count: int) -> None:
    """A Job's selector is made by its controller."""
    content = lab.baseline("tgi")
    content["kind"] = kind
    content["spec"]["selector"]["matchLabels"] = {"app": "other"}
    assert len(lab.said("selector-labels", content)) == count


def test_what_several_objects_of_one_name_say_is_said_once(lab: Any) -> None:
    """The same Service in the files of several sites makes one finding of a pod, not one a file."""
    service = lab.beside("Service", {"selector": {"app": "llm"}, "ports": [{"port": 80, "targetPort": 9999}]})
    assert len(lab.said("service-port", lab.baseline("tgi"), service)) == 1
    assert len(lab.said("service-port", lab.baseline("tgi"), service, service, service)) == 1


def test_pods_without_probes_wait_for_nobody(lab: Any) -> None:
    """A replica without readinessProbe and startupProbe is ready as soon as it runs, and the next one starts."""
    content = load_documents((FIXTURES / "ordered-start" / "refused" / "three-replicas.yaml").read_text())[0]
    assert lab.said("ordered-start", content)
    for probe in ("readinessProbe", "startupProbe"):
        assert lab.said("ordered-start", content)
        del lab.server(content)[probe]
    assert lab.said("ordered-start", content) == []
