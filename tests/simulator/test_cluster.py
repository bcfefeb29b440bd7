"""What the simulated cluster enforces, for real: rights, admission, quota, scheduling, volumes, rollouts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulator import NOTICE, processes
from simulator.api import ApiError, wait_for
from simulator.cluster import CHECKOUT
from simulator.configure import is_ready

if TYPE_CHECKING:
    from conftest import MakePod

    from simulator import Cluster
    from simulator.api import Api

pytestmark = pytest.mark.cluster
PODS = "/api/v1/namespaces/llm/pods"
CLAIMS = "/api/v1/namespaces/llm/persistentvolumeclaims"
SECONDS = 20.0  # for what takes well under one on an idle machine


def ready(api: Api, name: str) -> dict[str, Any]:
    """The pod, once it is ready."""
    path = f"{PODS}/{name}"
    wait_for(f"{name} is not ready", lambda: is_ready(api.get(path)), seconds=SECONDS)
    found: dict[str, Any] = api.get(path)
    return found


def kubectl(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl as the user of the namespace."""
    command = [str(CHECKOUT / ".voltaic" / "bin" / "kubectl"), *arguments]
    env = {"KUBECONFIG": str(cluster.user_kubeconfig), "HOME": str(cluster.root), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nodes",
        "/api/v1/namespaces",
        "/api/v1/pods",
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces/kube-system/secrets",
        "/apis/storage.k8s.io/v1/storageclasses",
        "/apis/kwok.x-k8s.io/v1alpha1/stages",
    ],
)
def test_rights_end_at_the_namespace(user: Api, path: str) -> None:
    """The user reads nothing that is cluster-scoped or of another namespace."""
    with pytest.raises(ApiError) as refused:
        user.get(path)
    assert refused.value.code == 403


def test_user_reads_its_namespace(user: Api) -> None:
    """Inside the namespace the user lists what a stack consists of, quota and events included."""
    for path in (
        PODS,
        CLAIMS,
        "/api/v1/namespaces/llm/resourcequotas",
        "/api/v1/namespaces/llm/events",
        "/apis/apps/v1/namespaces/llm/deployments",
        "/apis/policy/v1/namespaces/llm/poddisruptionbudgets",
        "/apis/networking.k8s.io/v1/namespaces/llm/networkpolicies",
        "/apis/discovery.k8s.io/v1/namespaces/llm/endpointslices",
    ):
        assert "items" in user.get(path)


def test_user_cannot_take_more_rights(user: Api) -> None:
    """The user can neither give itself a role nor create pods past the Deployment's controller."""
    with pytest.raises(ApiError) as refused:
        user.create(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": {"name": "more", "namespace": "llm"},
                "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
            }
        )
    assert refused.value.code == 403


def test_gpu_pod_runs_on_a_v100_node(admin: Api, pod: MakePod) -> None:
    """A restricted pod that tolerates the taint and asks for two GPUs becomes ready on a node with exactly two."""
    admin.create(pod("server", gpus=2))
    node = admin.get(f"/api/v1/nodes/{ready(admin, 'server')['spec']['nodeName']}")
    assert node["metadata"]["labels"]["nvidia.com/gpu.count"] == "2"
    assert node["metadata"]["labels"]["nvidia.com/gpu.family"] == "volta"


def test_pod_without_toleration_stays_pending(admin: Api, pod: MakePod) -> None:
    """The taint keeps a GPU pod off every GPU node, and the scheduler says so."""
    admin.create(pod("stranger", gpus=1, tolerate=False))

    def reason() -> str | None:
        conditions = admin.get(f"{PODS}/stranger")["status"].get("conditions", [])
        return next((item["message"] for item in conditions if item.get("reason") == "Unschedulable"), None)

    message = wait_for("no word of the scheduler", reason, seconds=SECONDS)
    assert "1 Insufficient nvidia.com/gpu, 10 node(s) had untolerated taint(s)" in message
    assert admin.get(f"{PODS}/stranger")["status"]["phase"] == "Pending"


def test_pod_without_gpu_runs_on_the_cpu_node(admin: Api, pod: MakePod) -> None:
    """A web page needs no GPU and tolerates no taint: it goes to the node without."""
    admin.create(pod("page", tolerate=False))
    assert ready(admin, "page")["spec"]["nodeName"] == "cpu-1"


