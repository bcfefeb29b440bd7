"""Commands against a real API server, as the user of one namespace: what they say, how they end, what they leave."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.cluster import ClusterError, connect
from simulator import remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.cluster.cluster import Cluster
    from simulator import Cluster as Simulated

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
STACK = "demo"
LABELS = {
    "app.kubernetes.io/name": "tgi",
    "app.kubernetes.io/instance": STACK,
    "app.kubernetes.io/managed-by": "voltaic",
}
SMI = "0, Tesla V100-SXM2-16GB, 12288, 16160, 97, 61, 231.44\\n1, Tesla V100-SXM2-16GB, 11264, 16160, 40, 44, 41.02\\n"
METRICS = "tgi_queue_size 3\ntgi_batch_current_size 2\ntgi_request_generated_tokens_sum 900\n"


def server_pod(name: str) -> dict[str, Any]:
    """Return a pod as components make it, of a stack that no state knows."""
    container = {
        "name": "tgi",
        "image": "ghcr.io/huggingface/text-generation-inference:3.0.1",
        "args": ["--model-id", "mistralai/Mistral-7B-Instruct-v0.2"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"limits": {"nvidia.com/gpu": "2"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": LABELS}, "spec": spec}


class Engine(BaseHTTPRequestHandler):
    """Answers as TGI does at /metrics."""

    def do_GET(self) -> None:
        """Answer."""
        body = METRICS.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one stack and a state of its own."""
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: voltaic\nruntime: python\n", encoding="utf-8")
    values = {"profile": "v100-2gpu", "model": "mistralai/Mistral-7B-Instruct-v0.2", "namespace": "llm"}
    document = {"config": {f"voltaic:{key}": value for key, value in values.items()}}
    (tmp_path / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(project: Path, simulated_cluster: Simulated) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs `voltaic` in the project's folder."""

    def make(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=project,
            env=environment(project, simulated_cluster) | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return make


def environment(project: Path, simulated: Simulated) -> dict[str, str]:
    """Return the environment of somebody who has set up this checkout."""
    return os.environ | {
        "PATH": os.pathsep.join([str(ROOT / ".voltaic" / "bin"), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "KUBECONFIG": str(simulated.user_kubeconfig),
        "PULUMI_BACKEND_URL": f"file://{project / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }


@pytest.fixture
def serving(simulated_cluster: Simulated) -> Iterator[Cluster]:
    """A server that runs: its GPUs and its engine answer."""
    engine = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    threading.Thread(target=engine.serve_forever, daemon=True).start()
    program = simulated_cluster.programs / "nvidia-smi"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\nprintf '{SMI}'\n", encoding="utf-8")
    program.chmod(0o755)
    pods = "/api/v1/namespaces/llm/pods"
    with simulated_cluster.admin() as admin, connect(simulated_cluster.user_kubeconfig) as cluster:
        for made in (remote.programs(STACK, "llm"), remote.ports(STACK, "llm", {8080: engine.server_port})):
            admin.apply(made)
        admin.request("POST", pods, server_pod("tgi-demo-0"))
        for _ in range(200):
            if cluster.pods(LABELS)[0].ready:
                break
            time.sleep(0.05)
        yield cluster
        admin.request("DELETE", f"{pods}/tgi-demo-0?gracePeriodSeconds=0")
        for plural in ("clusterexecs", "clusterportforwards"):
            admin.request("DELETE", f"/apis/kwok.x-k8s.io/v1alpha1/{plural}/{STACK}")
    program.unlink()
    engine.shutdown()
    engine.server_close()


def test_status_tells_what_a_server_does(run: Any, serving: Cluster, problems: Any) -> None:
    """Pod, GPUs by exec, engine by port-forward: all with rights in one namespace."""
    done = run("status")
    assert done.returncode == 0, done.stderr
    for words in (
        "Stack demo in the namespace llm (context voltaic-sim): 1 of 1 pod ready",
        "tgi 3.0.1 with mistralai/Mistral-7B-Instruct-v0.2",
        "requests: 2 running, 3 waiting",
        "GPU 0: Tesla V100-SXM2-16GB, 12.00 of 15.78 GiB, 97 % busy, 61 °C, 231 W",
    ):
        assert words in done.stdout
    document = json.loads(run("status", "--json").stdout)
    assert (document["stack"], document["pods"][0]["load"]["answer_tokens"]) == (STACK, 900)
    assert problems("status.schema.json", document) == []


def test_monitor_appends_samples_and_ends_with_the_last(run: Any, serving: Cluster, tmp_path: Path) -> None:
    """Without a terminal a line a pod; each sample in the file; the exit code is that of the last sample."""
    file = tmp_path / "samples.csv"
    done = run("monitor", "--count", "2", "--interval", "0.2", "--csv", str(file))
    assert done.returncode == 0, done.stderr
    assert [" ".join(line.split()[1:6]) for line in done.stdout.splitlines()] == [
        "tgi-demo-0 Running ready restarts=0 running=2"
    ] * 2
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert [row["gpu"] for row in rows] == ["0", "1", "0", "1"]


def test_an_interrupt_ends_the_monitor_and_says_so(
    project: Path, simulated_cluster: Simulated, serving: Cluster
) -> None:
    """Ctrl-C is no fault: the stack goes on, and nothing of the command does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "monitor", "--interval", "0.2", "--brief"],
        cwd=project,
        env=environment(project, simulated_cluster),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert (process.returncode, "Stopped watching; the stack goes on as it is." in said) == (0, True), said
    assert "Traceback" not in said


def test_preflight_sees_as_much_as_one_namespace_allows(run: Any, project: Path, problems: Any) -> None:
    """Quota and rights are read, nodes are not; the gated model has no token, which would fail."""
    done = run("preflight", "--offline", "--json")
    document = json.loads(done.stdout)
    assert problems("preflight.schema.json", document) == []
    checks = {check["check"]: check for check in document["checks"]}
    assert done.returncode == 1
    assert checks["quota"]["found"] == "requests.nvidia.com/gpu: 4 left of 4, 2 needed"
    assert {checks[name]["outcome"] for name in ("api-server", "namespace", "rights-to-deploy", "pod-security")} == {
        "ok"
    }
    assert checks["gpu-nodes"]["outcome"] == "note"
    assert checks["model-access"]["outcome"] == "missing"

    file = project / f"Pulumi.{STACK}.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["config"] |= {"voltaic:hfToken": {"secure": "v1:x"}, "voltaic:replicas": 3}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    done = run("preflight", "--offline")
    assert done.returncode == 1
    assert "requests.nvidia.com/gpu: 4 left of 4, 6 needed (quota project)" in done.stdout


def test_a_preflight_changes_nothing(run: Any, simulated_cluster: Simulated) -> None:
    """Dry runs of pods and Deployments leave no object."""
    with connect(simulated_cluster.user_kubeconfig) as cluster:
        before = [cluster.metadata(kind) for kind in ("pods", "deployments", "secrets")]
        run("preflight", "--offline")
        assert [cluster.metadata(kind) for kind in ("pods", "deployments", "secrets")] == before


def test_pod_security_is_asked_by_a_dry_run(run: Any, project: Path) -> None:
    """A release that runs as root is refused by the namespace's level, before it is deployed."""
    file = project / f"Pulumi.{STACK}.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["config"]["voltaic:engineVersion"] = "3.3.4"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    checks = json.loads(run("preflight", "--offline", "--json").stdout)["checks"]
    (found,) = [check for check in checks if check["check"] == "pod-security"]
    assert found["outcome"] == "missing"
    assert 'violate PodSecurity "restricted:latest"' in found["found"]
    assert "runAsNonRoot" in found["found"]


def test_login_is_checked_with_the_cluster(
    run: Any, simulated_cluster: Simulated, tmp_path: Path, problems: Any
) -> None:
    """A login that works; one that the API server does not know; and taking over the one that works."""
    done = run("login", "--check")
    assert (done.returncode, "answers    v1." in done.stdout) == (0, True), done.stdout + done.stderr

    own = tmp_path / "own"
    done = run("login", str(simulated_cluster.user_kubeconfig), "--into", str(own), "--yes", "--as", "mine")
    assert done.returncode == 0, done.stderr
    token = yaml.safe_load(own.read_text(encoding="utf-8"))["users"][0]["user"]["token"]
    assert token not in done.stdout + done.stderr
    assert oct(own.stat().st_mode)[-3:] == "600"
    assert run("login", "--check", "--context", "mine", KUBECONFIG=str(own)).returncode == 0

    own.write_text(own.read_text(encoding="utf-8").replace(token, "stale"), encoding="utf-8")
    done = run("login", "--check", "--json", KUBECONFIG=str(own))
    document = json.loads(done.stdout)
    assert (done.returncode, document["usable"]) == (1, False)
    assert "does not accept the login" in document["problems"][0]["message"]
    assert problems("login.schema.json", document) == []


def test_a_document_is_asked_for_even_where_nothing_answers(run: Any, tmp_path: Path, problems: Any) -> None:
    """A program reads what failed, by its kind."""
    for command in ("status", "preflight", "cleanup", "login"):
        document = json.loads(run(command, "--json", KUBECONFIG=str(tmp_path / "nowhere")).stdout)
        assert problems(f"{command}.schema.json", document) == []
        assert document["kind"] == "no-kubeconfig"


@pytest.mark.parametrize("command", ["status", "monitor", "preflight", "cleanup"])
def test_a_cluster_that_cannot_be_asked_is_one_message(run: Any, tmp_path: Path, command: str) -> None:
    """Exit code 2, what is wrong, and the next step; no traceback."""
    done = run(command, KUBECONFIG=str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "There is no kubeconfig" in done.stderr
    assert "voltaic login FILE" in done.stderr
    assert "Traceback" not in done.stderr


def objects(cluster: Cluster) -> set[str]:
    """Return what there is of the stack."""
    return {
        meta["name"]
        for kind in ("services", "configmaps", "persistentvolumeclaims")
        for meta in cluster.metadata(kind, {"app.kubernetes.io/managed-by": "voltaic"})
    }


@pytest.fixture
def orphans(simulated_cluster: Simulated) -> Iterator[Cluster]:
    """What a run left that was killed, and an object of others."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    with connect(simulated_cluster.user_kubeconfig) as cluster:
        made: list[tuple[str, str, str, dict[str, Any], dict[str, str]]] = [
            ("services", "Service", "tgi-demo", {"spec": {"ports": [{"port": 80}]}}, LABELS),
            ("persistentvolumeclaims", "PersistentVolumeClaim", "tgi-demo-cache", {"spec": claim}, LABELS),
            ("configmaps", "ConfigMap", "foreign", {}, {**LABELS, "app.kubernetes.io/instance": "of-others"}),
        ]
        for kind, title, name, rest, labels in made:
            version = "v1"
            cluster.create(
                kind, {"apiVersion": version, "kind": title, "metadata": {"name": name, "labels": labels}, **rest}
            )
        yield cluster
        for kind, _, name, _, _ in made:
            try:
                cluster.delete(kind, name)
            except ClusterError:
                continue


def test_cleanup_takes_what_no_state_knows_and_leaves_data(run: Any, orphans: Cluster) -> None:
    """Listed first; deleted after a yes; a volume only by its name; what is of others never."""
    everything = {"tgi-demo", "tgi-demo-cache", "foreign"}
    listed = run("cleanup", "--dry-run")
    assert (listed.returncode, objects(orphans)) == (1, everything), listed.stdout + listed.stderr
    assert "Service tgi-demo (stack demo)" in listed.stdout
    assert "PersistentVolumeClaim tgi-demo-cache, 5Gi (stack demo)" in listed.stdout
    assert "ConfigMap foreign: no stack of this project" in listed.stdout

    unasked = run("cleanup")
    assert (unasked.returncode, objects(orphans)) == (1, everything)
    assert "agree beforehand with --yes" in unasked.stderr

    assert run("cleanup", "--yes").returncode == 0
    assert objects(orphans) == {"tgi-demo-cache", "foreign"}

    assert run("cleanup", "--yes", "--include-data", "--confirm-data", "tgi-demo").returncode == 1
    assert objects(orphans) == {"tgi-demo-cache", "foreign"}
    assert run("cleanup", "--yes", "--include-data", "--confirm-data", "tgi-demo-cache").returncode == 0
    assert objects(orphans) == {"foreign"}


def test_cleanup_deletes_nothing_where_pulumi_cannot_be_asked(run: Any, orphans: Cluster, problems: Any) -> None:
    """Without its state, what is left cannot be told from what is deployed."""
    done = run("cleanup", "--yes", "--json", PULUMI_BACKEND_URL="file:///no/such/folder")
    assert done.returncode == 3, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert problems("cleanup.schema.json", document) == []
    assert (document["goes"], document["deleted"], bool(document["unread"])) == ([], [], True)
    assert len(objects(orphans)) == 3
