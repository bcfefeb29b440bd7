"""Fixtures that several folders share."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from simulator import Cluster
from simulator.processes import programs, stop
from voltaic.engines.tgi.command_line import parse
from voltaic.hardware import gpu_model
from voltaic.models import resolve
from voltaic.spec import Release, ServingSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

TEST_CLUSTER = re.compile(r"^(?P<folder>.*/clusters/test-(?P<owner>\d+)[^/]*)/bin/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the project's own."""
    parser.addoption("--golden", action="store_true", help="rewrite the golden manifests")


def pytest_configure() -> None:
    """Hear interrupts, here and in the programs that tests start, where a shell runs all this in its background."""
    os.environ["VOLTAIC_MODELS"] = os.devnull  # models that a developer added are no part of any test
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def simulated_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running simulated cluster of this test session's own, removed at its end."""
    stop_clusters_of_killed_sessions()
    cluster = Cluster(f"test-{os.getpid()}", tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.delete()


def stop_clusters_of_killed_sessions() -> None:
    """A session that was killed could not remove its cluster: its processes are told by the session's process id."""
    found = [match for _, program in programs() if (match := TEST_CLUSTER.match(program))]
    for match in found:
        try:
            os.kill(int(match["owner"]), 0)
        except ProcessLookupError:
            stop(Path(match["folder"]))


class SpecOf(Protocol):
    """Makes a spec of TGI."""

    def __call__(  # noqa: PLR0917  read from left to right
        self,
        version: str | None,
        profile: str,
        model: str,
        args: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> ServingSpec:
        """Return the spec; the profile reads `v100-16gb x2`."""
        ...


@pytest.fixture(scope="session")
def spec_of() -> SpecOf:
    """A spec from release, GPUs, model and what follows on the command line."""

    def make(  # noqa: PLR0917  as above
        version: str | None,
        profile: str,
        model: str,
        args: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> ServingSpec:
        gpu, _, count = profile.partition(" x")
        return ServingSpec(
            release=Release("tgi", version),
            gpu=gpu_model(gpu),
            gpus=int(count or 1),
            model=resolve(model, config=config),
            command=parse(version, ["--model-id", model, *args], env or {}),
        )

    return make
