"""Start, stop, delete; and what a killed run leaves."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from simulator import Cluster, SimulatorError, ports, processes
from simulator.api import wait_for
from simulator.cluster import CHECKOUT, clusters
from simulator.configure import is_ready
from simulator.plain_path import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import MakePod

GENEROUS_SECONDS = 60.0  # an idle machine of two cores needs 5; a loaded one must not fail the test


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of the test's own, not started, in a folder whose path kwok alone would cut at the blank."""
    folder = tmp_path / "a folder, too"
    folder.mkdir()
    own = Cluster(f"test-{os.getpid()}-own", folder)
    try:
        yield own
    finally:
        own.delete()
        assert not plain(folder / "kwok").is_symlink()
        assert not (tmp_path / "a").exists()


def kill(cluster: Cluster, component: str) -> None:
    """Kill a component as a crash would."""
    for pid in processes.running(cluster.folder)[component]:
        os.kill(pid, signal.SIGKILL)
    wait_for("it lives", lambda: component not in processes.running(cluster.folder), seconds=5)


def run_a_pod(cluster: Cluster, pod: MakePod, name: str) -> float:
    """Run a pod on the two-GPU node and return the seconds until it is ready."""
    began = time.monotonic()
    with cluster.admin() as api:
        api.create(pod(name, gpus=2))
        path = f"/api/v1/namespaces/llm/pods/{name}"
        wait_for("the pod is not ready", lambda: is_ready(api.get(path)), seconds=GENEROUS_SECONDS)
    return time.monotonic() - began


@pytest.mark.cluster
def test_stop_and_start_keep_what_is_in_it(cluster: Cluster, pod: MakePod, capsys: pytest.CaptureFixture[str]) -> None:
    """After a stop and a start the objects are there, new pods are served at once, and old kubeconfigs are renewed."""
    began = time.monotonic()
    assert cluster.start().state == "running"
    first = time.monotonic() - began
    run_a_pod(cluster, pod, "kept")
    old = cluster.user_kubeconfig.read_text()
    assert cluster.stop() == 5
    assert cluster.status().state == "stopped"
    assert processes.running(cluster.folder) == {}
    began = time.monotonic()
    cluster.start()
    second = time.monotonic() - began
    served = run_a_pod(cluster, pod, "new")
    with cluster.user() as api:
        found = api.get("/api/v1/namespaces/llm/pods")["items"]
    assert {item["metadata"]["name"]: is_ready(item) for item in found} == {"kept": True, "new": True}
    assert cluster.user_kubeconfig.read_text() != old
    began = time.monotonic()
    cluster.start()
    third = time.monotonic() - began
    with capsys.disabled():
        sys.stdout.write(
            f"\nsimulated cluster: first start {first:.1f} s, after a stop {second:.1f} s, when running {third:.1f} s; "
            f"a new pod after the restart is ready in {served:.2f} s\n"
        )
    assert max(first, second, third) < GENEROUS_SECONDS


@pytest.mark.cluster
def test_killed_components_are_found_and_replaced(cluster: Cluster, pod: MakePod) -> None:
    """Whichever component died, the status names it and the next start brings all of it back with its objects."""
    said: list[str] = []
    cluster = Cluster(cluster.name, cluster.root, say=said.append)
    cluster.start()
    run_a_pod(cluster, pod, "kept")
    for component in ("etcd", "kwok-controller"):
        kill(cluster, component)
        broken = cluster.status()
        assert broken.state == "broken"
        assert component in broken.missing
        said.clear()
        cluster.start()
        assert re.fullmatch(r"Stopped \d processes of a simulated cluster .*", said[0])
        assert cluster.status().state == "running"
        with cluster.user() as api:
            assert is_ready(api.get("/api/v1/namespaces/llm/pods/kept"))
    for pids in processes.running(cluster.folder).values():
        os.kill(pids[0], signal.SIGKILL)
    cluster.start()
    with cluster.user() as api:
        assert is_ready(api.get("/api/v1/namespaces/llm/pods/kept"))


