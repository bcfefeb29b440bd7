"""The chain: a stack deployed by the real pulumi, its page's program, an engine's stand-in, and `voltaic forward`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulator import remote
from tests.e2e.conftest import make_project, tool_chain
from tests.stub.engine import Behaviour, Engine
from tests.stub.http_server import Answer
from tests.web import live
from tests.web.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from simulator import Cluster
    from tests.e2e.conftest import Project
    from tests.stub.http_server import Request

STACK = "v100-2gpu"
FORWARD_SECONDS = 30


class Served(Engine):
    """TGI's stand-in under the name of the model that it was started with."""

    def __init__(self, model: str, behaviour: Behaviour) -> None:
        super().__init__(behaviour)
        self.model = model

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path.partition("?")[0] == "/v1/models":
            return Answer(body=json.dumps({"object": "list", "data": [{"id": self.model, "object": "model"}]}).encode())
        return await super().answer(request)

    def asked(self) -> list[dict[str, Any]]:
        """Return what was asked of the model, as documents."""
        return [json.loads(found.body) for found in self.requests if found.path == "/v1/chat/completions"]


@dataclass
class Chain:
    """Everything between a browser and an engine."""

    cluster: Cluster
    server: live.Container
    """The engine's container in the cluster."""
    container: live.Container
    """The page's."""
    engine_at: live.Endpoint
    """Where the page's address of the API leads."""
    engine: Served
    page: Page
    url: str
    """Address of the page for a browser, from `voltaic forward`."""
    output: Path

    @property
    def model(self) -> str:
        """Name under which the engine serves its model."""
        return self.engine.model


def lead(cluster: Cluster, name: str, end: live.Endpoint, port: int) -> None:
    """Lead the pods of a Service to a port of this machine."""
    with cluster.admin() as admin:
        admin.apply(remote.ports(name, cluster.namespace, {end.port: port}, end.pods))


@pytest.fixture(scope="session")
def web_tools() -> dict[str, Any]:
    """What set-up found."""
    if "VOLTAIC_E2E_WEB" not in os.environ:
        pytest.fail("run this with: make e2e-web")
    found: dict[str, Any] = json.loads(os.environ["VOLTAIC_E2E_WEB"])
    sys.path.append(found["driver"])
    return found


@pytest.fixture(scope="session")
def chain(
    web_tools: dict[str, Any], simulated_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    """The whole chain, up; in the end nothing of it is left."""
    project = make_project(tmp_path_factory.mktemp("web") / "project", tool_chain(), simulated_cluster)
    up = project.pulumi("up", "-s", STACK, "--yes")
    assert up.code == 0, up.output
    user = simulated_cluster.user()
    namespace = simulated_cluster.namespace
    names = {
        item["metadata"]["labels"]["app.kubernetes.io/component"]: item["metadata"]["name"]
        for item in project.objects("deployments")
    }
    with user:
        container = live.container(user.get, namespace, names["chat"])
        server = live.container(user.get, namespace, names["inference"])
        api = container.environment["OPENAI_API_BASE_URL"]
        engine_at = live.resolve(user.get, namespace, api)
        page_at = live.resolve(user.get, namespace, f"http://{names['chat']}:8080")
    model = server.args[server.args.index("--model-id") + 1]
    key = container.environment["OPENAI_API_KEY"]
    folder = Path(tempfile.mkdtemp(prefix="e2e-web-"))
    with contextlib.ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        engine = ending.enter_context(Served(model, Behaviour(key=key, token_seconds=0.15)))
        lead(simulated_cluster, "engine", engine_at, engine.port)
        services = {
            api: _address(ending.enter_context(forwarding(project, "api"))["url"]),
        }
        page = Page(Path(web_tools["page"]), folder, container.environment, services)
        output = Path(web_tools["output"])
        ending.callback(shutil.copy, page.log, output / "open-webui.log")
        ending.callback(page.end)
        page.start()
        lead(simulated_cluster, "page", page_at, page.port)
        url = ending.enter_context(forwarding(project, "page"))["url"]
        yield Chain(
            cluster=simulated_cluster,
            server=server,
            container=container,
            engine_at=engine_at,
            engine=engine,
            page=page,
            url=url,
            output=output,
        )


def _address(url: str) -> str:
    return re.sub(r"^http://([^/]+).*", r"\1", url)


@contextlib.contextmanager
def forwarding(project: Project, role: str) -> Iterator[dict[str, Any]]:
    """Run `voltaic forward` for the API or the page, and give what it says of it."""
    command = [sys.executable, "-m", "cli", "forward", "--stack", STACK, "--only", role, "--json"]
    log = project.folder / f"forward-{role}.log"
    with log.open("w", encoding="utf-8") as told:
        process = subprocess.Popen(command, cwd=project.folder, env=project.env, stdout=subprocess.PIPE, stderr=told)
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], FORWARD_SECONDS)
            line = process.stdout.readline() if ready else b""
            assert line, f"voltaic forward says nothing: {log.read_text(encoding='utf-8')}"
            yield json.loads(line)[role]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=FORWARD_SECONDS)
    assert process.returncode == 0, log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser(web_tools: dict[str, Any]) -> Iterator[Browser]:
    """Chromium without a window, that knows no other address than this machine's."""
    from playwright.sync_api import sync_playwright

    found = web_tools["browser"]
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=found["program"],
            args=[
                "--no-sandbox",  # it shows one local page
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            ],
            env={**os.environ, **found["variables"]},
        )
        yield started
        started.close()
