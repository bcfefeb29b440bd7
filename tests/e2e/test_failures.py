"""Failures on purpose: the doctor names each, the next `voltaic up` recovers, no data is lost, no secret is printed.

One cluster and one deployed stack for all of them. A site's own hand breaks the server: annotations of the simulator,
and fields of the pod template, under a field manager of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from simulator import remote

from .conftest import ANSI, CHECKOUT, Ran, make_project
from .test_recovery import processes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from simulator.api import Api
    from simulator.cluster import Cluster

    from .conftest import Project

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

STACK = "v100-2gpu"
NAMESPACE = "llm"
SERVER, PAGE = f"tgi-{STACK}", f"webui-{STACK}"
PLANTED = {"hfToken": "hf_PlantedPlantedPlantedPlantedPla", "webuiAdminPassword": "planted-password-4711"}
NODE = "v100-16gb-x2"
TRANSFORM = '''
import json, os
import pulumi


def _simulated(args):
    """Ask the simulator for what SIMULATED says, in the server's pods."""
    if args.type_ == "kubernetes:apps/v1:Deployment" and args.name == "tgi":
        found = args.props["spec"]["template"]["metadata"]["annotations"]
        found.update(json.loads(os.environ.get("SIMULATED", "{}")))
    return pulumi.ResourceTransformResult(props=args.props, opts=args.opts)


