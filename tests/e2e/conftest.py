"""The real pulumi, the real provider, the real policy pack and a real API server with simulated nodes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulator.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
ENVIRONMENT = CHECKOUT / ".voltaic" / "env.sh"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ran:
    """What a command printed, and how it ended."""

    code: int
    output: str

    def __contains__(self, text: object) -> bool:
        """Whether the output has this text, line breaks and runs of blanks apart."""
        return " ".join(str(text).split()) in " ".join(self.output.split())


@dataclass
class Project:
    """A copy of the stack's program with a backend of its own, deployed as the user of one namespace."""

    folder: Path
    env: dict[str, str]
    cluster: Cluster | None
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *command: str, timeout: float = 180, env: dict[str, str] | None = None) -> Ran:
        """Run a command in the project's folder; standard output and error come back together."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.env | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, ANSI.sub("", done.stdout))

    def pulumi(self, *args: str, pack: bool = True, timeout: float = 180) -> Ran:
        """Run pulumi without a terminal, with the policy pack unless told otherwise."""
        env = {} if pack else {"PULUMI_OPTION_POLICY_PACK": ""}
        return self.run("pulumi", "--non-interactive", "--color=never", *args, timeout=timeout, env=env)

    def spawn(self, *args: str) -> subprocess.Popen[str]:
        """Start pulumi in a process group of its own."""
        process = subprocess.Popen(
            ["pulumi", "--non-interactive", "--color=never", *args],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def config(self, stack: str, **values: str) -> None:
        """Set configuration as a user does."""
        for key, value in values.items():
            done = self.pulumi("config", "set", "-s", stack, key, value)
            assert done.code == 0, done.output

    def outputs(self, stack: str) -> dict[str, Any]:
        """Return the stack's outputs."""
        done = self.pulumi("stack", "output", "-s", stack, "--json")
        assert done.code == 0, done.output
        outputs: dict[str, Any] = json.loads(done.output)
        return outputs

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Return the objects of a kind in the user's namespace, as the user sees them."""
        done = self.run("kubectl", "get", kind, "-o", "json")
        assert done.code == 0, done.output
        items: list[dict[str, Any]] = json.loads(done.output)["items"]
        return items

    def names(self, *kinds: str) -> set[str]:
        """Return `Kind/name` of the objects of these kinds, without what every namespace has."""
        own = {
            f"{item['kind']}/{item['metadata']['name']}"
            for kind in kinds
            for item in self.objects(kind)
            if item["metadata"]["name"] not in {"default", "kube-root-ca.crt", "deployer"}
        }
        return {name for name in own if not name.startswith("Secret/deployer")}


def tool_chain() -> dict[str, str]:
    """Return the environment that set-up has written."""
    if not ENVIRONMENT.is_file():
        pytest.fail("the tool chain is not set up: run `make setup`")
    script = f'. "{ENVIRONMENT}" && env -0'
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(["/bin/sh", "-c", script], env=clean, capture_output=True, text=True, check=True)
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if "=" in entry)


@pytest.fixture(scope="session")
def tools() -> dict[str, str]:
    """The environment of `. ./activate`."""
    return tool_chain()


@pytest.fixture(scope="module")
def cluster(tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A simulated cluster for the tests of one file."""
    made = Cluster(name="e2e", root=tmp_path_factory.mktemp("cluster"))
    made.start()
    try:
        yield made
    finally:
        made.delete()


def make_project(folder: Path, tools: dict[str, str], cluster: Cluster | None) -> Project:
    """Copy what makes the stack's program, link the environment, and use a backend of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Pulumi.yaml", "__main__.py", "Pulumi.v100-1gpu.yaml", "Pulumi.v100-2gpu.yaml"):
        shutil.copy(CHECKOUT / name, folder / name)
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    state = folder / "state"
    state.mkdir()
    kubeconfig = cluster.user_kubeconfig if cluster else folder / "no-such-kubeconfig"
    env = tools | {"PULUMI_BACKEND_URL": f"file://{state}", "KUBECONFIG": str(kubeconfig)}
    project = Project(folder, env, cluster)
    for stack in ("v100-1gpu", "v100-2gpu"):
        done = project.pulumi("stack", "init", stack)
        assert done.code == 0, done.output
    return project


@pytest.fixture
def project(tmp_path: Path, tools: dict[str, str], cluster: Cluster) -> Iterator[Project]:
    """The stack's program with both stacks made; afterwards nothing of it is left in the cluster."""
    made = make_project(tmp_path / "project", tools, cluster)
    try:
        yield made
    finally:
        for process in made.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        kinds = (
            "deployments,services,persistentvolumeclaims,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets"
        )
        made.run("kubectl", "delete", kinds, "-l", "app.kubernetes.io/managed-by=voltaic")


@pytest.fixture
def offline(tmp_path: Path, tools: dict[str, str]) -> Project:
    """The stack's program with no cluster to reach."""
    return make_project(tmp_path / "project", tools, None)
