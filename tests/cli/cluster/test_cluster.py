"""The cluster layer against a real API server, as the user of one namespace."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cli.cluster import ClusterError, connect, connection
from cli.cluster.loop import Loop
from cli.cluster.rights import Right
from simulator import remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cli.cluster.cluster import Cluster
    from simulator import Cluster as Simulated

pytestmark = pytest.mark.cluster

LABELS = {"app.kubernetes.io/name": "layer"}
SERVICE: dict[str, Any] = {
    "metadata": {"name": "layer"},
    "spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
}
POD: dict[str, Any] = {
    "metadata": {"name": "layer", "labels": LABELS},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "image": "registry.invalid/none",
                "ports": [{"name": "http", "containerPort": 8080}],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}


def user_config(simulated: Simulated) -> dict[str, Any]:
    """Return the kubeconfig of the user of the namespace."""
    found: dict[str, Any] = yaml.safe_load(simulated.user_kubeconfig.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def changed(simulated_cluster: Simulated, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], Any]], str]:
    """Return a function that gives the user's kubeconfig after a change."""

    def make(change: Callable[[dict[str, Any]], Any]) -> str:
        document = copy.deepcopy(user_config(simulated_cluster))
        change(document)
        place = tmp_path / "config"
        place.write_text(yaml.safe_dump(document), encoding="utf-8")
        return str(place)

    return make


@pytest.fixture
def cluster(simulated_cluster: Simulated) -> Iterator[Cluster]:
    """The cluster as commands see it."""
    with connect(simulated_cluster.user_kubeconfig) as found:
        yield found


@pytest.fixture
def running(simulated_cluster: Simulated, cluster: Cluster) -> Iterator[Cluster]:
    """A ready pod and its Service, with a program that can be run in it and a port that answers."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = listener.accept()
                with accepted:
                    accepted.sendall(b"you said " + accepted.recv(100))

    threading.Thread(target=answer, daemon=True).start()
    program = simulated_cluster.programs / "say"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text('#!/bin/sh\necho "$@"\n[ "$1" != fail ]\n', encoding="utf-8")
    program.chmod(0o755)
    with simulated_cluster.admin() as admin:
        mine = [remote.programs("layer", "llm"), remote.ports("layer", "llm", {8080: listener.getsockname()[1]})]
        for made in mine:
            admin.apply(made)
        cluster_pods = "/api/v1/namespaces/llm/pods"
        admin.request("POST", cluster_pods, {"apiVersion": "v1", "kind": "Pod"} | POD)
        cluster.create("services", {"apiVersion": "v1", "kind": "Service"} | SERVICE)
        wait(lambda: cluster.pods(LABELS)[0].ready)
        yield cluster
        admin.request("DELETE", f"{cluster_pods}/layer?gracePeriodSeconds=0")
        cluster.delete("services", "layer")
        for made in mine:
            plural = f"{made['kind'].lower()}s"
            admin.request("DELETE", f"/apis/kwok.x-k8s.io/v1alpha1/{plural}/layer")
    listener.close()


def wait(until: Callable[[], bool]) -> None:
    """Wait until something is so."""
    for _ in range(200):
        if until():
            return
        time.sleep(0.05)
    pytest.fail("it did not become so within 10 s")


def test_a_user_of_one_namespace_learns_what_there_is(cluster: Cluster) -> None:
    """Version, user, namespace and quota are told; whether the namespace exists may not be asked."""
    assert cluster.version().startswith("v1.")
    assert cluster.whoami() == "system:serviceaccount:llm:deployer"
    assert cluster.namespace == "llm"
    assert cluster.namespace_exists() is None
    assert cluster.quotas()[0].hard["requests.nvidia.com/gpu"] == "4"


def test_rights_are_told_without_touching_anything(cluster: Cluster) -> None:
    """Those of the namespace, and those beyond it."""
    asked = [Right("create", "pods/exec", "llm"), Right("list", "nodes", None), Right("patch", "deployments", "llm")]
    assert [answer.allowed for answer in cluster.may(asked)] == [True, False, True]


def test_a_pod_is_seen_asked_and_reached(running: Cluster) -> None:
    """State, log, events, a command in it, and a connection to its port, by way of its Service."""
    pod = running.pods(LABELS)[0]
    assert (pod.name, pod.state, pod.restarts) == ("layer", "Running", 0)
    assert next(running.logs("layer", tail=1)).startswith("The nodes are simulated")
    assert "Scheduled" in {event.reason for event in running.events("layer")}

    done = running.exec("layer", ["say", "a b", "c"])
    assert (done.stdout, done.code) == ("a b c\n", 0)
    assert running.exec("layer", ["say", "fail"]).code != 0
    assert "not found" in running.exec("layer", ["no-such-program"]).problem

    with pytest.raises(ClusterError, match="container nope is not valid for pod layer"):
        running.exec("layer", ["say"], "nope")

    target = running.target("layer")
    assert (target.pod, target.port) == ("layer", 8080)
    with running.forward(target) as port, socket.create_connection(("127.0.0.1", port), 5) as local:
        local.sendall(b"hello")
        assert local.recv(100) == b"you said hello"


def test_objects_are_made_changed_and_deleted(cluster: Cluster) -> None:
    """A dry run leaves nothing; deleting what is not there is no fault."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "layer"}, "data": {"a": "1"}}
    cluster.create("configmaps", body, dry_run=True)
    assert cluster.item("configmaps", "layer") is None
    cluster.create("configmaps", body)
    assert cluster.patch("configmaps", "layer", {"data": {"a": "2"}})["data"] == {"a": "2"}
    assert cluster.delete("configmaps", "layer")
    assert not cluster.delete("configmaps", "layer")


