"""Fixtures that several folders share."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulator import Cluster
from simulator.processes import programs, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

TEST_CLUSTER = re.compile(r"^(?P<folder>.*/clusters/test-(?P<owner>\d+)[^/]*)/bin/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the project's own."""
    parser.addoption("--golden", action="store_true", help="rewrite the golden manifests")


def pytest_configure() -> None:
    """Hear interrupts, here and in the programs that tests start, where a shell runs all this in its background."""
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
