"""What answers when somebody asks a simulated pod: logs, commands run in it, connections to its ports.

A container does not run, so each of these is a file, a program or a port of the machine on which kwok runs. They are
written by whoever simulates something with them (a test, a demonstration); the cluster has a log of one line by itself.
Namespaces, names of pods and names of containers choose, never labels: kwok 0.8.0 knows no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

API_VERSION = "kwok.x-k8s.io/v1alpha1"
HOST = "127.0.0.1"


def logs(
    name: str, namespace: str, containers: Sequence[str], log: Path, previous: Path | None = None
) -> dict[str, Any]:
    """The log of containers, and that of the time before their last restart; lines as `line` writes them.

    It is taken in place of the log of one line that every container has.

    Args:
        name: of the object.
        namespace: of the pods.
        containers: names of their containers.
        log: file; what is appended to it reaches those who follow.
        previous: file for `--previous`.
    """
    entry: dict[str, Any] = {"containers": list(containers), "logsFile": str(log), "follow": True}
    if previous is not None:
        entry["previousLogsFile"] = str(previous)
    return _object("ClusterLogs", name, namespace, {"logs": [entry]})


def programs(name: str, namespace: str, containers: Sequence[str] = ()) -> dict[str, Any]:
    """Lets commands run in the pods of a namespace: those in `Cluster.programs`, and all of the machine.

    An exit code other than 0 arrives as 1, and standard input does not end.

    Args:
        name: of the object.
        namespace: of the pods.
        containers: names of their containers; empty: all.
    """
    entry: dict[str, Any] = {"local": {"workDir": "/"}}
    if containers:
        entry["containers"] = list(containers)
    return _object("ClusterExec", name, namespace, {"execs": [entry]})


def ports(name: str, namespace: str, local: Mapping[int, int], pods: Sequence[str] = ()) -> dict[str, Any]:
    """Leads connections to ports of pods to ports of this machine.

    Unlike a real pod, it answers even while the pod does not run.

    Args:
        name: of the object.
        namespace: of the pods.
        local: port of this machine by port of the container.
        pods: names of the pods; empty: all of the namespace.
    """
    forwards = [{"ports": [port], "target": {"address": HOST, "port": here}} for port, here in local.items()]
    made = _object("ClusterPortForward", name, namespace, {"forwards": forwards})
    if pods:
        made["spec"]["selector"]["matchNames"] = list(pods)
    return made


def line(moment: str, text: str, stream: str = "stdout") -> str:
    """One line of a log, in the format of the container runtime interface.

    Args:
        moment: RFC 3339 with nanoseconds, `2026-11-21T08:00:01.000000000Z`.
        text: without its line break.
        stream: `stdout` or `stderr`.
    """
    return f"{moment} {stream} F {text}\n"


def _object(kind: str, name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    selector = {"matchNamespaces": [namespace]}
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": selector, **spec},
    }
