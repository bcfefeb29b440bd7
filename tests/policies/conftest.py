"""Asks the policies in this process, and the pack as the engine does: over gRPC."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from voltaic.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PACK = Path(__file__).parents[2] / "policies"
FIXTURES = Path(__file__).parents[1] / "rules" / "fixtures"
BOOT_SECONDS = 60
"""Upper bound on a busy machine; the engine itself waits 10 s for the connection."""


class Said(NamedTuple):
    """What a policy said about a resource."""

    policy: str
    level: str
    text: str
    urn: str = ""


def type_of(content: Mapping[str, Any]) -> str:
    """Return the type under which Pulumi registers a Kubernetes object."""
    version = content["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{content['kind']}"


def urn_of(resource_type: str, parent: str | None = None, name: str = "it") -> str:
    """Return the URN of a resource."""
    chain = f"{parent}${resource_type}" if parent else resource_type
    return f"urn:pulumi:v100-2gpu::voltaic::{chain}::{name}"


def struct_of(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return properties as the engine sends them."""
    struct = struct_pb2.Struct()
    struct.update(properties)
    return struct


def request_of(
    resource_type: str, properties: Mapping[str, Any], parent: str | None = None, timeout: float = 0
) -> analyzer_pb2.AnalyzeRequest:
    """Return the question about one resource as the engine asks it."""
    options = analyzer_pb2.AnalyzerResourceOptions()
    if timeout:
        options.customTimeouts.create = timeout
    return analyzer_pb2.AnalyzeRequest(
        type=resource_type,
        properties=struct_of(properties),
        urn=urn_of(resource_type, parent),
        name="it",
        options=options,
    )


def program_of(*resources: tuple[str, str, Mapping[str, Any]]) -> analyzer_pb2.AnalyzeStackRequest:
    """Return the question about a program: type, name and properties of each resource."""
    return analyzer_pb2.AnalyzeStackRequest(
        resources=[
            analyzer_pb2.AnalyzerResource(
                type=resource_type, name=name, urn=urn_of(resource_type, name=name), properties=struct_of(properties)
            )
            for resource_type, name, properties in resources
        ]
    )


def said_of(answer: analyzer_pb2.AnalyzeResponse) -> list[Said]:
    """Return what the pack says, without the titles of the policies."""
    return [
        Said(
            said.policyName,
            analyzer_pb2.EnforcementLevel.Name(said.enforcementLevel).lower(),
            said.message.removeprefix(f"{said.description}\n"),
            said.urn,
        )
        for said in answer.diagnostics
    ]


def starts(said: list[Said]) -> list[Said]:
    """Return what is said on whether a server starts, without the rules about all that is around it."""
    deciding = {"readable-spec", *(rule.id for rule in RULES)}
    return [one for one in said if one.policy.removesuffix("-advice") in deciding]


@pytest.fixture
def ask_all() -> Callable[..., list[Said]]:
    """Return a function that asks every policy, in this process, about one resource."""
    from policies._server import Pack as Server

    def ask(
        resource_type: str, properties: Mapping[str, Any], parent: str | None = None, timeout: float = 0
    ) -> list[Said]:
        return said_of(Server().Analyze(request_of(resource_type, properties, parent, timeout), None))

    return ask


@pytest.fixture
def ask(ask_all: Callable[..., list[Said]]) -> Callable[..., list[Said]]:
    """Return a function that asks the policies whether a server starts."""
    return lambda *args, **options: starts(ask_all(*args, **options))


@pytest.fixture
def ask_program() -> Callable[..., list[Said]]:
    """Return a function that asks the pack, in this process, about all resources of a program."""
    from policies._server import Pack as Server

    def ask(*resources: tuple[str, str, Mapping[str, Any]]) -> list[Said]:
        return said_of(Server().AnalyzeStack(program_of(*resources), None))

    return ask


class Pack:
    """The pack in a process of its own, started as the language host starts it."""

    def __init__(self, config: Mapping[str, str] | None = None, secret_keys: tuple[str, ...] = ()) -> None:
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)],
            cwd=PACK,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "PULUMI_CONFIG": json.dumps(dict(config or {})),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(secret_keys),
                "PULUMI_PROJECT": "voltaic",
                "PULUMI_STACK": "v100-2gpu",
                "PULUMI_DRY_RUN": "true",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        port = self._first_line()
        self.boot_seconds = time.perf_counter() - started
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = analyzer_pb2_grpc.AnalyzerStub(self.channel)

    def _first_line(self) -> int:
        lines: queue.Queue[str] = queue.Queue()
        stdout = self.process.stdout
        assert stdout is not None
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        line = lines.get(timeout=BOOT_SECONDS)
        if not line.strip().isdigit():
            self.process.kill()
            raise AssertionError(f"the pack printed {line!r}, not its port: {self.process.communicate()[1]}")
        return int(line)

    def info(self) -> analyzer_pb2.AnalyzerInfo:
        """Return what the pack says of itself."""
        return self.stub.GetAnalyzerInfo(empty_pb2.Empty())

    def configure(self, levels: Mapping[str, int]) -> None:
        """Set levels as the engine does from `--policy-pack-config`."""
        config = {name: analyzer_pb2.PolicyConfig(enforcementLevel=level) for name, level in levels.items()}
        self.stub.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config))

    def analyze(self, resource_type: str, properties: Mapping[str, Any], parent: str | None = None) -> list[Said]:
        """Return what all policies say about a resource."""
        return said_of(self.ask(resource_type, properties, parent))

    def ask(
        self, resource_type: str, properties: Mapping[str, Any], parent: str | None = None
    ) -> analyzer_pb2.AnalyzeResponse:
        """Return the answer about a resource as it comes."""
        return self.stub.Analyze(request_of(resource_type, properties, parent))

    def analyze_program(self, *resources: tuple[str, str, Mapping[str, Any]]) -> list[Said]:
        """Return what all policies say about a program."""
        return said_of(self.stub.AnalyzeStack(program_of(*resources)))

    def close(self) -> None:
        """End the process."""
        self.channel.close()
        self.process.terminate()
        self.process.communicate(timeout=10)


@pytest.fixture(params=sorted(path.stem for path in (FIXTURES / "baseline").glob("*.yaml")))
def baseline(request: pytest.FixtureRequest) -> list[tuple[str, dict[str, Any]]]:
    """Return the objects of a manifest that nothing is to be said about, each with its type."""
    text = (FIXTURES / "baseline" / f"{request.param}.yaml").read_text(encoding="utf-8")
    return [(type_of(one), one) for one in yaml.safe_load_all(text) if one]


@pytest.fixture
def start_pack() -> Iterator[Callable[..., Pack]]:
    """Return a function that starts a pack of its own, with a configuration."""
    started: list[Pack] = []

    def start(**options: Any) -> Pack:
        started.append(Pack(**options))
        return started[-1]

    yield start
    for pack in started:
        pack.close()


@pytest.fixture(scope="module")
def pack() -> Iterator[Pack]:
    """Return a running pack without configuration."""
    running = Pack()
    yield running
    running.close()