def test_unrestricted_pod_is_refused(admin: Api, pod: MakePod) -> None:
    """Pod Security `restricted` is enforced on everybody, administrators included."""
    privileged = pod("root")
    privileged["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    with pytest.raises(ApiError, match='violates PodSecurity "restricted:latest": privileged'):
        admin.create(privileged)


def test_quota_refuses_the_fifth_gpu(admin: Api, pod: MakePod) -> None:
    """Four GPUs are granted; the fifth is refused with the numbers."""
    admin.create(pod("four", gpus=4))
    used = "/api/v1/namespaces/llm/resourcequotas/project"
    wait_for(
        "the quota does not count",
        lambda: admin.get(used)["status"]["used"]["requests.nvidia.com/gpu"] == "4",
        seconds=SECONDS,
    )
    with pytest.raises(ApiError) as refused:
        admin.create(pod("fifth", gpus=1))
    assert refused.value.message == (
        'pods "fifth" is forbidden: exceeded quota: project, requested: requests.nvidia.com/gpu=1, '
        "used: requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=4"
    )


def claim(name: str) -> dict[str, Any]:
    """A claim without a class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "llm"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "30Gi"}}},
    }


def test_claim_binds_when_a_pod_uses_it(admin: Api, pod: MakePod) -> None:
    """A claim waits for its first pod, is bound by the real binder, and its volume goes with it."""
    admin.create(claim("cache"))
    admin.create(pod("reader", claim="cache"))
    ready(admin, "reader")
    bound = admin.get(f"{CLAIMS}/cache")
    assert bound["status"]["phase"] == "Bound"
    assert bound["status"]["capacity"] == {"storage": "30Gi"}
    volume = f"/api/v1/persistentvolumes/{bound['spec']['volumeName']}"
    assert admin.get(volume)["spec"]["claimRef"]["name"] == "cache"
    admin.delete(f"{PODS}/reader", grace_seconds=0)
    admin.delete(f"{CLAIMS}/cache")

    def gone() -> bool:
        try:
            admin.get(volume)
        except ApiError as error:
            return error.code == 404
        return False

    wait_for("the volume stays", gone, seconds=SECONDS)


def test_claim_without_a_pod_stays_pending(admin: Api) -> None:
    """As on a real cluster, nothing is bound before a pod needs it."""
    admin.create(claim("idle"))
    event = wait_for(
        "no event about the claim",
        lambda: next((e for e in events(admin) if e["involvedObject"]["name"] == "idle"), None),
        seconds=SECONDS,
    )
    assert event["reason"] == "WaitForFirstConsumer"
    assert admin.get(f"{CLAIMS}/idle")["status"]["phase"] == "Pending"


def events(api: Api) -> list[dict[str, Any]]:
    """Events of the namespace."""
    items: list[dict[str, Any]] = api.get("/api/v1/namespaces/llm/events")["items"]
    return items


def test_deployment_of_the_user_rolls_out(admin: Api, user: Api, pod: MakePod) -> None:
    """The user's Deployment gets its pod, and the rollout is complete as `kubectl rollout status` sees it."""
    template = pod("x", gpus=1)
    user.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "tgi", "namespace": "llm"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "tgi"}},
                "template": {"metadata": {"labels": {"app": "tgi"}}, "spec": template["spec"]},
            },
        }
    )
    path = "/apis/apps/v1/namespaces/llm/deployments/tgi"
    wait_for("it does not roll out", lambda: user.get(path)["status"].get("readyReplicas") == 1, seconds=SECONDS)
    assert admin.get(path)["status"]["availableReplicas"] == 1


def test_jobs_complete(admin: Api, pod: MakePod) -> None:
    """A Job's pod succeeds at once."""
    spec = pod("x")["spec"] | {"restartPolicy": "Never"}
    admin.create(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "download", "namespace": "llm"},
            "spec": {"template": {"spec": spec}},
        }
    )
    path = "/apis/batch/v1/namespaces/llm/jobs/download"
    wait_for("it does not complete", lambda: admin.get(path)["status"].get("succeeded") == 1, seconds=SECONDS)


def test_logs_say_that_nothing_runs(simulated_cluster: Cluster, admin: Api, pod: MakePod) -> None:
    """`kubectl logs` works for the user, and says what the logs of a simulated pod are worth."""
    admin.create(pod("quiet"))
    ready(admin, "quiet")
    assert kubectl(simulated_cluster, "logs", "quiet").stdout == f"{NOTICE}\n"
    assert NOTICE == "The nodes are simulated: no GPU is used, no container runs, nothing of the model is loaded."


def test_kubectl_uses_the_namespace_and_context(simulated_cluster: Cluster) -> None:
    """The kubeconfig works with kubectl as it is: context voltaic-sim, namespace llm."""
    assert kubectl(simulated_cluster, "config", "current-context").stdout == "voltaic-sim\n"
    assert "No resources found in llm namespace." in kubectl(simulated_cluster, "get", "deployments").stderr


def test_nothing_listens_beyond_the_loopback_address(simulated_cluster: Cluster) -> None:
    """Every listening socket of every component is bound to 127.0.0.1."""
    pids = {pid for found in processes.running(simulated_cluster.folder).values() for pid in found}
    listening = listeners(pids)
    assert len(listening) >= 6
    assert {address for address, _ in listening} == {"127.0.0.1"}


def listeners(pids: set[int]) -> set[tuple[str, int]]:
    """Address and port of every listening TCP socket of these processes, from /proc."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("needs /proc")
    inodes = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            target = str(entry.readlink()) if entry.is_symlink() else ""
            if target.startswith("socket:["):
                inodes.add(target[len("socket:[") : -1])
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.add((dotted(address), int(port, 16)))
    return found


def dotted(address: str) -> str:
    """An address of /proc/net/tcp as people write it; IPv6 stays as it is."""
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(address))) if len(address) == 8 else address
