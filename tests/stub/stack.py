"""A stack in the simulated cluster, from its golden manifests, whose pods are answered for by stand-ins."""

from __future__ import annotations

import base64
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from simulator import remote
from simulator.api import ApiError
from tests.stub.engine import Behaviour, Engine
from tests.stub.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulator import Cluster
    from simulator.api import Api

GOLDEN = Path(__file__).parents[1] / "golden" / "v100-2gpu"
NAMESPACE = "llm"
NAME = "v100-2gpu"
KEY = "the-key-of-this-test"
PASSWORD = "the-password-of-this-test"
PAGE_PORT = 8081
"""Container port of the page here: the simulated cluster leads ports of a whole namespace, and the engine has 8080."""
SECRETS = {
    "tgi-v100-2gpu-api": {"key": KEY},
    "webui-v100-2gpu": {"apiKey": KEY},
    "webui-v100-2gpu-login": {"adminPassword": PASSWORD, "secretKey": "0" * 64},
}
TGI = {"app.kubernetes.io/instance": NAME, "app.kubernetes.io/name": "tgi"}


class Stack:
    """The stack, its engine and its page."""

    def __init__(self, admin: Api) -> None:
        self.admin = admin
        self.engine = Engine(Behaviour(key=KEY))
        self.page = Page()

    def pods(self, part: str = "tgi") -> list[dict[str, Any]]:
        """Return the pods of a component that are not being deleted."""
        found = self.admin.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        return [
            pod
            for pod in found
            if pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == part
            and "deletionTimestamp" not in pod["metadata"]
        ]

    def ready(self, part: str = "tgi") -> str | None:
        """Return the name of a pod of a component that is ready; None where none is."""
        for pod in self.pods(part):
            conditions = pod.get("status", {}).get("conditions", ())
            if any(found["type"] == "Ready" and found["status"] == "True" for found in conditions):
                return str(pod["metadata"]["name"])
        return None

    def restart(self) -> str:
        """End the engine's process and its pod, as a node does, and return the name of the pod that follows."""
        old = self.pods()[0]["metadata"]["name"]
        self.engine.stop()
        self.admin.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods/{old}?gracePeriodSeconds=0")
        wait_until(lambda: self.ready() not in {None, old})
        self.engine.start()
        return str(self.ready())


@contextlib.contextmanager
def deployed(simulated: Cluster, *, page: bool = True) -> Iterator[Stack]:
    """Deploy the stack, and take it away in the end."""
    with simulated.admin() as admin:
        made = list(_manifests(page=page))
        stack = Stack(admin)
        with stack.engine, stack.page:
            local = {8080: stack.engine.port, PAGE_PORT: stack.page.port}
            for item in [remote.ports("reach", NAMESPACE, local), *made]:
                admin.apply(item)
            try:
                wait_until(lambda: bool(stack.ready()) and (not page or bool(stack.ready("webui"))))
                yield stack
            finally:
                _remove(admin, made)


def _manifests(*, page: bool) -> Iterator[dict[str, Any]]:
    for file in sorted(GOLDEN.glob("*.yaml")):
        item: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        name = item["metadata"]["name"]
        if item["kind"] in {"NetworkPolicy", "PodDisruptionBudget"} or (not page and name.startswith("webui")):
            continue
        item["metadata"]["namespace"] = NAMESPACE
        if item["kind"] == "Secret":
            item.pop("stringData", None)
            item["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in SECRETS[name].items()}
        if item["kind"] == "Deployment":
            item["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 0
            if name.startswith("webui"):
                item["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = PAGE_PORT
        yield item


def _remove(admin: Api, made: list[dict[str, Any]]) -> None:
    from simulator.api import path_of

    for item in made:
        with contextlib.suppress(ApiError):
            admin.request("DELETE", f"{path_of(item)}?propagationPolicy=Foreground&gracePeriodSeconds=0")
    with contextlib.suppress(ApiError):
        admin.request("DELETE", "/apis/kwok.x-k8s.io/v1alpha1/clusterportforwards/reach")
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods?gracePeriodSeconds=0&labelSelector=app.kubernetes.io/instance={NAME}"
    admin.request("DELETE", pods)


def wait_until(so: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it does not become so.
    """
    ends = time.monotonic() + seconds
    while not so():
        if time.monotonic() > ends:
            raise TimeoutError(f"it did not become so within {seconds} s")
        time.sleep(0.02)