@pytest.mark.cluster
def test_two_clusters_side_by_side(simulated_cluster: Cluster, cluster: Cluster, pod: MakePod) -> None:
    """A second cluster takes other ports, shares nothing with the first, and its end does not touch the first."""
    cluster.start()
    assert cluster.server != simulated_cluster.server
    run_a_pod(cluster, pod, "mine")
    with simulated_cluster.admin() as api:
        assert [i["metadata"]["name"] for i in api.get("/api/v1/namespaces/llm/pods")["items"]] == []
    assert cluster.delete()
    assert simulated_cluster.status().state == "running"
    assert not cluster.user_kubeconfig.exists()
    assert list(cluster.root.iterdir()) == []


@pytest.mark.cluster
def test_lost_folder_does_not_hide_the_processes(cluster: Cluster) -> None:
    """`rm -rf` of the state under a running cluster leaves processes; delete and start still find them."""
    cluster.start()
    shutil.rmtree(cluster.root / "kwok")
    assert cluster.status().state == "broken"
    assert [found.name for found in clusters(cluster.root)] == [cluster.name]
    assert cluster.delete()
    assert clusters(cluster.root) == []
    assert processes.running(cluster.folder) == {}


def start_command(cluster: Cluster) -> list[str]:
    """A command that starts the cluster in a process of its own."""
    code = "import pathlib, sys; from simulator import Cluster; Cluster(sys.argv[1], pathlib.Path(sys.argv[2])).start()"
    return [sys.executable, "-c", code, cluster.name, str(cluster.root)]


@pytest.mark.cluster
def test_start_that_was_killed_half_way(cluster: Cluster) -> None:
    """A start killed at any moment leaves nothing that the next one stumbles over."""
    for component in ("kwokctl", "etcd", "kwok-controller"):
        start = subprocess.Popen(start_command(cluster), cwd=CHECKOUT, start_new_session=True)
        wait_for("no process", lambda wanted=component: wanted in processes.running(cluster.folder), seconds=30)
        os.killpg(start.pid, signal.SIGKILL)
        start.wait()
        if component == "kwokctl":  # not part of the start's process group, and about to start the components
            cluster.stop()
            assert processes.running(cluster.folder) == {}
    lock = cluster.user_kubeconfig.with_name(cluster.user_kubeconfig.name + ".lock")
    lock.touch()
    os.utime(lock, (0, 0))
    assert cluster.start().state == "running"
    assert not lock.exists()


@pytest.mark.cluster
def test_interrupted_start_leaves_no_process(cluster: Cluster) -> None:
    """Ctrl-C during the first start stops what was started and removes what was written."""
    start = subprocess.Popen(start_command(cluster), cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
    wait_for("no process", lambda: "etcd" in processes.running(cluster.folder), seconds=30)
    start.send_signal(signal.SIGINT)
    _, errors = start.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert processes.running(cluster.folder) == {}
    assert cluster.status().state == "absent"


@pytest.mark.cluster
def test_taken_ports_are_avoided(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that was taken after the look is noticed, and the start goes on with others."""
    with ExitStack() as sockets:
        first = ports.choose(cluster._identity)
        taken = sockets.enter_context(socket.socket())
        taken.bind(("127.0.0.1", first["apiserver"]))
        taken.listen()
        monkeypatch.setattr(ports, "_free", lambda _port: True)  # as if it were taken after the look
        cluster.start()
        assert cluster.server != f"https://127.0.0.1:{first['apiserver']}"
        assert cluster.status().state == "running"


@pytest.mark.cluster
@pytest.mark.parametrize("attempts", [2, 1])
def test_kinds_that_kwokctl_did_not_install(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    """A loaded machine can keep kwokctl from installing its kinds: it is started again, and only then given up."""
    monkeypatch.setattr("simulator.cluster.ATTEMPTS", attempts)
    folder = tmp_path / "bin"
    shutil.copytree(CHECKOUT / ".voltaic" / "bin", folder, symlinks=True)
    real = (folder / "kwokctl").resolve()
    (folder / "kwokctl").unlink()
    (folder / "kwokctl").write_text(
        f"""#!/bin/sh
if [ ! -e '{tmp_path}/once' ]; then
    touch '{tmp_path}/once'
    for argument; do
        shift
        case "$argument" in --enable-crds=*) ;; *) set -- "$@" "$argument" ;; esac
    done