pulumi.runtime.register_resource_transform(_simulated)
'''
OUT_OF_MEMORY = (
    "INFO shard-manager: text_generation_launcher: Starting shard rank=0",
    '  File "/opt/conda/lib/python3.11/site-packages/text_generation_server/models/__init__.py", line 1, in get_model',
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 896.00 MiB. GPU 0 has a total capacity of 15.77 GiB",
    "Error: ShardCannotStart",
)


@dataclass
class Deployed:
    """A deployed stack, everything that was printed about it, and what must not get lost."""

    project: Project
    cluster: Cluster
    log: Path
    printed: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    """Uid of each volume claim, and data of the chat page's login, as they were first seen."""

    def voltaic(self, *words: str, timeout: float = 150, **env: str) -> Ran:
        """Run a command of voltaic and keep what it prints."""
        done = self.project.run(*VOLTAIC, *words, timeout=timeout, env=env)
        self.printed.append(done.output)
        return done

    def spawn(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Start a command of voltaic in a process group of its own."""
        process = subprocess.Popen(
            [*VOLTAIC, *words],
            cwd=self.project.folder,
            env={**self.project.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.project.started.append(process)
        return process

    def ended(self, process: subprocess.Popen[str], timeout: float = 120) -> Ran:
        """Wait for a command that was started, and keep what it printed."""
        output, _ = process.communicate(timeout=timeout)
        self.printed.append(output)
        return Ran(process.returncode, ANSI.sub("", output))

    def doctor(self) -> list[str]:
        """Return the ids of what the doctor names."""
        done = self.voltaic("doctor", "--stack", STACK, "--json")
        found = json.loads(done.output[done.output.index("{") :])
        return [each["id"] for each in found.get("diagnoses", ())]

    def named(self, failure: str, seconds: float = 40) -> None:
        """Wait until the doctor names a failure."""
        end = time.monotonic() + seconds
        found: list[str] = []
        while time.monotonic() < end:
            found = self.doctor()
            if failure in found:
                return
            time.sleep(0.5)
        pytest.fail(f"the doctor says {found}, and not {failure}:\n{self.printed[-1]}")

    def patch(self, template: dict[str, Any]) -> None:
        """Change the server's pod template with the hand of the site."""
        body = json.dumps({"spec": {"template": template}})
        done = self.project.run(
            *("kubectl", "patch", "deployment", SERVER, "--field-manager=site", "--type=strategic", "-p", body)
        )
        assert done.code == 0, done.output

    def seen(self) -> dict[str, str]:
        """Return what must not get lost, as it is now."""
        claims = {item["metadata"]["name"]: item["metadata"]["uid"] for item in self.project.objects("pvc")}
        secrets = {item["metadata"]["name"]: json.dumps(item["data"]) for item in self.project.objects("secrets")}
        return claims | {name: data for name, data in secrets.items() if name.endswith("-login")}

    def nothing_is_lost(self) -> None:
        """What was there is there still, and is the same."""
        now = self.seen()
        assert {name: now.get(name) for name in self.kept} == self.kept
        self.kept = now | self.kept

    def ready(self) -> bool:
        """Whether all pods are."""
        return self.voltaic("status", "--stack", STACK, "--brief", "--json").code == 0

    def recovers(self) -> None:
        """The next `up` does, and the pods are ready."""
        up = self.voltaic("up", "--stack", STACK, "--yes", "--skip-preview")
        assert up.code == 0, up.output
        self.nothing_is_lost()
        assert until(self.ready, 30)


VOLTAIC = (sys.executable, "-m", "cli")


def until(check: Callable[[], Any], seconds: float) -> bool:
    """Return whether something becomes true in time."""
    end = time.monotonic() + seconds
    while not (found := bool(check())) and time.monotonic() < end:
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def deployed(cluster: Cluster, tools: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The stack's program with secrets planted in its configuration, not deployed yet."""
    folder = tmp_path_factory.mktemp("failures")
    project = make_project(folder / "project", {**tools, "PYTHONPATH": str(CHECKOUT)}, cluster)
    program = project.folder / "__main__.py"
    text = program.read_text(encoding="utf-8")
    program.write_text(text.replace("pulumi.run(", f"{TRANSFORM}\npulumi.run(", 1), encoding="utf-8")
    for key, value in PLANTED.items():
        done = project.pulumi("config", "set", "-s", STACK, "--secret", key, value)
        assert done.code == 0, done.output
    log = folder / "server.log"
    log.write_text("", encoding="utf-8")
    with cluster.admin() as api:
        # The cluster's own log of one line would be taken as often as this one.
        api.delete("/apis/kwok.x-k8s.io/v1alpha1/clusterlogs/simulated")
        api.apply(remote.logs("server", NAMESPACE, ["tgi"], log, log))
    made = Deployed(project, cluster, log)
    try:
        yield made
    finally:
        for process in project.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        kill_all(project)


def kill_all(project: Project) -> None:
    """Kill every process that works for a project."""
    for pid in processes_of(project):
        with suppress(ProcessLookupError):  # it ended with the one before
            os.kill(pid, signal.SIGKILL)


def crash(deployed: Deployed, process: subprocess.Popen[str]) -> None:
    """End a run as a crash of the machine does: everything of it at once, without a word."""
    os.killpg(process.pid, signal.SIGKILL)
    kill_all(deployed.project)
    output, _ = process.communicate(timeout=30)
    deployed.printed.append(output)


def test_up_killed_at_ten_moments(deployed: Deployed) -> None:
    """Whenever it is killed, the next `up` says how to give the lock back, goes on, and keeps every volume.

    Each run comes further than the one before; the last one is killed while it waits for the server.
    """
    locks = deployed.project.folder / "state" / ".pulumi" / "locks"
    told = 0
    for moment in range(10):
        process = deployed.spawn("up", "--stack", STACK, "--yes", "--skip-preview", "--json", SIMULATED=SLOW)
        wait_for_moment(moment, deployed, process)
        assert process.poll() is None, deployed.ended(process).output
        crash(deployed, process)
        deployed.nothing_is_lost()
        if not any(locks.rglob("*.json")):
            continue
        again = deployed.voltaic("up", "--stack", STACK, "--yes", "--json", SIMULATED=SLOW)
        assert again.code == 2, again.output
        locked = json.loads(again.output.splitlines()[-1])
        assert (locked["event"], locked["stale"]) == ("locked", True), again.output
        assert locked["commands"][-1] == f"pulumi cancel --yes -s {STACK}"
        told += 1
        for command in locked["commands"]:  # the state is put back first where it was being written
            given = deployed.project.run("/bin/sh", "-c", command)
            assert given.code == 0, given.output
    assert told >= 7
    assert set(deployed.kept) == {f"{SERVER}-cache", f"{PAGE}-data", f"{PAGE}-login"}
    # What was killed while it was made is adopted by another field manager: what only the killed run asked for stays.
    deployed.patch(annotated(start_delay=None))
    deployed.recovers()
    again = deployed.voltaic("up", "--stack", STACK, "--yes")
    assert again.code == 0, again.output
    assert "Plan: nothing changes" in again


def wait_for_moment(moment: int, deployed: Deployed, process: subprocess.Popen[str]) -> None:
    """Wait until a run has come so far: started, judged, locked, ever more objects made, the server on its way."""
    locks = deployed.project.folder / "state" / ".pulumi" / "locks"
    assert process.stdout is not None
    if moment == 0:
        time.sleep(0.3)
        return
    assert json.loads(process.stdout.readline())["event"] == "verdict"
    if moment == 1:
        return
    assert until(lambda: any(locks.rglob("*.json")), 90)
    if moment == 2:
        return
    if moment == 9:
        assert any(json.loads(line)["event"] == "progress" for line in iter(process.stdout.readline, ""))
        return
    with deployed.cluster.admin() as api:
        before = made(api)
        least = 13 if moment == 8 else min(before + 1, 13)
        assert until(lambda: made(api) >= least, 90)
    time.sleep(0.2 * (moment - 3))


def made(api: Api) -> int:
    """Return how many objects of the stack there are, of those that it makes itself."""
    kinds = {
        "v1": ("serviceaccounts", "services", "secrets", "persistentvolumeclaims"),
        "apps/v1": ("deployments",),
        "networking.k8s.io/v1": ("networkpolicies",),
    }
    paths = [
        f"/{'apis' if '/' in group else 'api'}/{group}/namespaces/{NAMESPACE}/{plural}"
        for group, plurals in kinds.items()
        for plural in plurals
    ]
    label = "labelSelector=app.kubernetes.io/managed-by%3Dvoltaic"
    return sum(len(api.get(f"{path}?{label}")["items"]) for path in paths)


SLOW = json.dumps({"sim/start-delay": "900s"})


def node_taint(deployed: Deployed, *taints: str) -> None:
    """Set taints on the node that the server can run on, or take them off."""
    env = {"KUBECONFIG": str(deployed.cluster.admin_kubeconfig)}
    done = deployed.project.run("kubectl", "taint", "node", NODE, *taints, "--overwrite", env=env)
    assert done.code == 0, done.output


def annotated(**values: str | None) -> dict[str, Any]:
    """Return a change of a pod template's annotations."""
    return {"metadata": {"annotations": {f"sim/{name.replace('_', '-')}": value for name, value in values.items()}}}


def gpus(count: int, node: str | None = NODE) -> dict[str, Any]:
    """Return a change of a pod template's GPUs, and of the node that they have to be on."""
    amount = {"nvidia.com/gpu": str(count)}
    containers = [{"name": "tgi", "resources": {"limits": amount, "requests": amount}}]
    return {"spec": {"nodeSelector": {"kubernetes.io/hostname": node}, "containers": containers}}


NONE = {"failure": None, "run_for": None, "backoff": None, "exit_code": None, "message": None, "stop_delay": None}
QUICK = {"run_for": "1s", "backoff": "1s"}
BREAKS: dict[str, tuple[str, dict[str, Any]]] = {
    "killed for host memory": ("host-memory", annotated(**{**NONE, **QUICK, "failure": "oom"})),
    "crash loop with a log": ("cuda-memory-load", annotated(**{**NONE, **QUICK, "failure": "crashloop"})),
    "image pull": ("image-not-found", annotated(**{**NONE, "failure": "imagepull"})),
    "slow start": ("startup-probe-killed", annotated(**{**NONE, **QUICK, "failure": "probe", "exit_code": "137"})),
    "no GPUs left": ("gpus-unschedulable", {**annotated(**NONE), **gpus(4)}),
    "quota": ("quota-exceeded", gpus(5)),
    "taint": ("taint", gpus(2)),
    "node lost": ("node-lost", annotated(stop_delay="60s")),
}


@pytest.mark.parametrize("failure", BREAKS)
def test_the_doctor_names_it(deployed: Deployed, failure: str) -> None:
    """Whatever breaks the server that ran, the doctor says which of its failures it is; volumes stay as they are."""
    name, template = BREAKS[failure]
    lines = OUT_OF_MEMORY if name == "cuda-memory-load" else ()
    deployed.log.write_text("".join(remote.line("2026-11-21T18:00:01.000000000Z", text) for text in lines))
    if name == "taint":
        node_taint(deployed, "site/maintenance=true:NoSchedule")
    deployed.patch(template)
    if name == "node-lost":
        assert until(deployed.ready, 30)
        node_taint(deployed, "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
    try:
        deployed.named(name)
    finally:
        if name == "taint":
            node_taint(deployed, "site/maintenance-")
        if name == "node-lost":
            node_taint(deployed, "node.kubernetes.io/out-of-service-")
    deployed.nothing_is_lost()


def test_after_all_of_them_up_recovers(deployed: Deployed) -> None:
    """Once what broke it is mended, the next `up` ends well, with the volumes of before."""
    deployed.log.write_text("", encoding="utf-8")
    deployed.patch({**annotated(**NONE), **gpus(2, None)})
    admin = {"KUBECONFIG": str(deployed.cluster.admin_kubeconfig)}
    words = ("kubectl", "-n", NAMESPACE, "delete", "pods", "--all", "--grace-period=0", "--force")
    gone = deployed.project.run(*words, env=admin)
    assert gone.code == 0, gone.output
    deployed.recovers()


def test_interrupted_while_the_server_crashes(deployed: Deployed) -> None:
    """`up` says how pods end; Ctrl-C once cancels in order, says what is left, and the next `up` recovers."""
    crashing = json.dumps({"sim/failure": "oom", "sim/run-for": "1s", "sim/backoff": "1s"})
    process = deployed.spawn("up", "--stack", STACK, "--yes", "--skip-preview", "--json", SIMULATED=crashing)
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if json.loads(line)["event"] == "ended":
            break
    assert "it took more host memory than its limit, and was killed (exit code 137, signal 9)" in lines[-1]
    process.send_signal(signal.SIGINT)
    rest = deployed.ended(process)
    deployed.printed.append("".join(lines))
    assert rest.code == 130, rest.output
    last = json.loads(rest.output.splitlines()[-1])
    assert last["left"] == [f"Deployment {SERVER}"]
    assert last["stopped"] is False
    assert f"Go on with: voltaic up --stack {STACK}" in last["text"]
    assert until(lambda: not processes_of(deployed.project), 15)
    assert not any((deployed.project.folder / "state" / ".pulumi" / "locks").rglob("*.json"))
    assert "host-memory" in deployed.doctor()
    deployed.recovers()


def restart_api_server(cluster: Cluster) -> None:
    """End the API server and start it again, with the same words; the rest of the control plane goes on."""
    from pathlib import Path

    (pid,) = cluster.status().processes["kube-apiserver"]
    words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    folder = Path(f"/proc/{pid}/cwd").readlink()
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not cluster.status().processes.get("kube-apiserver"), 10)
    time.sleep(1)
    script = '"$@" >/dev/null 2>&1 &'  # nobody waits for it: the cluster's own deletion ends it
    subprocess.run(["/bin/sh", "-c", script, "sh", *words], cwd=folder, check=True, start_new_session=True)

    def answers() -> bool:
        try:
            with cluster.admin() as api:
                return bool(api.get("/readyz") == "ok")
        except Exception:  # noqa: BLE001  not yet
            return False

    assert until(answers, 30)


def test_the_api_server_restarts_during_up(deployed: Deployed) -> None:
    """`up` either goes on or says what failed, and ends; the next one recovers."""
    slow = json.dumps({"sim/start-delay": "15s"})
    process = deployed.spawn("up", "--stack", STACK, "--yes", "--skip-preview", "--json", SIMULATED=slow)
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if json.loads(line)["event"] == "progress":
            break
    restart_api_server(deployed.cluster)
    rest = deployed.ended(process)
    deployed.printed.append("".join(lines))
    assert rest.code in {0, 1}, rest.output
    if rest.code:
        assert "voltaic doctor" in rest.output
    deployed.recovers()


def test_the_login_is_over(deployed: Deployed, tmp_path: Path) -> None:
    """Nothing is changed; doctor and `up` say that it is the login, and the next `up` with a good one recovers."""
    import yaml

    content = yaml.safe_load(deployed.cluster.user_kubeconfig.read_text(encoding="utf-8"))
    content["users"][0]["user"]["token"] = "eyJhbGciOiJub25lIn0.eyJleHAiOjE2MDAwMDAwMDB9.c2ln"
    expired = tmp_path / "kubeconfig"
    expired.write_text(yaml.safe_dump(content), encoding="utf-8")
    expired.chmod(0o600)
    state = {path: path.read_bytes() for path in (deployed.project.folder / "state").rglob(f"{STACK}.json")}
    doctor = deployed.voltaic("doctor", "--stack", STACK, "--json", KUBECONFIG=str(expired))
    assert doctor.code in {1, 2}, doctor.output
    assert "login" in doctor
    up = deployed.voltaic("up", "--stack", STACK, "--yes", "--skip-preview", KUBECONFIG=str(expired))
    assert up.code in {1, 2}, up.output
    assert "voltaic login" in up
    assert content["users"][0]["user"]["token"] not in up.output + doctor.output
    assert set(state) == set((deployed.project.folder / "state").rglob(f"{STACK}.json"))
    deployed.recovers()


def test_no_secret_was_printed(deployed: Deployed) -> None:
    """Neither what was planted nor what was generated stands in anything that was printed above."""
    import base64

    secrets = {
        base64.b64decode(value).decode(): item["metadata"]["name"]
        for item in deployed.project.objects("secrets")
        if item["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "voltaic"
        for value in item["data"].values()
    }
    assert set(PLANTED.values()) <= set(secrets)
    long = {value for value in secrets if len(value) >= 12 and "@" not in value}
    assert len(long) > len(PLANTED)
    whole = "\n".join(deployed.printed)
    assert len(deployed.printed) > 10
    for value in long:
        assert value not in whole, secrets[value]
        assert base64.b64encode(value.encode()).decode() not in whole, secrets[value]
