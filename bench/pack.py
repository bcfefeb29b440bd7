"""How long the policy pack takes to boot, beside the smallest pack there can be, and to judge a resource."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import grpc
import yaml
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from bench.measure import pairs
from voltaic import document, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Pairs

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "tests" / "rules" / "fixtures" / "baseline"
"""Manifests that nothing is to be said about, so that every rule is asked to its end."""
SMALLEST = '''"""A pack of one policy that says nothing."""
from pulumi_policy import PolicyPack, ResourceValidationPolicy

PolicyPack("smallest", [ResourceValidationPolicy(name="none", description="none", validate=lambda args, report: None)])
'''


@dataclass(frozen=True, slots=True)
class Started:
    """A pack in a process of its own, as the language host starts it."""

    process: subprocess.Popen[str]
    port: int
    seconds: float
    """From its start until it named its port."""


@contextmanager
def started(folder: Path) -> Iterator[Started]:
    """Start a pack, and end it."""
    env = {**os.environ, "PULUMI_CONFIG": json.dumps({}), "PULUMI_CONFIG_SECRET_KEYS": json.dumps([])}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(folder)],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        elapsed = time.perf_counter() - begun
        if not line.strip().isdigit():
            process.kill()
            raise RuntimeError(f"{folder}: the pack did not start\n{process.communicate()[1][-2000:]}")
        yield Started(process, int(line), elapsed)
    finally:
        process.kill()
        process.communicate()


def boot_seconds(folder: Path) -> float:
    """Start a pack and return the seconds until it names its port."""
    with started(folder) as pack:
        return pack.seconds


def against_smallest(count: int) -> Pairs:
    """Measure our pack and the smallest one in turns."""
    with TemporaryDirectory() as name:
        smallest = Path(name)
        (smallest / "__main__.py").write_text(SMALLEST, encoding="utf-8")
        return pairs(lambda: boot_seconds(ROOT / "policies"), lambda: boot_seconds(smallest), count=count)


@dataclass(frozen=True, slots=True)
class Analyzed:
    """Median seconds of one question by what was asked about; all rules answer it."""

    medians: dict[str, float]
    first: float
    """Seconds of the very first question, which loads the rules."""

    @property
    def mean(self) -> float:
        """Mean of the medians."""
        return fmean(self.medians.values())

    @property
    def slowest(self) -> tuple[str, float]:
        """What takes longest, and how long."""
        return max(self.medians.items(), key=lambda one: one[1])


def analyzed(count: int) -> Analyzed:
    """Ask the pack over gRPC about servers of every engine, a page, what stands around them, and our own component."""
    questions = dict(_questions())
    with started(ROOT / "policies") as pack, grpc.insecure_channel(f"127.0.0.1:{pack.port}") as channel:
        stub = analyzer_pb2_grpc.AnalyzerStub(channel)

        def seconds(request: Any) -> float:
            begun = time.perf_counter()
            stub.Analyze(request)
            return time.perf_counter() - begun

        first = seconds(next(iter(questions.values())))
        times = {name: [seconds(request) for _ in range(count + 1)][1:] for name, request in questions.items()}
    return Analyzed({name: median(taken) for name, taken in times.items()}, first)


def _questions() -> Iterator[tuple[str, Any]]:
    for path in sorted(BASELINE.glob("*.yaml")):
        for number, content in enumerate(yaml.safe_load_all(path.read_text(encoding="utf-8"))):
            version, kind = content["apiVersion"], content["kind"]
            resource_type = f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}"
            yield f"{kind} {number} of {path.stem}", _question(resource_type, content)
    yield "ConfigMap", _question("kubernetes:core/v1:ConfigMap", {"data": {"settings": "x" * 1000}})
    stack = {"profile": "v100-2gpu", "model": "mistralai/Mistral-7B-Instruct-v0.2"}
    spec = settings.serving_spec(settings.read(stack, where="bench"))
    properties = {"spec": document.line_from_spec(spec), "settings": stack, "allowUnknown": False}
    yield "TGIServer", _question("voltaic:index:TGIServer", json.loads(json.dumps(properties)))


def _question(resource_type: str, properties: dict[str, Any]) -> Any:
    request = analyzer_pb2.AnalyzeRequest(type=resource_type, urn=f"urn:pulumi:a::b::{resource_type}::c", name="c")
    request.properties.update(properties)
    return request
