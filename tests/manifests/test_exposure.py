"""Who may reach a container from outside the cluster."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from voltaic.manifests import Document
from voltaic.manifests.documents import pod_objects
from voltaic.manifests.exposure import ways_in
from voltaic.manifests.reading import containers_of
from voltaic.manifests.views import Objects, Pod

POD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: llm, namespace: team-a}
spec:
  template:
    metadata: {labels: {app: llm, tier: gpu}}
    spec:
      containers:
      - {name: tgi, ports: [{name: http, containerPort: 8080}]}
      - {name: proxy, ports: [{name: login, containerPort: 4180}]}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: llm, namespace: team-a}\nspec: %s\n"
CLUSTER = SERVICE % "{selector: {app: llm}, ports: [{port: 80, targetPort: http}]}"
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: llm, namespace: team-a, annotations: %s}
spec: %s
"""
TO_LLM = "{rules: [{http: {paths: [{backend: {service: {name: llm}}}]}}]}"


def ways(*texts: str) -> list[tuple[str, bool]]:
    """Return each way in to the first container, and whether somebody asks who comes."""
    written = [one for text in (POD, *texts) for one in yaml.safe_load_all(text)]
    documents = [Document("all.yaml", number, content) for number, content in enumerate(written, 1)]
    others = Objects.of(documents)
    holder = next(pod_objects(others.all))
    pod = Pod(holder, tuple(containers_of(holder)))
    return [(str(way), way.guarded) for way in ways_in(pod, pod.containers[0], others)]


@pytest.mark.parametrize(
    ("expected", "spec"),
    [
        ([], "{selector: {app: llm}, ports: [{port: 8080}]}"),
        (
            [("Service of type NodePort llm", False)],
            "{type: NodePort, selector: {app: llm}, ports: [{port: 80, targetPort: http}]}",
        ),
        (
            [("Service of type LoadBalancer llm", False)],
            "{type: LoadBalancer, selector: {app: llm, tier: gpu}, ports: [{port: 8080}]}",
        ),
        (
            [("Service with externalIPs llm", False)],
            "{externalIPs: [192.0.2.1], selector: {app: llm}, ports: [{port: 8080}]}",
        ),
        (
            [("Service of type LoadBalancer llm", True)],
            "{type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8], selector: {app: llm}, ports: [{port: 8080}]}",
        ),
        (
            [("Service of type NodePort llm", False)],
            "{type: NodePort, selector: {app: llm}, ports: [{port: 80, targetPort: 9999}]}",
        ),
        ([], "{type: NodePort, selector: {app: llm}, ports: [{port: 80, targetPort: login}]}"),
        ([], "{type: NodePort, selector: {app: llm}, ports: [{port: 80, targetPort: 4180}]}"),
        ([], "{type: NodePort, selector: {app: other}, ports: [{port: 8080}]}"),
        ([], "{type: NodePort, ports: [{port: 8080}]}"),
    ],
)
def test_services(expected: list[tuple[str, bool]], spec: str) -> None:
    """A Service of a kind that is seen outside, whose port ends at this container and at no other that claims it."""
    assert expected == ways(SERVICE % spec)


@pytest.mark.parametrize(
    ("guarded", "annotations"),
    [
        (False, "{}"),
        (False, "{nginx.ingress.kubernetes.io/proxy-body-size: 10m}"),
        (False, "{kubectl.kubernetes.io/last-applied-configuration: '%s'}" % ("auth " * 60)),
        (True, "{nginx.ingress.kubernetes.io/auth-url: 'https://login.example.org'}"),
        (True, "{nginx.ingress.kubernetes.io/whitelist-source-range: 10.0.0.0/8}"),
        (True, "{traefik.ingress.kubernetes.io/router.middlewares: team-a-login@kubernetescrd}"),
        (True, "{alb.ingress.kubernetes.io/scheme: internal}"),
    ],
)
def test_an_ingress_may_ask_who_comes(guarded: bool, annotations: str) -> None:  # noqa: FBT001  a column of the table
    """By an annotation for a login, a middleware or the addresses that pass; not by a copy of the object in one."""
    assert [("Ingress llm", guarded)] == ways(CLUSTER, INGRESS % (annotations, TO_LLM))


ROUTE = "apiVersion: x\nkind: %s\nmetadata: {name: llm, namespace: team-a}\nspec: %s\n"


@pytest.mark.parametrize(
    ("guarded", "kind", "spec"),
    [
        (False, "Ingress", "{defaultBackend: {service: {name: llm}}}"),
        (False, "Ingress", "{rules: [{http: {paths: [{backend: {serviceName: llm, servicePort: 80}}]}}]}"),
        (None, "Ingress", "{rules: [{http: {paths: [{backend: {service: {name: other}}}]}}]}"),
        (False, "HTTPRoute", "{parentRefs: [{name: public}], rules: [{backendRefs: [{name: llm}]}]}"),
        (None, "HTTPRoute", "{parentRefs: [{kind: Service, name: llm}], rules: [{backendRefs: [{name: llm}]}]}"),
        (None, "HTTPRoute", "{rules: [{backendRefs: [{kind: InferencePool, name: llm}]}]}"),
        (True, "HTTPRoute", "{rules: [{filters: [{extensionRef: {name: login}}], backendRefs: [{name: llm}]}]}"),
        (False, "Route", "{to: {kind: Service, name: llm}}"),
        (False, "Route", "{to: {kind: Service, name: other}, alternateBackends: [{kind: Service, name: llm}]}"),
        (False, "VirtualService", "{gateways: [public], http: [{route: [{destination: {host: llm}}]}]}"),
        (None, "VirtualService", "{http: [{route: [{destination: {host: llm}}]}]}"),
        (False, "IngressRoute", "{routes: [{services: [{name: llm, port: 80}]}]}"),
        (True, "IngressRoute", "{routes: [{middlewares: [{name: login}], services: [{name: llm, port: 80}]}]}"),
        (False, "HTTPProxy", "{routes: [{services: [{name: llm, port: 80}]}]}"),
    ],
)
def test_routes(guarded: object, kind: str, spec: str) -> None:
    """Each kind of route names Services in a way of its own; what callers in the cluster use is none."""
    assert ([] if guarded is None else [(f"{kind} llm", guarded)]) == ways(CLUSTER, ROUTE % (kind, spec))


def test_a_policy_beside_a_route_may_ask_who_comes() -> None:
    """A gateway's policy counts for its routes, and not for an Ingress."""
    policy = "apiVersion: x\nkind: SecurityPolicy\nmetadata: {name: login, namespace: team-a}\n"
    route = ROUTE % ("HTTPRoute", "{rules: [{backendRefs: [{name: llm}]}]}")
    assert ways(CLUSTER, route, policy) == [("HTTPRoute llm", True)]
    assert ways(CLUSTER, INGRESS % ("{}", TO_LLM), policy) == [("Ingress llm", False)]


def test_another_namespace_is_another_service() -> None:
    """What stands in another namespace leads nowhere near."""
    elsewhere: dict[str, Any] = yaml.safe_load(
        SERVICE % "{type: NodePort, selector: {app: llm}, ports: [{port: 8080}]}"
    )
    elsewhere["metadata"]["namespace"] = "team-b"
    assert ways(yaml.safe_dump(elsewhere)) == []
