"""A simulated cluster as one object: start, stop, delete, status."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from simulator import kubeconfig, names, ports, processes
from simulator.api import Api, wait_for
from simulator.configure import READY_SECONDS, Filling
from simulator.errors import SimulatorError
from simulator.launch import ATTEMPTS, CRDS, Launch, PortTakenError, binaries
from simulator.lock import exclusive
from simulator.plain_path import ensure_link, plain, remove_link

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).resolve().parents[1]
LAYOUT = 1  # counts up when a running cluster of an older simulator must be restarted

State = Literal["running", "broken", "stopped", "absent"]


@dataclasses.dataclass(frozen=True, slots=True)
class ClusterStatus:
    """How a cluster stands.

    `broken`: some of its processes run and others do not, or they do not answer; the next start cleans up.
    """

    name: str
    state: State
    server: str | None
    processes: dict[str, list[int]]
    missing: tuple[str, ...]
    new: bool = False  # whether the start made it from nothing


class Cluster:
    """One simulated cluster.

    Args:
        name: by default derived from `root`, so that two checkouts have different clusters.
        root: folder for everything that is kept; by default `.voltaic` in the checkout.
        bin_folder: where the programs of the control plane are; by default `.voltaic/bin` in the checkout.
        namespace: the namespace that the user of `user_kubeconfig` may use.
        gpu_quota: GPUs that its pods together may request.
        say: is told in one sentence what was found and cleaned up.
    """

    def __init__(
        self,
        name: str | None = None,
        root: Path | None = None,
        *,
        bin_folder: Path | None = None,
        namespace: str = names.NAMESPACE,
        gpu_quota: int = names.GPU_QUOTA,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.root = (root or CHECKOUT / ".voltaic").resolve()
        default = default_name(self.root)
        self.name = name or default
        self.namespace = namespace
        self.gpu_quota = gpu_quota
        self._say = say or (lambda _text: None)
        self._workdir = self.root / "kwok"
        self._data = self._workdir / "state" / self.name
        self._lock = self._workdir / f"{self.name}.lock"
        self._bin = bin_folder or CHECKOUT / ".voltaic" / "bin"
        identity = hashlib.sha256(f"{self.root}\n{self.name}".encode()).hexdigest()
        self._identity = identity
        self._launch = Launch(
            name=self.name,
            etcd_prefix=f"/{self.name}-{identity[:8]}",
            workdir=plain(self._workdir),
            data=self._data,
            bin_folder=self._bin,
        )
        self.folder = self._launch.folder  # by this path its processes are known; it may lead through a link
        self._made = self._workdir / "clusters" / self.name
        self.user_kubeconfig = self.root / ("kubeconfig" if self.name == default else f"kubeconfig-{self.name}")
        self.admin_kubeconfig = self._made / "kubeconfig.yaml"

    @property
    def server(self) -> str:
        """Address of the API server.

        Raises:
            SimulatorError: the cluster was never started.
        """
        record = self._known_record()
        if not record:
            raise SimulatorError(
                f"the simulated cluster {self.name} was never started: run `python -m simulator start`"
            )
        return f"https://127.0.0.1:{record['ports']['apiserver']}"

    @property
    def programs(self) -> Path:
        """Folder for executable files that can be run in pods by name, once `remote.programs` lets them."""
        return self._data / "exec"

    def admin(self) -> Api:
        """A client with all rights; close it after use."""
        pki = self._data / "pki"
        return Api(self.server, pki / "ca.crt", client=(pki / "admin.crt", pki / "admin.key"))

    def user(self) -> Api:
        """A client with the rights of the namespace's user; close it after use."""
        content = yaml.safe_load(self.user_kubeconfig.read_text(encoding="utf-8"))
        return Api(self.server, self._data / "pki" / "ca.crt", token=content["users"][0]["user"]["token"])

    def start(self) -> ClusterStatus:
        """Start it, or bring a running one up to date; returns when a pod can run in it.

        What a killed run left is stopped and cleaned first. What was in the cluster when it was stopped is there again.

        Raises:
            SimulatorError: it does not come up; the message says which component failed and shows the end of its log.
        """
        with exclusive(self._lock, self.name):
            programs = binaries(self._bin)
            ensure_link(self._workdir)
            record = self._record()
            fresh = not (record and record["fingerprint"] == self._fingerprint(programs) and self._answers())
            if fresh:
                self._clean(record)
            try:
                if fresh:
                    self._run(programs)
                self._fill(fresh=fresh)
            except BaseException as error:
                processes.stop(self.folder)
                if not record:
                    self._remove()
                elif isinstance(error, SimulatorError):
                    error.add_note(
                        "If this stays so, `python -m simulator delete` removes the cluster and all that is in it."
                    )
                raise
            self._write_record({**self._known_record(), "complete": True})
            return dataclasses.replace(self.status(), new=record is None)

    def stop(self) -> int:
        """Stop its processes and keep what is in it; returns how many processes were stopped."""
        with exclusive(self._lock, self.name):
            return processes.stop(self.folder)

    def delete(self) -> bool:
        """Stop it and remove everything of it; returns whether there was anything."""
        with exclusive(self._lock, self.name):
            found = processes.stop(self.folder) > 0 or self._data.exists() or self._made.exists()
            self._remove()
            self.user_kubeconfig.unlink(missing_ok=True)
            self._lock.unlink()  # those who wait for it notice
        with contextlib.suppress(OSError):  # of other clusters there may be more
            for folder in (self._made.parent, self._data.parent, self._workdir):
                if folder.exists():
                    folder.rmdir()
            remove_link(self._workdir)
        return found

    def status(self) -> ClusterStatus:
        """How it stands now; changes nothing."""
        alive = processes.running(self.folder)
        missing = tuple(name for name in reversed(processes.COMPONENTS) if name not in alive)
        record = self._record()
        state: State
        if not alive:
            state = "stopped" if record else "absent"
        elif missing or not record or not self._answers():
            state = "broken"
        else:
            state = "running"
        return ClusterStatus(self.name, state, self.server if record else None, alive, missing if alive else ())

    def _clean(self, record: dict[str, Any] | None) -> None:
        """Stop what runs in the cluster's folder; forget the data of a first start that was cut short."""
        stopped = processes.stop(self.folder)
        if stopped:
            self._say(f"Stopped {stopped} processes of a simulated cluster that did not work or was out of date.")
        if not record and self._data.exists():
            self._say("Removed what a start left that was cut short.")
            self._remove()

    def _run(self, programs: dict[str, Path]) -> None:
        complete = self._record() is not None
        for attempt in range(1, ATTEMPTS + 1):
            chosen = ports.choose(self._identity, attempt - 1)
            try:
                self._launch.run(chosen)
            except PortTakenError:
                processes.stop(self.folder)
                if attempt == ATTEMPTS:
                    raise
                continue
            self._write_record({"ports": chosen, "fingerprint": self._fingerprint(programs), "complete": complete})
            missing = self._missing_kinds()
            if not missing:
                return
            processes.stop(self.folder)
            if attempt == ATTEMPTS:
                raise SimulatorError(f"kwokctl did not install {', '.join(missing)}:\n{self._launch.complaints()}")

    def _missing_kinds(self) -> list[str]:
        """Kinds of kwok that the API server does not know: kwokctl tries only once to install them."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        with self.admin() as api:
            what = "the API server does not list its kinds"
            found = wait_for(what, lambda: api.get(path), seconds=READY_SECONDS, failed=self._launch.failure)
        return sorted(set(CRDS) - {item["spec"]["names"]["kind"] for item in found["items"]})

    def _fill(self, *, fresh: bool) -> None:
        with self.admin() as api:
            filling = Filling(api, self._launch.failure)
            filling.stages()
            if fresh:
                self._launch.start_nodes(self._known_record()["ports"]["kwok"])
            filling.nodes()
            filling.rest(namespace=self.namespace, gpu_quota=self.gpu_quota, log=self._data / "simulated.log")
            if fresh:
                filling.prove()
            token = filling.token(self.namespace)
        ca = (self._data / "pki" / "ca.crt").read_text(encoding="ascii")
        content = kubeconfig.document(server=self.server, ca=ca, token=token, namespace=self.namespace)
        kubeconfig.write(self.user_kubeconfig, content)

    def _answers(self) -> bool:
        """Whether every component runs and the API server says that it is ready."""
        if set(processes.running(self.folder)) != set(processes.COMPONENTS):
            return False
        try:
            with self.admin() as api:
                return bool(api.get("/readyz") == "ok")
        except (OSError, SimulatorError):
            return False

    def _fingerprint(self, programs: dict[str, Path]) -> str:
        """Changes when a running cluster would no longer be the one that a start makes."""
        text = "\n".join([str(LAYOUT), *(f"{name}={path}" for name, path in sorted(programs.items()))])
        return hashlib.sha256(text.encode()).hexdigest()

    def _record(self) -> dict[str, Any] | None:
        """What the last complete start wrote down; None when there was none."""
        record = self._known_record()
        return record if record.get("complete") else None

    def _known_record(self) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads((self._data / "cluster.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return record

    def _write_record(self, record: dict[str, Any]) -> None:
        part = self._data / "cluster.json.part"
        part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        part.replace(self._data / "cluster.json")

    def _remove(self) -> None:
        shutil.rmtree(self._made, ignore_errors=True)
        shutil.rmtree(self._data, ignore_errors=True)
        for leftover in self._workdir.glob(f"{self.name}.*.yaml"):
            leftover.unlink(missing_ok=True)
        (self._workdir / f"{self.name}.kwokctl.log").unlink(missing_ok=True)


def default_name(root: Path) -> str:
    """The name of the cluster whose state is in this folder."""
    return f"voltaic-{hashlib.sha256(str(root).encode()).hexdigest()[:6]}"


def clusters(root: Path | None = None) -> list[Cluster]:
    """Every cluster with state in this folder, and those that still run though their state was removed, by name."""
    folder = (root or CHECKOUT / ".voltaic").resolve()
    kept = {path.name for path in (folder / "kwok" / "state").glob("*") if path.is_dir()}
    running = {found.name for found in processes.folders() if found.parent == plain(folder / "kwok") / "clusters"}
    return [Cluster(name, folder) for name in sorted(kept | running)]
