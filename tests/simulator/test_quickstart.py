"""`make up` with the real pulumi, its provider and a real API server, on a program of a few lines."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from simulator import Cluster
from simulator.api import wait_for
from simulator.cluster import CHECKOUT
from simulator.configure import is_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

STACK = "v100-2gpu"
GENEROUS_SECONDS = 120.0
PROGRAM = """
import os
import pulumi
import pulumi_kubernetes as k8s

if pulumi.Config().get_bool("broken"):
    raise pulumi.RunError("the program refuses")
options = pulumi.ResourceOptions(
    provider=k8s.Provider("p", kubeconfig=os.environ["KUBECONFIG"], context="voltaic-sim", namespace="llm")
)
labels = {"app": "tgi"}
container = {
    "name": "tgi",
    "image": "registry.invalid/tgi",
    "resources": {"limits": {"nvidia.com/gpu": "2"}},
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
pod = {
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [container],
}
annotations = {"sim/start-delay": pulumi.Config().get("delay") or "0s"}
k8s.apps.v1.Deployment(
    "tgi",
    metadata={"name": "tgi"},
    spec={
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod},
    },
    opts=options,
)
pulumi.Stash("cluster", input={"context": "voltaic-sim"})
pulumi.export("bill", {"per_gpu": [{"weights": 7 * 1024**3, "total": 7 * 1024**3}] * 2})
pulumi.export("apiUrl", "http://localhost:8080/v1")
"""


class Checkout:
    """A small project with an environment and a backend of its own, deployed into a cluster of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cluster = Cluster(root=folder / ".voltaic")
        (folder / ".voltaic").mkdir()
        (folder / ".voltaic" / "env.sh").write_text(
            f". '{CHECKOUT}/.voltaic/env.sh'\n"
            f"export PULUMI_BACKEND_URL='file://{folder}/.voltaic/state' KUBECONFIG='{self.cluster.user_kubeconfig}'\n"
            "export PULUMI_CONFIG_PASSPHRASE=\n"
            "unset PULUMI_OPTION_POLICY_PACK\n"
        )
        (folder / "__main__.py").write_text(PROGRAM)
        options = f"{{toolchain: pip, virtualenv: '{sys.prefix}'}}"
        (folder / "Pulumi.yaml").write_text(f"name: voltaic\nruntime: {{name: python, options: {options}}}\n")
        for stack in ("v100-1gpu", STACK):
            (folder / f"Pulumi.{stack}.yaml").write_text(
                "# a comment\n"
                "config:\n"
                "  voltaic:profile: x # kept\n"
                "encryptionsalt: v1:Qsuaq/TDvdU=:v1:+bnbc0CT6BR8ctkB:jB4ViS91VEQJvr/F2oes+2LzxcyIxw==\n"
            )

    def start(self) -> subprocess.Popen[str]:
        """Start what `make up` runs."""
        code = (
            "import pathlib, sys; from simulator import Cluster; from simulator.quickstart import deploy, console; "
            "root = pathlib.Path(sys.argv[1]); "
            "sys.exit(deploy(root, Cluster(root=root / '.voltaic', say=console.print), sys.argv[2]))"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, str(self.folder), STACK],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def up(self) -> tuple[int, str]:
        """Run it to its end: exit code and output."""
        with self.start() as process:
            output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def config(self, **values: str) -> None:
        """Set configuration keys of the stack, as `pulumi config set` does."""
        path = self.folder / f"Pulumi.{STACK}.yaml"
        lines = "".join(f"  voltaic:{key}: {value}\n" for key, value in values.items())
        path.write_text(path.read_text().replace("config:\n", f"config:\n{lines}"))


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A project of the test's own; its cluster is removed at the end."""
    if not (CHECKOUT / ".voltaic" / "env.sh").is_file() or not shutil.which("sh"):
        pytest.skip("needs the environment that `make setup` writes")
    made = Checkout(tmp_path)
    try:
        yield made
    finally:
        made.cluster.delete()


def test_two_at_once(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """One brings the stack up and sums it up; the other waits and then changes nothing; no stack file is rewritten."""
    before = {path.name: path.read_text() for path in checkout.folder.glob("Pulumi.*")}
    both = [checkout.start(), checkout.start()]
    found = {process.pid: process.communicate(timeout=300)[0] for process in both}
    (waited,) = [output for output in found.values() if output.startswith("Another")]
    (holder, output) = next((pid, output) for pid, output in found.items() if output is not waited)
    assert [process.returncode for process in both] == [0, 0], found
    assert "The nodes are simulated: no GPU is used, no container runs, nothing of the model is loaded." in output
    row = next(line for line in output.splitlines() if line.startswith("│ tgi-"))
    assert [cell.strip() for cell in row.strip("│").split("│")][1:] == ["Running", "yes", "v100-16gb-x2", "2"]
    assert "│ weights │  7.00 │  7.00 │" in output
    assert "http://localhost:8080/v1" in output
    assert ". ./activate" in output
    assert "4 created" in output

    assert waited.startswith(f"Another `make up` (process {holder}) is at work here: waiting for it …\n")
    assert "4 unchanged" in waited
    assert {path.name: path.read_text() for path in checkout.folder.glob("Pulumi.*")} == before
    with capsys.disabled():
        for text in (output, waited):
            sys.stdout.write(f"\nmake up without set-up, tiny program: {text.splitlines()[-1]}\n")


def test_exit_code_of_pulumi_and_lost_cluster(checkout: Checkout) -> None:
    """A failing `pulumi up` gives its exit code and no summary; a deleted cluster is filled again from nothing."""
    assert checkout.up()[0] == 0
    checkout.cluster.delete()
    code, output = checkout.up()
    assert code == 0, output
    assert re.search("The cluster is new, but v100-2gpu has [0-9] resources by its state: comparing first.", output)
    assert "--refresh --replace=urn:pulumi:v100-2gpu::voltaic::pulumi:index:Stash::cluster" in output
    assert any(line.startswith("│ tgi-") and "│ yes" in line for line in output.splitlines())
    checkout.config(broken="true")
    code, output = checkout.up()
    assert code == 1
    assert "the program refuses" in output
    assert "`pulumi up` ended with exit code 1. The simulated cluster keeps running." in output
    assert "What runs" not in output


def test_killed_in_the_middle(checkout: Checkout) -> None:
    """Everything killed in the middle of `up`: the next one lifts the lock and ends with the stack, nothing twice."""
    checkout.config(delay="6s")
    process = checkout.start()
    locks = checkout.folder / ".voltaic" / "state" / ".pulumi" / "locks"
    path = "/api/v1/namespaces/llm/pods"

    def pods() -> list[dict]:
        with checkout.cluster.admin() as api:
            return api.get(path)["items"]

    wait_for("pulumi creates nothing", lambda: checkout.cluster.user_kubeconfig.exists() and pods(), seconds=60)
    subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=True, timeout=10)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert list(locks.glob("*/*/*/*.json"))
    code, output = checkout.up()
    assert code == 0, output
    assert "was killed and left v100-2gpu locked: lifted by `pulumi cancel`." in output
    assert "pending operations" not in output
    (only,) = pods()
    assert is_ready(only)
    assert not list(locks.glob("*/*/*/*.json"))
