"""`voltaic forward` as a process, against a real API server, while pods and API server come and go."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.stub.door import Door
from tests.stub.stack import KEY, NAME, PASSWORD, Stack, deployed, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulator import Cluster as Simulated

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[3]
RESTARTS = 100
READY_SECONDS = 30.0


@dataclass
class Forwarding:
    """A `voltaic forward` that runs."""

    process: subprocess.Popen[str]
    out: queue.Queue[str] = field(default_factory=queue.Queue)
    said: list[str] = field(default_factory=list)
    """Lines on stderr."""

    def __post_init__(self) -> None:
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.out.put), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.said.append), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(stream: Any, put: Any) -> None:
        for line in stream:
            put(line.rstrip("\n"))

    def line(self) -> str:
        """Return the next line of stdout."""
        return self.out.get(timeout=READY_SECONDS)

    def rest(self) -> str:
        """Return what is left of stdout, once it has ended."""
        for thread in self._threads:
            thread.join(5)
        return "\n".join(self.out.get_nowait() for _ in range(self.out.qsize()))

    def end(self, how: int = signal.SIGINT) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(how)
        code = self.process.wait(15)
        for thread in self._threads:
            thread.join(5)
        return code


@pytest.fixture(scope="module")
def stack(simulated_cluster: Simulated) -> Iterator[Stack]:
    """The stack, deployed once for this file."""
    with deployed(simulated_cluster) as found:
        yield found


@contextlib.contextmanager
def forwarding(simulated: Simulated, *words: str, kubeconfig: Path | None = None) -> Iterator[Forwarding]:
    """Run `voltaic forward` as the user of the namespace."""
    command = [sys.executable, "-m", "cli", "forward", "--stack", NAME, "--namespace", "llm", *words]
    env = os.environ | {"KUBECONFIG": str(kubeconfig or simulated.user_kubeconfig)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    made = Forwarding(process)
    try:
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        for thread in made._threads:
            thread.join(5)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def free(port: int) -> bool:
    """Return whether nothing listens at a local port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return False
    return True


def ask(url: str, client: httpx.Client) -> bool:
    """Return whether a request is answered."""
    try:
        return client.get(url, timeout=10.0).is_success
    except httpx.HTTPError:
        return False


def test_one_line_tells_machines_where_everything_is(
    stack: Stack, simulated_cluster: Simulated, problems: Callable[[str, Any], list[str]]
) -> None:
    """Addresses that answer, pods, and how to get in, without a secret; Ctrl-C leaves no port open."""
    with forwarding(simulated_cluster, "--json") as run:
        line = run.line()
        document = json.loads(line)
        assert problems("reach.schema.json", document) == []
        api, page = document["api"], document["page"]
        assert (document["schema"], document["namespace"]) == ("voltaic/forward/v1", "llm")
        assert (api["service"], page["service"]) == (f"tgi-{NAME}", f"webui-{NAME}")
        assert (api["pod"], api["container_port"]) == (stack.ready(), 8080)
        assert page["port"] in range(3000, 3010)
        assert page["email"] == "admin@voltaic.local"
        assert page["secret_command"] == f"pulumi stack output chatAdminPassword --show-secrets --stack {NAME}"
        assert api["secret_command"] == f"pulumi stack output apiKey --show-secrets --stack {NAME}"

        assert httpx.get(f"{api['url']}/models", trust_env=False).json()["data"][0]["id"] == "stub/model"
        assert httpx.get(f"{page['url']}/health", trust_env=False).json() == {"status": True}

        assert run.end() == 0
        assert [free(each["port"]) for each in (api, page)] == [True, True]
        assert not {word for word in (KEY, PASSWORD) if word in line + "\n".join(run.said)}
        assert run.said[-1] == "Forwarding ended; its ports are free, and nothing is left."
        assert run.out.empty()


