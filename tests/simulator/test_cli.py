"""`python -m simulator`, without starting anything."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from simulator.cli import inventory
from simulator.cluster import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path


def simulator(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "simulator", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)


def test_status_of_no_cluster(tmp_path: Path) -> None:
    """Without a cluster, status says so and ends with exit code 1; asking writes nothing."""
    done = simulator("status", "--root", str(tmp_path), "--name", "x")
    assert (done.returncode, done.stdout) == (1, "Simulated cluster x: absent\n")
    assert list(tmp_path.iterdir()) == []


def test_stop_and_delete_of_no_cluster(tmp_path: Path) -> None:
    """Stopping or deleting what is not there is no error and leaves nothing."""
    assert simulator("stop", "--root", str(tmp_path), "--name", "x").stdout == "Simulated cluster x: there is none.\n"
    done = simulator("delete", "--root", str(tmp_path), "--name", "x")
    assert (done.returncode, done.stdout) == (0, "Simulated cluster x: there was none.\n")
    assert list(tmp_path.iterdir()) == []


def test_all_clusters_are_listed_and_deleted(tmp_path: Path) -> None:
    """Clusters of every name are listed, and `delete --all` leaves none of them."""
    assert simulator("list", "--root", str(tmp_path)).stdout == "There is no simulated cluster.\n"
    for name in ("one", "two"):
        (tmp_path / "kwok" / "state" / name).mkdir(parents=True)
    assert simulator("list", "--root", str(tmp_path)).stdout == "one  absent\ntwo  absent\n"
    done = simulator("delete", "--all", "--root", str(tmp_path))
    assert done.stdout == "Simulated cluster one: removed.\nSimulated cluster two: removed.\n"
    assert list(tmp_path.iterdir()) == []


def test_expected_failures_are_one_message(tmp_path: Path) -> None:
    """What can be expected to fail is one message on standard error, without a traceback."""
    (tmp_path / "kwok").write_text("in the way")
    done = simulator("start", "--root", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"simulator: {tmp_path}/kwok: File exists\n"


def test_inventory_counts_the_table() -> None:
    """What is printed about the nodes follows from the table."""
    assert inventory() == "10 nodes with 20 V100 in all and 1 without GPU"
