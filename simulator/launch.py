"""Starting the processes of a cluster with kwokctl, and telling whether they live.

kwokctl makes certificates, installs its CRDs and knows each component's arguments. Its exit code says nothing about
success, it has no way to restart on other ports, and it deletes its folder when a start fails. So every start is a
fresh `kwokctl create` in an empty folder, onto data that is kept elsewhere, and the processes themselves are watched.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources
from typing import TYPE_CHECKING

import yaml

from simulator import processes
from simulator.errors import SimulatorError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl", "kwokctl")
CRDS = ("Stage", "ClusterLogs", "Logs", "ClusterExec", "Exec", "ClusterPortForward", "PortForward")
NODES = "kwok-controller"
ATTEMPTS = 3  # starts on other ports, when the chosen ones were taken meanwhile
START_SECONDS = 60.0  # 3 s on an idle machine of two cores
WATCH_SECONDS = 0.05
LOG_LINES = 8
LINE_CHARACTERS = 300
TAKEN = "address already in use"


class PortTakenError(SimulatorError):
    """A port was taken between the look and the use."""


def binaries(folder: Path) -> dict[str, Path]:
    """The programs of the control plane, with links resolved.

    Raises:
        SimulatorError: some are missing; all of them are named.
    """
    found = {name: (folder / name).resolve() for name in BINARIES}
    missing = [name for name, path in found.items() if not path.is_file()]
    if missing:
        raise SimulatorError(f"{folder} lacks {', '.join(missing)}: run `make up`, which builds or fetches them")
    return found


class Launch:
    """One start of the processes.

    Args:
        name: of the cluster.
        workdir: kwokctl's home (KWOK_WORKDIR); the cluster's own folder is `clusters/NAME` below it.
        etcd_prefix: of every key in etcd.
        data: where etcd's data and the certificates are kept between starts.
        bin_folder: where the programs are.
    """

    def __init__(self, *, name: str, etcd_prefix: str, workdir: Path, data: Path, bin_folder: Path) -> None:
        self.name = name
        self.etcd_prefix = etcd_prefix
        self.workdir = workdir
        self.folder = workdir / "clusters" / name
        self._children: list[
            subprocess.Popen[bytes]
        ] = []  # kept, so that Python does not warn of children still running
        self.data = data
        self.bin_folder = bin_folder

    def run(self, chosen: Mapping[str, int]) -> None:
        """Start the control plane on these ports; it answers, but nothing is in it yet.

        Raises:
            PortTakenError: try again with other ports.
            SimulatorError: with the reason and the last lines of the log that shows it.
        """
        self._prepare(chosen)
        with self._output.open("wb") as log:
            process = subprocess.Popen(
                self._command(chosen),
                executable=binaries(self.bin_folder)[processes.STARTER],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,  # certificates and keys are for their owner alone
            )
            try:
                self._watch(process)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        # kwokctl's exit code is not asked: it is 1 when its CRDs are there already, and 0 when nothing answers
        reason = self.failure() or self._not_started()
        if reason:
            raise self._error(reason)
        self._keep_certificates()

    def failure(self) -> str | None:
        """Why the cluster cannot be well: components that are not running, with the last lines of their logs."""
        # kwokctl writes the pid file once the process is there: so look for the files first
        started = [name for name in processes.COMPONENTS if self._pid(name).exists()]
        alive = processes.running(self.folder)
        dead = [name for name in reversed(started) if name not in alive]
        if not dead:
            return None
        logs = "\n".join(f"{self._log(name)}:\n{tail(self._log(name))}" for name in dead[:2])
        return f"{' and '.join(dead)} ended soon after the start.\n{logs}"

    def start_nodes(self, port: int) -> None:
        """Start kwok, which plays the kubelets, on this port.

        It comes last, when its stages are there: it would find them missing before, and look again only seconds later.
        """
        program = self.folder / "bin" / "kwok-controller"
        program.unlink(missing_ok=True)
        program.symlink_to(binaries(self.bin_folder)["kwok"])
        pki = self.folder / "pki"
        flags = {
            "kubeconfig": self.folder / "kubeconfig.yaml",
            "config": self._configuration,
            "tls-cert-file": pki / "admin.crt",
            "tls-private-key-file": pki / "admin.key",
            "manage-all-nodes": "false",
            "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
            "enable-crds": ",".join(CRDS),
            "node-ip": "127.0.0.1",
            "node-name": "localhost",
            "node-port": port,
            "server-address": f"127.0.0.1:{port}",
            # without leases a restarted kwok need not wait until those of its predecessor expire
            "node-lease-duration-seconds": "0",
        }
        # the shell ends at once and leaves kwok to init, as kwokctl does with the others: nobody here has to reap it
        script = 'log="$1"; pid="$2"; shift 2; "$@" >>"$log" 2>&1 </dev/null & echo $! >"$pid"'
        command = ["/bin/sh", "-c", script, "sh", str(self._log(NODES)), str(self._pid(NODES)), str(program)]
        subprocess.run(
            [*command, *(f"--{key}={value}" for key, value in flags.items())],
            cwd=self.folder,
            env=self._environment(),
            check=True,
            timeout=START_SECONDS,
            start_new_session=True,
            umask=0o077,
        )

    def complaints(self) -> str:
        """What kwokctl named as errors at the last start."""
        return errors(self._output)

    def _not_started(self) -> str | None:
        alive = processes.running(self.folder)
        missing = [name for name in reversed(processes.COMPONENTS) if name not in alive and name != NODES]
        return f"kwokctl did not start {', '.join(missing)}:\n{self.complaints()}" if missing else None

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for kwokctl, but no longer than every process that it started lives."""
        for _ in range(int(START_SECONDS / WATCH_SECONDS)):
            try:
                process.wait(WATCH_SECONDS)
            except subprocess.TimeoutExpired:
                if self.failure():
                    return
            else:
                return
        raise SimulatorError(
            f"the API server did not answer within {START_SECONDS:.0f} s.\n"
            f"{self._log('kube-apiserver')}:\n{tail(self._log('kube-apiserver'))}"
        )

    def _error(self, reason: str) -> SimulatorError:
        logs = [self._log(name) for name in processes.COMPONENTS]
        taken = any(path.exists() and TAKEN in path.read_text(errors="replace") for path in logs)
        return PortTakenError(reason) if taken else SimulatorError(reason)

    def _log(self, component: str) -> Path:
        return self.folder / "logs" / f"{component}.log"

    def _pid(self, component: str) -> Path:
        return self.folder / "pids" / f"{component}.pid"

    def _prepare(self, chosen: Mapping[str, int]) -> None:
        """An empty folder whose data lie elsewhere, and the configuration that has no command-line flag."""
        previous = self.data / "previous-logs"
        if (self.folder / "logs").is_dir():
            shutil.rmtree(previous, ignore_errors=True)
            shutil.move(self.folder / "logs", previous)
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in (self.folder, self.data / "home", self.data / "etcd", self.data / "exec"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # kwokctl removes its folder when a start fails: a link keeps etcd's data out of its reach
        (self.folder / "etcd").symlink_to(self.data / "etcd")
        if (self.data / "pki").is_dir():
            shutil.copytree(self.data / "pki", self.folder / "pki")
        options = {"bindAddress": "127.0.0.1", "etcdPeerPort": chosen["etcd-peer"]}
        configuration = {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": options,
        }
        self._configuration.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        scheduler = resources.files("simulator").joinpath("scheduler.yaml").read_text(encoding="utf-8")
        self._scheduler.write_text(scheduler, encoding="utf-8")

    def _keep_certificates(self) -> None:
        if not (self.data / "pki").is_dir():
            half = self.data / "pki.part"
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(self.folder / "pki", half)
            half.rename(self.data / "pki")

    @property
    def _output(self) -> Path:
        return self.workdir / f"{self.name}.kwokctl.log"

    @property
    def _configuration(self) -> Path:
        return self.workdir / f"{self.name}.kwokctl.yaml"

    @property
    def _scheduler(self) -> Path:
        return self.workdir / f"{self.name}.scheduler.yaml"

    def _environment(self) -> dict[str, str]:
        """Nothing of the user's own; kwok would hand it on to whatever `kubectl exec` starts."""
        path = f"{self.data / 'exec'}:{self.bin_folder}:/usr/local/bin:/usr/bin:/bin"
        home = str(self.data / "home")
        return {"PATH": path, "HOME": home, "KWOK_WORKDIR": str(self.workdir), "LANG": "C", "TZ": "UTC"}

    def _command(self, chosen: Mapping[str, int]) -> list[str]:
        """The kwokctl command line; without every `-binary` it would download them."""
        programs = binaries(self.bin_folder)
        flags = {
            "name": self.name,
            "config": self._configuration,
            "runtime": "binary",
            "kubeconfig": "",  # ours is written by kubeconfig.py; kwokctl's writer trips over left-over locks
            "timeout": f"{START_SECONDS:.0f}s",
            "enable-crds": ",".join(CRDS),
            "etcd-prefix": self.etcd_prefix,  # an API server that reaches a foreign etcd must not touch its keys
            "disable": NODES,  # start_nodes does that
            "kube-scheduler-config": self._scheduler,
            "etcd-binary": programs["etcd"],
            "kube-apiserver-binary": programs["kube-apiserver"],
            "kube-controller-manager-binary": programs["kube-controller-manager"],
            "kube-scheduler-binary": programs["kube-scheduler"],
            "kube-apiserver-port": chosen["apiserver"],
            "etcd-port": chosen["etcd"],
            "kube-controller-manager-port": chosen["controller-manager"],
            "kube-scheduler-port": chosen["scheduler"],
        }
        extra = (
            "kube-apiserver=advertise-address=127.0.0.1",  # else it looks for a default route and ends without one
            "kube-controller-manager=leader-elect=false",  # else a restarted one waits for the lease of the last one
        )
        # by this first word it is known as a process of the cluster; no file of that name is needed
        program = str(self.folder / "bin" / processes.STARTER)
        command = [program, "create", "cluster", *(f"--{key}={value}" for key, value in flags.items())]
        return [*command, *(f"--extra-args={value}" for value in extra)]


def tail(path: Path) -> str:
    """The last lines of a log, each cut to a readable length."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line[:LINE_CHARACTERS]}" for line in lines[-LOG_LINES:]) or "  (empty log)"


def errors(path: Path) -> str:
    """The errors in kwokctl's log, whose lines are JSON; some of them it only calls warnings."""
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            found.append(line)
            continue
        if entry.get("level") in {"ERROR", "WARN"} and "err" in entry:
            found.append(f"{entry.get('msg')}: {entry.get('err')}")
    return "\n".join(f"  {line[:LINE_CHARACTERS]}" for line in found[-LOG_LINES:]) or "  (it names no error)"
