"""Samples of pods that may not be asked everything, without a cluster."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

import pytest

from cli.cluster import ClusterError, objects
from cli.cluster.remote import Executed
from cli.watching.sample import Engine, Watcher, engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = "2026-11-21T08:00:00Z"
FORBIDDEN = ClusterError("forbidden", "The login may not create pods/exec.", "Ask for it.")


def pod(image: str = "ghcr.io/huggingface/text-generation-inference:3.0.1", **state: Any) -> dict[str, Any]:
    """Return a pod of a server on two GPUs."""
    container = {
        "name": "main",
        "image": image,
        "args": ["--model-id", "gpt2"],
        "ports": [{"name": "metrics", "containerPort": 9}, {"name": "http", "containerPort": 8080}],
        "resources": {"limits": {"nvidia.com/gpu": "2"}},
    }
    status = {"name": "main", "ready": True, "state": state or {"running": {"startedAt": AT}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"app.kubernetes.io/name": "tgi"}},
        "spec": {"containers": [container], "nodeName": "gpu-1"},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


class Fake:
    """A cluster that has one pod, and answers as it is told to."""

    def __init__(self, item: dict[str, Any], executed: Any, port: int | None) -> None:
        self.item, self.executed, self.port = item, executed, port

    def pods(self, _labels: Any) -> list[objects.Pod]:
        """Return the pod."""
        return [objects.pod(self.item)]

    def exec(self, *_: Any, **__: Any) -> Executed:
        """Return what the program in the container printed."""
        if isinstance(self.executed, Exception):
            raise self.executed
        return Executed(str(self.executed), "", 0)

    @contextmanager
    def forward(self, _target: Any) -> Iterator[int]:
        """Give a local port."""
        if self.port is None:
            raise ClusterError("forbidden", "The login may not create pods/portforward.")
        yield self.port


def sample(executed: Any, port: int | None, item: dict[str, Any] | None = None) -> Any:
    """Return the sample of one pod."""
    return Watcher(cast("Any", Fake(item or pod(), executed, port)), {}).sample().pods[0]


@pytest.fixture
def answering() -> Iterator[Any]:
    """A function that makes a port which answers with this text."""
    servers: list[ThreadingHTTPServer] = []

    def make(text: str, code: int = 200) -> int:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Answer))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1].server_port

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


SMI = "0, V100, 1, 2, 3, 4, 5\n"


def test_what_may_not_be_asked_is_said_and_the_rest_is_there(answering: Any) -> None:
    """No right on exec costs the GPUs alone; no right on port-forward costs the engine alone."""
    without_exec = sample(FORBIDDEN, answering("tgi_queue_size 3\n"))
    assert without_exec.problems == ("GPUs: The login may not create pods/exec.",)
    assert without_exec.load.waiting == 3
    without_forward = sample(SMI, None)
    assert without_forward.problems == ("engine: The login may not create pods/portforward.",)
    assert without_forward.gpus[0].name == "V100"


@pytest.mark.parametrize(
    ("image", "text", "code", "problem"),
    [
        ("text-generation-inference:3.0.1", "nothing", 200, "/metrics tells nothing of tgi (HTTP 200)"),
        ("text-generation-inference:3.0.1", "tgi_queue_size 3", 500, "/metrics tells nothing of tgi (HTTP 500)"),
        ("llama.cpp:server-cuda-b9000", "", 404, "(HTTP 404); start llama.cpp with --metrics"),
        ("llama.cpp:server-cuda-b9000", "", 401, "/metrics asks for the key of the API"),
    ],
)
def test_an_engine_that_says_nothing_is_no_zero(answering: Any, image: str, text: str, code: int, problem: str) -> None:
    """Why is said; numbers are not made up."""
    found = sample(SMI, answering(text, code), pod(f"ghcr.io/x/{image}"))
    assert found.load is None
    assert problem in found.problems[0], found.problems


def test_a_port_that_nobody_answers_is_a_problem() -> None:
    """While the model is loaded, for example."""
    assert sample(SMI, 1).problems == ("engine: port 8080 does not answer (ConnectError)",)


def test_a_container_that_does_not_run_is_not_asked() -> None:
    """It could not answer, and why it does not run is its state."""
    found = sample(FORBIDDEN, None, pod(waiting={"reason": "CrashLoopBackOff"}))
    assert (found.state, found.problems, found.gpus_held) == ("CrashLoopBackOff", (), 2)


def test_a_driver_that_tells_of_no_gpu_is_a_problem() -> None:
    """What it said instead is told."""
    problem = sample("Failed to initialize NVML: Driver/library version mismatch\n", None).problems[0]
    assert problem == "GPUs: nvidia-smi tells of none: Failed to initialize NVML: Driver/library version mismatch"


def test_the_engine_is_the_one_that_the_reader_of_manifests_recognises() -> None:
    """With release, model and the port that is named for it."""
    assert engine_of(objects.pod(pod())) == Engine("tgi", "tgi 3.0.1", "gpt2", "main", 8080)
    assert engine_of(objects.pod(pod("nginx:1"))) is None