def test_a_port_that_is_taken_is_stepped_over(stack: Stack, simulated_cluster: Simulated) -> None:
    """The page goes to the next port that its own settings allow; a port that was asked for is never replaced."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            held.enter_context(socket.create_server(("127.0.0.1", 3000)))
        with forwarding(simulated_cluster, "--json", "--only", "page") as run:
            document = json.loads(run.line())
            assert document["page"]["port"] in range(3001, 3010)
            assert "api" not in document
            assert run.end(signal.SIGTERM) == 0
        with forwarding(simulated_cluster, "--json", "--only", "page", "--port", "3000") as run:
            assert run.process.wait(READY_SECONDS) == 2
            wanted = "port 3000 is in use on this machine. Choose another: --port PORT"
            assert wanted in json.loads(run.rest())["error"]


def test_a_stream_comes_as_it_is_written(stack: Stack, simulated_cluster: Simulated) -> None:
    """Tokens are not held back, and who hangs up ends the answer at the engine."""
    stack.engine.behaviour.token_seconds, stack.engine.behaviour.tokens = 0.2, 50
    body = {"model": "tgi", "stream": True, "messages": [{"role": "user", "content": "count"}]}
    try:
        with forwarding(simulated_cluster, "--json", "--only", "api") as run:
            url = json.loads(run.line())["api"]["url"]
            headers = {"authorization": f"Bearer {KEY}"}
            with httpx.stream("POST", f"{url}/chat/completions", json=body, headers=headers, trust_env=False) as answer:
                moments = [time.monotonic() for _, line in zip(range(6), answer.iter_lines(), strict=False)]
            assert moments[-1] - moments[0] > 0.3
            wait_until(lambda: stack.engine.running == 0, 5)
            assert run.end() == 0
    finally:
        stack.engine.behaviour.token_seconds, stack.engine.behaviour.tokens = 0.0, None


def test_a_connection_that_rests_is_ended(stack: Stack, simulated_cluster: Simulated) -> None:
    """A connection without a request is ended before the server does so unheard; one with half a request stays."""
    with forwarding(simulated_cluster, "--only", "api", "--json") as running:
        port = json.loads(running.line())["api"]["port"]
        with (
            socket.create_connection(("127.0.0.1", port), 15) as rested,
            socket.create_connection(("127.0.0.1", port)) as half,
        ):
            half.sendall(b"POST /v1/chat/completions HTTP/1.1\r\n")
            for _ in range(2):  # a second request within its time is answered on the same connection
                rested.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
                assert rested.recv(1 << 16).startswith(b"HTTP/1.1 200")
            started = time.monotonic()
            assert rested.recv(1) == b""
            assert 2 < time.monotonic() - started < 10
            half.settimeout(0.1)
            with pytest.raises(TimeoutError):
                half.recv(1)
        assert running.end() == 0


@pytest.mark.slow
def test_a_hundred_restarts_of_the_pod_are_survived(stack: Stack, simulated_cluster: Simulated) -> None:
    """While requests go on: after each restart they are answered again, by the new pod, without anybody's help."""
    outcomes: list[bool] = []
    over = threading.Event()
    recovered: list[float] = []
    with forwarding(simulated_cluster, "--json", "--only", "api") as run:
        url = json.loads(run.line())["api"]["url"].removesuffix("/v1") + "/health"

        def asking() -> None:
            with httpx.Client(trust_env=False) as client:
                while not over.is_set():
                    outcomes.append(ask(url, client))
                    time.sleep(0.02)

        asker = threading.Thread(target=asking, daemon=True)
        asker.start()
        failures = []
        try:
            for _ in range(RESTARTS):
                before = len(outcomes)
                stack.restart()
                since = time.monotonic()
                asked = len(outcomes)
                wait_until(lambda asked=asked: any(outcomes[asked:]), 15)
                recovered.append(time.monotonic() - since)
                failures.append(outcomes[before:].count(False))
        finally:
            over.set()
            asker.join(15)
        assert len(recovered) == RESTARTS
        # A request that runs while its pod ends breaks; those after it wait, and are told what is wrong.
        assert sorted(failures)[RESTARTS // 2] <= 2, failures
        assert sum(outcomes) > RESTARTS
        assert run.process.poll() is None
        assert run.end() == 0
        again = re.search(r"It had connected again (\d+) times\.$", run.said[-1])
        assert again is not None, run.said[-1]
        assert int(again[1]) >= RESTARTS
        assert len(run.said) <= 30, "messages are bounded"
        assert max(recovered) < 15, recovered


def test_a_pod_that_is_not_ready_is_waited_for(stack: Stack, simulated_cluster: Simulated) -> None:
    """Requests are told why, and answered once it is there; people hear both in a line each."""
    scale = "/apis/apps/v1/namespaces/llm/deployments/tgi-v100-2gpu"
    with forwarding(simulated_cluster, "--only", "api") as run:
        first = run.line()
        url = re.search(r"http://\S+", first)[0]  # type: ignore[index]  # else it fails, and should
        patch = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "tgi-v100-2gpu"}}
        wait_until(lambda: httpx.get(f"{url}/models", trust_env=False).is_success)
        stack.admin.request(
            "PATCH", scale, patch | {"spec": {"replicas": 0}}, content_type="application/merge-patch+json"
        )
        wait_until(lambda: stack.ready() is None)
        answer = httpx.get(f"{url}/models", trust_env=False, timeout=20)
        assert answer.status_code == 503
        assert "No pod behind the service tgi-v100-2gpu is ready: it has no pods." in answer.text
        stack.admin.request(
            "PATCH", scale, patch | {"spec": {"replicas": 1}}, content_type="application/merge-patch+json"
        )
        wait_until(lambda: httpx.get(f"{url}/models", trust_env=False, timeout=20).is_success)
        assert run.end() == 0
        assert any("it has no pods. Trying again" in line for line in run.said)
        assert any("connected to tgi-" in line for line in run.said)


