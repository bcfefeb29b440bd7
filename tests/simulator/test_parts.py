"""Names, ports, records, locks and waiting: what a start is made of."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from simulator import Cluster, SimulatorError, ports
from simulator.api import wait_for
from simulator.cluster import clusters, default_name
from simulator.lock import exclusive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_names_and_ports_differ_between_checkouts(tmp_path: Path) -> None:
    """Two checkouts get clusters of different names and, when all ports are free, of different ports."""
    one, two = Cluster(root=tmp_path / "one"), Cluster(root=tmp_path / "two")
    assert one.name != two.name
    assert one.name == default_name((tmp_path / "one").resolve())
    assert one.user_kubeconfig == tmp_path.resolve() / "one" / "kubeconfig"
    assert Cluster("other", tmp_path / "one").user_kubeconfig == tmp_path.resolve() / "one" / "kubeconfig-other"
    assert ports.choose("one") != ports.choose("two")
    assert ports.choose("one") == ports.choose("one")
    assert ports.choose("one") != ports.choose("one", attempt=1)


def test_half_written_record_counts_as_none(tmp_path: Path) -> None:
    """A record that is no JSON, or not of a complete start, is not believed."""
    cluster = Cluster("x", tmp_path)
    record = tmp_path / "kwok" / "state" / "x" / "cluster.json"
    record.parent.mkdir(parents=True)
    for content in ("{", json.dumps({"ports": {"apiserver": 1}, "complete": False})):
        record.write_text(content)
        assert cluster.status().state == "absent"
    assert [found.name for found in clusters(tmp_path)] == ["x"]


def test_lock_is_waited_for_and_then_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits too long for another start is told what happens, instead of waiting for ever."""
    monkeypatch.setattr("simulator.lock.LOCK_SECONDS", 0.2)
    cluster = Cluster("x", tmp_path)
    with (
        exclusive(cluster._lock, cluster.name),
        pytest.raises(SimulatorError, match="another process has been starting or stopping the simulated cluster x"),
    ):
        Cluster("x", tmp_path).stop()


def test_waiting_gives_up_at_once_when_a_component_ended() -> None:
    """Nobody waits the full time for something that cannot come any more."""
    began = time.monotonic()
    with pytest.raises(SimulatorError, match="etcd ended"):
        wait_for("x", lambda: None, seconds=30, failed=lambda: "etcd ended")
    assert time.monotonic() - began < 5


def test_waiting_says_what_did_not_come() -> None:
    """The error names what was waited for, how long, and the last refusal."""

    def refuse() -> Callable[[], None] | None:
        raise OSError("connection refused")

    with pytest.raises(SimulatorError, match=r"nodes are not ready: not within 0 s \(connection refused\)"):
        wait_for("nodes are not ready", refuse, seconds=0)