fi
exec '{real}' "$@"
"""
    )
    (folder / "kwokctl").chmod(0o755)
    own = Cluster(cluster.name, cluster.root, bin_folder=folder)
    if attempts == 2:
        assert own.start().state == "running"
        return
    with pytest.raises(SimulatorError) as failed:
        own.start()
    assert str(failed.value) == (
        "kwokctl did not install ClusterExec, ClusterLogs, ClusterPortForward, Exec, Logs, PortForward, Stage:\n"
        "  (it names no error)"
    )
    assert own.status().state == "absent"


@pytest.mark.cluster
def test_two_starts_at_once_make_one_cluster(cluster: Cluster) -> None:
    """Two starts of the same cluster at the same time: one starts it, the other waits and finds it running."""
    results: list[str] = []

    def start() -> None:
        results.append(Cluster(cluster.name, cluster.root).start().state)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GENEROUS_SECONDS)
    assert results == ["running", "running"]
    assert all(len(pids) == 1 for pids in processes.running(cluster.folder).values())


@pytest.mark.cluster
def test_state_that_cannot_be_read_is_reported(cluster: Cluster) -> None:
    """When etcd's data are ruined, the error shows etcd's own words and names the way out."""
    cluster.start()
    cluster.stop()
    (database,) = cluster.root.glob("kwok/state/*/etcd/member/snap/db")
    database.write_bytes(b"ruined")
    with pytest.raises(SimulatorError) as failed:
        cluster.start()
    assert "etcd ended soon after the start" in str(failed.value)
    assert "etcd.log:" in str(failed.value)
    assert failed.value.__notes__ == [
        "If this stays so, `python -m simulator delete` removes the cluster and all that is in it."
    ]
    assert processes.running(cluster.folder) == {}


@pytest.mark.cluster
def test_failed_start_shows_the_log_and_loses_nothing(cluster: Cluster, pod: MakePod, tmp_path: Path) -> None:
    """A component that ends at once is named with the last lines of its log; what was in the cluster is kept."""
    cluster.start()
    run_a_pod(cluster, pod, "kept")
    cluster.stop()
    folder = tmp_path / "bin"
    shutil.copytree(CHECKOUT / ".voltaic" / "bin", folder, symlinks=True)
    (folder / "kube-scheduler").unlink()
    (folder / "kube-scheduler").write_text(
        '#!/bin/sh\ncase "$*" in *--version*) echo Kubernetes v1.36.1 ;; *) echo "no such luck" >&2; exit 1 ;; esac\n'
    )
    (folder / "kube-scheduler").chmod(0o755)
    with pytest.raises(SimulatorError) as failed:
        Cluster(cluster.name, cluster.root, bin_folder=folder).start()
    assert "kube-scheduler ended soon after the start." in str(failed.value)
    assert "kube-scheduler.log:\n  no such luck" in str(failed.value)
    assert processes.running(cluster.folder) == {}
    assert cluster.start().state == "running"
    with cluster.user() as api:
        assert is_ready(api.get("/api/v1/namespaces/llm/pods/kept"))


def test_missing_programs_are_all_named(tmp_path: Path) -> None:
    """Nothing is started and nothing written when programs are missing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "etcd").touch()
    cluster = Cluster("x", tmp_path / "root", bin_folder=folder)
    with pytest.raises(SimulatorError) as failed:
        cluster.start()
    assert str(failed.value) == (
        f"{folder} lacks kube-apiserver, kube-controller-manager, kube-scheduler, kwok, kubectl, kwokctl: "
        "run `make up`, which builds or fetches them"
    )
    assert cluster.status().state == "absent"
