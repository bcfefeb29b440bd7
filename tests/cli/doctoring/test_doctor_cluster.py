"""`voltaic doctor` and `voltaic logs` against a real API server, as the user of one namespace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.cluster import connect
from cli.doctor import examined
from cli.doctoring import show
from cli.doctoring.gather import gather
from cli.doctoring.streams import Followed, Wanted
from simulator import remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

    from cli.cluster.cluster import Cluster
    from simulator import Cluster as Simulated
    from simulator.api import Api
    from voltaic.doctor import Report

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[3]
PODS = "/api/v1/namespaces/llm/pods"
LOGS = "/apis/kwok.x-k8s.io/v1alpha1/clusterlogs"
RESTRICTED = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
LABELS = {"app": "ill"}
SECONDS = 30.0
GATED = (
    "huggingface_hub.errors.GatedRepoError: 401 Client Error.",
    "Access to model meta-llama/Llama-3.1-8B-Instruct is restricted. You must be authenticated to access it.",
    "token was hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
)


def template(
    *, gpus: int = 0, restricted: bool = True, tolerate: bool = True, node: str | None = None, **annotations: str
) -> dict[str, Any]:
    """Return metadata and spec of a pod; annotations as `sim_start_delay`."""
    container: dict[str, Any] = {"name": "main", "image": "registry.invalid/none"}
    if restricted:
        container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    if gpus:
        container["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
    spec: dict[str, Any] = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    if restricted:
        spec["securityContext"] = RESTRICTED
    if tolerate:
        spec["tolerations"] = [{"operator": "Exists"}]
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    said = {key.replace("_", "/", 1).replace("_", "-"): value for key, value in annotations.items()}
    return {"metadata": {"labels": LABELS, "annotations": said}, "spec": spec}


def pod(name: str, **wanted: Any) -> dict[str, Any]:
    """Return a pod."""
    made = template(**wanted)
    return {"apiVersion": "v1", "kind": "Pod"} | made | {"metadata": made["metadata"] | {"name": name}}


def deployment(name: str, **wanted: Any) -> dict[str, Any]:
    """Return a Deployment of one pod."""
    spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template(**wanted)}
    meta = {"name": name, "namespace": "llm", "labels": LABELS}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


@pytest.fixture
def admin(simulated_cluster: Simulated) -> Iterator[Api]:
    """The administrator; what the tests have made in the namespace is gone afterwards."""
    with simulated_cluster.admin() as api:
        yield api
        for path in ("/apis/apps/v1/namespaces/llm/deployments", PODS, "/api/v1/namespaces/llm/events"):
            api.request("DELETE", f"{path}?gracePeriodSeconds=0&propagationPolicy=Background")
        wait(lambda: not api.request("GET", PODS)["items"])


@pytest.fixture
def cluster(simulated_cluster: Simulated) -> Iterator[Cluster]:
    """The cluster as the user of the namespace."""
    with connect(simulated_cluster.user_kubeconfig) as found:
        yield found


@pytest.fixture
def run(
    simulated_cluster: Simulated, voltaic: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Return a function that runs `voltaic` outside of any project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(simulated_cluster.user_kubeconfig))
    return voltaic


@pytest.fixture
def logged(admin: Api, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Return a function that gives the containers of the namespace a log, and one of before the last restart."""
    usual = admin.request("GET", f"{LOGS}/simulated")
    admin.request("DELETE", f"{LOGS}/simulated")  # else now the one log, now the other would be taken

    def make(*lines: str, previous: tuple[str, ...] = ()) -> Path:
        now, before = tmp_path / "now.log", tmp_path / "before.log"
        now.write_text("".join(written(lines)), encoding="utf-8")
        before.write_text("".join(written(previous)), encoding="utf-8")
        admin.apply(remote.logs("ill", "llm", ["main"], now, before))
        return now

    yield make
    admin.request("DELETE", f"{LOGS}/ill")
    admin.apply({key: usual[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": "simulated"}})


def written(lines: tuple[str, ...], minute: int = 0) -> list[str]:
    """Return lines as the container runtime writes them, a second after another."""
    return [
        remote.line(f"2026-11-21T10:{minute:02d}:{second:02d}.000000000Z", text) for second, text in enumerate(lines)
    ]


def wait(check: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Return what is found as soon as there is something."""
    end = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def causes(cluster: Cluster, *expected: str) -> Report:
    """Return the report, once it has these causes or has had time for them."""
    report = examined(gather(cluster, None))

    def looked() -> bool:
        nonlocal report
        report = examined(gather(cluster, None))
        return [found.pattern.id for found in report.diagnoses] == list(expected)

    wait(looked)
    assert [found.pattern.id for found in report.diagnoses] == list(expected)
    return report


@pytest.mark.parametrize(
    ("expected", "wanted"),
    [
        ("host-memory", {"sim_failure": "oom", "sim_run_for": "0s"}),
        ("image-pull", {"sim_failure": "imagepull"}),
        ("startup-probe-killed", {"sim_failure": "probe", "sim_run_for": "0s", "sim_backoff": "60s"}),
        ("gpus-unschedulable", {"gpus": 2, "node": "v100-16gb-x1"}),
        ("taint", {"gpus": 1, "tolerate": False}),
        ("still-starting", {"sim_start_delay": "600s"}),
    ],
)
def test_a_pod_that_does_not_serve(admin: Api, cluster: Cluster, expected: str, wanted: dict[str, Any]) -> None:
    """What the states and events of one pod tell."""
    admin.request("POST", PODS, pod("ill", **wanted))
    report = causes(cluster, expected)
    assert (report.health, report.diagnoses[0].about.name, report.missing) == ("unhealthy", "ill", ())


@pytest.mark.parametrize(
    ("expected", "wanted"), [("quota-exceeded", {"gpus": 100}), ("pod-security", {"restricted": False})]
)
def test_a_deployment_that_makes_no_pods(admin: Api, cluster: Cluster, expected: str, wanted: dict[str, Any]) -> None:
    """Where not even a pod is made, conditions of the Deployment and events of the ReplicaSet tell."""
    admin.apply(deployment("ill", **wanted))
    report = causes(cluster, expected)
    assert (report.health, report.pods) == ("unhealthy", ())


def test_the_log_of_a_container_that_crashes(admin: Api, cluster: Cluster, logged: Any) -> None:
    """The log of before the restart is read; a token in it is not told."""
    logged("starting", previous=GATED)
    admin.request("POST", PODS, pod("ill", sim_failure="crashloop", sim_run_for="0s"))
    report = causes(cluster, "gated-model")
    assert "hf_abc" not in json.dumps(show.document(report, stack=None, namespace="llm", context=None))


def test_a_crash_that_nothing_is_known_of(admin: Api, logged: Any, run: Callable[..., Result]) -> None:
    """The evidence is shown, no cause is guessed, and the exit code says so."""
    logged("starting", previous=("starting", "the flux capacitor is empty"))
    admin.request("POST", PODS, pod("ill", sim_failure="crashloop", sim_run_for="0s", sim_backoff="60s"))
    assert wait(lambda: "flux" in run("doctor", "--all", "--json").stdout), run("doctor", "--all").output
    done = run("doctor", "--all")
    assert (done.exit_code, "the flux capacitor is empty" in done.stdout) == (3, True), done.output


def test_a_cluster_where_all_is_well(admin: Api, run: Callable[..., Result]) -> None:
    """Everything ready is healthy."""
    admin.apply(deployment("well"))
    assert wait(lambda: run("doctor", "--all").exit_code == 0)
    done = run("doctor", "--all")
    assert "HEALTHY  Everything in the namespace llm (context voltaic-sim): 1 of 1 pod ready" in done.stdout


def test_logs_of_all_pods_as_one(admin: Api, cluster: Cluster, logged: Any, run: Callable[..., Result]) -> None:
    """Lines of several pods by their moments, each behind its source; the cause at the end."""
    logged("one", "two")
    for name in ("a", "b"):
        admin.request("POST", PODS, pod(name))
    assert wait(lambda: len([each for each in cluster.pods() if each.ready]) == 2)
    done = run("logs", "--namespace", "llm", "--all", "--doctor")
    assert (done.exit_code, done.stdout.splitlines()) == (
        0,
        ["a/main one", "b/main one", "a/main two", "b/main two"],
    ), done.output


def test_logs_are_followed_through_restarts(admin: Api, cluster: Cluster, logged: Any) -> None:
    """The same container after a restart, and a pod that comes later, go on in the same output."""
    log = logged("first", previous=("first", "last"))
    admin.request("POST", PODS, pod("ill", sim_failure="crashloop", sim_run_for="3s", sim_backoff="1s"))
    lines: list[tuple[str, str]] = []
    ended = threading.Event()

    def follow() -> None:
        for line in Followed(cluster, LABELS, Wanted()).lines(lambda: not ended.is_set()):
            lines.append((line.source, line.text))  # noqa: PERF401  others look at it meanwhile

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert wait(lambda: ("ill/main", "first") in lines), lines
    with log.open("a", encoding="utf-8") as file:
        file.writelines(written(("as it comes",), minute=1))
    assert wait(lambda: ("ill/main", "as it comes") in lines), lines
    before = len(lines)
    assert wait(lambda: len(lines) > before), "the log after a restart"
    admin.request("POST", PODS, pod("late"))
    assert wait(lambda: any(source == "late/main" for source, _ in lines)), lines
    ended.set()
    thread.join(timeout=10)
    assert not thread.is_alive()


def project(folder: Path) -> dict[str, str]:
    """Make a project with a stack `demo`, and return its labels."""
    (folder / "Pulumi.yaml").write_text("name: voltaic\nruntime: python\n", encoding="utf-8")
    values = {
        "profile": "v100-1gpu",
        "model": "mistralai/Mistral-7B-Instruct-v0.2",
        "namespace": "llm",
        "maxInputTokens": 3072,
        "maxTotalTokens": 4096,
        "maxBatchPrefillTokens": 3072,
        "maxBatchSize": 1,
    }
    document = {"config": {f"voltaic:{key}": value for key, value in values.items()}}
    (folder / "Pulumi.demo.yaml").write_text(json.dumps(document), encoding="utf-8")
    return {
        "app.kubernetes.io/name": "tgi",
        "app.kubernetes.io/instance": "demo",
        "app.kubernetes.io/managed-by": "voltaic",
    }


def test_a_server_of_a_stack_is_led_to_settings_that_the_judge_accepts(
    admin: Api, logged: Any, run: Callable[..., Result], tmp_path: Path
) -> None:
    """Out of memory in the warm-up: the cause, and smaller limits as commands for this stack, proven."""
    labels = project(tmp_path)
    lines = (
        "ERROR text_generation_launcher: Method Warmup encountered an error.",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 100.00 MiB.",
    )
    logged("starting", previous=lines)
    ill = pod("llm-0", sim_failure="crashloop", sim_run_for="0s", sim_backoff="60s")
    ill["metadata"]["labels"] = labels
    admin.request("POST", PODS, ill)
    assert wait(lambda: run("doctor", "--stack", "demo").exit_code == 1), run("doctor", "--stack", "demo").output
    document = json.loads(run("doctor", "--stack", "demo", "--json").stdout)
    (found,) = document["diagnoses"]
    proven = [way["commands"] for way in found["ways_out"] if way["proven"]]
    assert (found["id"], document["stack"]) == ("cuda-memory-warm-up", "demo")
    assert proven
    assert all(command.startswith("pulumi config set max") for command in proven[0])
    assert all(command.endswith(" -s demo") or " --stack demo" in command for command in proven[0])


@pytest.mark.parametrize(
    ("expected", "change"),
    [
        ("login-expired", {"user": {"token": "expired-long-ago"}}),
        ("api-unreachable", {"cluster": {"server": "https://127.0.0.1:9", "insecure-skip-tls-verify": True}}),
    ],
)
def test_what_stands_between_here_and_the_cluster(  # noqa: PLR0917  fixtures
    simulated_cluster: Simulated,
    run: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected: str,
    change: dict[str, Any],
) -> None:
    """A login that has ended and an API server that does not answer are causes too."""
    document = yaml.safe_load(simulated_cluster.user_kubeconfig.read_text("utf-8"))
    for key, value in change.items():
        document[f"{key}s"][0][key] = value
    (tmp_path / "config").write_text(yaml.safe_dump(document), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    done = run("doctor", "--all", "--json")
    assert done.exit_code == 1, done.output
    assert [found["id"] for found in json.loads(done.stdout)["diagnoses"]] == [expected]


def test_a_cause_is_told_while_logs_are_followed(
    admin: Api, simulated_cluster: Simulated, logged: Any, tmp_path: Path
) -> None:
    """`logs -f --doctor` says what is wrong as soon as it can be told, and ends with its exit code."""
    logged("starting", previous=GATED)
    admin.request("POST", PODS, pod("ill", sim_failure="crashloop", sim_run_for="0s", sim_backoff="60s"))
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "logs", "-f", "--all", "--doctor"],
        cwd=tmp_path,
        env=os.environ | {"KUBECONFIG": str(simulated_cluster.user_kubeconfig), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if all(any(words in text for text in said) for words in ("- ill/main Access", "Told before")):
                break
        process.send_signal(signal.SIGINT)
        said += process.stdout
    text = "".join(said)
    assert process.returncode == 1, text
    assert ("- ill/main Access to model" in text, "hf_abc" in text, "Traceback" in text) == (True, False, False), text
