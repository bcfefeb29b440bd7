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
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import ResourceValidationArgs
from pulumi_policy.proxy import unknown_checking_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PACK = Path(__file__).parents[2] / "policies"
BOOT_SECONDS = 60
"""Upper bound on a busy machine; the engine itself waits 10 s for the connection."""


class Said(NamedTuple):
    """What a policy said about a resource."""

    policy: str
    level: str
    text: str


def urn_of(resource_type: str, parent: str | None = None) -> str:
    """Return the URN of a resource named `it`."""
    chain = f"{parent}${resource_type}" if parent else resource_type
    return f"urn:pulumi:v100-2gpu::voltaic::{chain}::it"


@pytest.fixture
def ask() -> Callable[..., list[Said]]:
    """Return a function that asks every policy about properties wrapped as the SDK wraps them."""
    from policies import _judgement
    from policies._rule import POLICIES

    _judgement._last.asked = None

    def ask(resource_type: str, properties: Mapping[str, Any], parent: str | None = None) -> list[Said]:
        said: list[Said] = []
        for policy in POLICIES:
            # Every number arrives as a float, and every policy gets a wrapping of its own.
            wrapped = unknown_checking_proxy(json.loads(json.dumps(properties), parse_int=float))
            args = ResourceValidationArgs(resource_type, wrapped, urn_of(resource_type, parent), "it", None, None)  # type: ignore[arg-type]
            level = policy.enforcement_level
            assert level is not None
            policy.validate(
                args,
                lambda text, _=None, name=policy.name, level=level.value: said.append(Said(name, level, text)),  # type: ignore[misc]
            )
        return said

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
        values = struct_pb2.Struct()
        values.update(properties)
        request = analyzer_pb2.AnalyzeRequest(
            type=resource_type, properties=values, urn=urn_of(resource_type, parent), name="it"
        )
        answer = self.stub.Analyze(request)
        return [
            Said(said.policyName, analyzer_pb2.EnforcementLevel.Name(said.enforcementLevel).lower(), said.message)
            for said in answer.diagnostics
        ]

    def close(self) -> None:
        """End the process."""
        self.channel.close()
        self.process.terminate()
        self.process.communicate(timeout=10)


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