def test_long_lists_come_whole(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that the API server gives in pages is one list."""
    monkeypatch.setattr("cli.cluster.cluster.PAGE", 1)
    assert len(cluster.items("serviceaccounts")) == 2


@pytest.mark.parametrize(
    ("ask", "kind", "words"),
    [
        (lambda cluster: cluster.items("nodes"), "forbidden", "may not list nodes over the whole cluster"),
        (lambda cluster: list(cluster.logs("none")), "not-found", "There is no pod none in the namespace llm"),
        (lambda cluster: cluster.exec("none", ["ls"]), "not-found", "There is no pod none in the namespace llm"),
        (lambda cluster: cluster.target("none"), "not-found", "There is no service none in the namespace llm"),
        (lambda cluster: cluster.create("services", {}), "refused", "refuses to create services"),
    ],
)
def test_what_cannot_be_is_told(cluster: Cluster, ask: Callable[[Cluster], Any], kind: str, words: str) -> None:
    """Each failure in its own words, from requests, streams and websockets alike."""
    with pytest.raises(ClusterError) as said:
        ask(cluster)
    assert (said.value.kind, words in str(said.value)) == (kind, True), str(said.value)


def test_another_namespace_is_forbidden_and_said_so(simulated_cluster: Simulated) -> None:
    """The message names verb, kind and namespace."""
    with (
        connect(simulated_cluster.user_kubeconfig, namespace="kube-system") as found,
        pytest.raises(ClusterError, match="may not list pods in the namespace kube-system"),
    ):
        found.pods()


def test_a_login_that_ended_is_no_unreachable_cluster(changed: Any, token: Callable[..., str]) -> None:
    """A token that the API server takes no longer: when it ended, and how to log in again."""
    gone = token(exp=1_700_000_000, iss="https://login.example.org")

    def change(document: dict[str, Any]) -> None:
        document["users"][0]["user"]["token"] = gone

    with connect(changed(change)) as found, pytest.raises(ClusterError) as said:
        found.pods()
    assert said.value.kind == "login"
    assert "it ended 2023-11-14 22:13 UTC" in said.value.message
    assert "Log in again at https://login.example.org" in said.value.fix
    assert gone not in str(said.value)


def test_a_plugin_logs_in_once_more_when_its_login_ended(
    changed: Any, simulated_cluster: Simulated, tmp_path: Path
) -> None:
    """The first token that it hands out is stale; the second is good."""
    good = user_config(simulated_cluster)["users"][0]["user"]["token"]
    script = tmp_path / "plugin"
    script.write_text(
        f'#!/bin/sh\ncd "{tmp_path}"\nif [ -e again ]; then token="{good}"; else token=stale; touch again; fi\n'
        'printf \'{"status": {"token": "%s"}}\' "$token"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)

    def change(document: dict[str, Any]) -> None:
        document["users"][0]["user"] = {"exec": {"command": "./plugin"}}

    with connect(changed(change)) as found:
        assert found.whoami() == "system:serviceaccount:llm:deployer"


def test_a_certificate_logs_in_and_leaves_nothing_behind(
    simulated_cluster: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kubeconfig holds in itself is in no file once the connection is closed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with connect(simulated_cluster.admin_kubeconfig) as found:
        assert found.items("nodes")
        assert [oct(path.stat().st_mode)[-3:] for path in tmp_path.iterdir()] == ["700"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "field", "value", "words"),
    [
        ("cluster", "certificate-authority-data", "bm90aGluZw==", "a certificate or key cannot be used"),
        ("cluster", "certificate-authority-data", "%%%", "a certificate or key cannot be used"),
        ("cluster", "server", "https://k8s:port", "the address of the server or of the proxy cannot be used"),
        ("cluster", "proxy-url", "no address", "the address of the server or of the proxy cannot be used"),
        ("user", "tokenFile", "/no/such/file", "The token file /no/such/file"),
        ("cluster", "certificate-authority", "/no/such/file", "The certificate-authority /no/such/file"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_told(changed: Any, kind: str, field: str, value: str, words: str) -> None:
    """Broken certificates, addresses and files are faults of the kubeconfig, not of the cluster."""

    def change(document: dict[str, Any]) -> None:
        entry = document[f"{kind}s"][0][kind]
        entry[field] = value
        if field == "certificate-authority":
            entry.pop("certificate-authority-data")

    with connect(changed(change)) as found, pytest.raises(ClusterError) as said:
        found.pods()
    assert (said.value.kind, words in said.value.message) == ("bad-kubeconfig", True), str(said.value)


@pytest.mark.parametrize(
    ("server", "kind", "words"),
    [
        ("https://127.0.0.1:1", "unreachable", "nothing listens at that port"),
        ("https://no-such-host.invalid:6443", "unreachable", "no address is known for its name (DNS)"),
    ],
)
def test_no_api_server_is_told_at_once(changed: Any, server: str, kind: str, words: str) -> None:
    """Where it never answered, nobody waits for it to come back."""

    def change(document: dict[str, Any]) -> None:
        document["clusters"][0]["cluster"]["server"] = server

    before = time.monotonic()
    with connect(changed(change)) as found, pytest.raises(ClusterError) as said:
        found.pods()
    assert (said.value.kind, words in said.value.message) == (kind, True), str(said.value)
    assert time.monotonic() - before < 5


def test_an_api_server_that_does_not_answer_is_told_in_time(changed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that accepts connections and says nothing."""
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as deaf:

        def change(document: dict[str, Any]) -> None:
            document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{deaf.getsockname()[1]}"

        with connect(changed(change)) as found, pytest.raises(ClusterError, match="no answer in time"):
            found.pods()


def test_another_cluster_behind_the_address_is_not_trusted(changed: Any, simulated_cluster: Simulated) -> None:
    """A certificate that the kubeconfig's authority did not sign ends the conversation."""

    def change(document: dict[str, Any]) -> None:
        document["clusters"][0]["cluster"].pop("certificate-authority-data")

    with connect(changed(change)) as found, pytest.raises(ClusterError) as said:
        found.pods()
    assert said.value.kind == "untrusted"
    assert "download a fresh kubeconfig" in said.value.fix


class Door:
    """Stands between client and API server, and can be shut."""

    def __init__(self, server: str) -> None:
        self._port = int(server.rpartition(":")[2])
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = Loop()
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let through what comes."""
        self._listener = self._run(asyncio.start_server(self._carry, "127.0.0.1", self.port))
        self.port = self._listener.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Listen no longer, and end what is open."""

        async def shut() -> None:
            if self._listener is not None:
                self._listener.close()
            for writer in self._writers:
                writer.transport.abort()

        self._run(shut())

    def end(self) -> None:
        """Shut it for good."""
        self.shut()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return self._loop.run(work, 5)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, inner}

        async def copy_to(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(copy_to(reader, inner), copy_to(inner_reader, writer))


@pytest.fixture
def door(simulated_cluster: Simulated) -> Iterator[Door]:
    """A door before the API server."""
    made = Door(simulated_cluster.server)
    yield made
    made.end()


def behind(door: Door) -> Callable[[dict[str, Any]], None]:
    """Return the change that leads through a door."""

    def change(document: dict[str, Any]) -> None:
        document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{door.port}"

    return change


def test_an_api_server_that_restarts_is_waited_for(changed: Any, door: Door) -> None:
    """A question that is asked while it is away is answered when it is back."""
    with connect(changed(behind(door))) as found:
        assert found.version()
        door.shut()
        threading.Timer(0.5, door.open).start()
        before = time.monotonic()
        assert found.quotas()
        assert time.monotonic() - before >= 0.4


def test_an_api_server_that_stays_away_is_told(changed: Any, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has an end, and the message says that it answered before."""
    monkeypatch.setattr(connection, "PATIENCE", 0.5)
    with connect(changed(behind(door))) as found:
        assert found.version()
        door.shut()
        with pytest.raises(ClusterError, match="answered before and went away") as said:
            found.quotas()
    assert said.value.kind == "restarted"