def test_an_api_server_that_restarts_is_waited_for(stack: Stack, simulated_cluster: Simulated, tmp_path: Path) -> None:
    """What runs breaks; once it is back, requests are answered without anybody's help."""
    config = yaml.safe_load(simulated_cluster.user_kubeconfig.read_text(encoding="utf-8"))
    door = Door(int(simulated_cluster.server.rpartition(":")[2]))
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{door.port}"
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
    try:
        with (
            forwarding(simulated_cluster, "--json", "--only", "api", kubeconfig=kubeconfig) as run,
            httpx.Client(trust_env=False) as client,
        ):
            url = json.loads(run.line())["api"]["url"].removesuffix("/v1") + "/health"
            for _ in range(2):
                assert ask(url, client)
                door.shut()
                wait_until(lambda: not ask(url, client))
                door.open()
                wait_until(lambda: ask(url, client))
            assert run.process.poll() is None
            assert run.end() == 0
            assert any("connected to tgi-" in line for line in run.said), run.said
            assert len(run.said) <= 15, run.said
    finally:
        door.shut()


def test_a_stack_is_asked_and_tested_with_its_own_key(stack: Stack, simulated_cluster: Simulated) -> None:
    """The key comes from the Secret, and is shown nowhere."""
    env = os.environ | {"KUBECONFIG": str(simulated_cluster.user_kubeconfig)}
    where = ("--stack", NAME, "--namespace", "llm")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cli", *words, *where]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)

    chat = run("chat", "--max-tokens", "3", "count")
    assert (chat.returncode, chat.stdout) == (0, "one two three\n"), chat.stderr
    test = run("test", "--json")
    document = json.loads(test.stdout)
    assert {each["name"]: each["outcome"] for each in document["tests"]} == dict.fromkeys(
        [
            *("health", "models", "completion", "streaming", "stop sequence", "two at once", "wrong key refused"),
            *("metrics", "chat page", "chat page login"),
        ],
        "passed",
    ), test.stdout
    bench = run("bench", "--requests", "4", "--answer-tokens", "3", "--json")
    assert json.loads(bench.stdout)["summary"]["failed"] == 0, bench.stderr
    assert json.loads(bench.stdout)["engine"] == "tgi 3.0.1"
    assert KEY not in chat.stdout + chat.stderr + test.stdout + test.stderr + bench.stdout + bench.stderr


def test_nothing_deployed_is_told(simulated_cluster: Simulated) -> None:
    """With the next step."""
    command = [sys.executable, "-m", "cli", "forward", "--stack", "v100-1gpu", "--namespace", "llm", "--json"]
    env = os.environ | {"KUBECONFIG": str(simulated_cluster.user_kubeconfig)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "There is no API and no Chat page of this stack in the namespace llm." in done.stderr
    assert json.loads(done.stdout)["kind"] == "not-found"
