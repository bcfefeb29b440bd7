"""Kubernetes objects as commands need them: plain data.

Every object keeps the document that it was read from in `raw`, for what is asked for more seldom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

State = Literal["waiting", "running", "terminated", "unknown"]


@dataclass(frozen=True, slots=True)
class Termination:
    """How a container ended."""

    exit_code: int
    signal: int | None
    """Signal that ended it: the one stated, else what an exit code above 128 stands for."""
    reason: str
    """`OOMKilled`, `Error`, `Completed`."""
    message: str
    started: datetime | None
    finished: datetime | None


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a container, or of a Service."""

    name: str | None
    number: int
    target: int | str | None = None
    """Of a Service: number or name of the container's port; None where it is the same."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod, as asked for and as it is."""

    name: str
    image: str
    init: bool
    ready: bool
    started: bool | None
    restarts: int
    state: State
    reason: str
    """Why it waits or ended: `CrashLoopBackOff`, `ContainerCreating`, `OOMKilled`; empty while it runs."""
    message: str
    since: datetime | None
    """When it was started, while it runs."""
    ended: Termination | None
    """How it ended, where that is its state."""
    last: Termination | None
    """How it ended the last time before."""
    ports: tuple[Port, ...]
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    args: tuple[str, ...]
    env: Mapping[str, str]
    """Variables with a plain value."""

    @property
    def last_end(self) -> Termination | None:
        """How it ended most recently, now or before."""
        return self.ended or self.last

    @property
    def gpus(self) -> int:
        """GPUs that it holds, of whichever resource name."""
        return sum(int(value) for name, value in self.limits.items() if is_gpu(name) and value.isdecimal())


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of an object."""

    type: str
    status: str
    """`True`, `False`, `Unknown`."""
    reason: str
    message: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    phase: str
    reason: str
    """Of the pod as a whole: `Evicted`, `NodeLost`; mostly empty."""
    message: str
    node: str | None
    owner: tuple[str, str] | None
    """Kind and name of its controller."""
    created: datetime | None
    deleting: bool
    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...]
    conditions: tuple[Condition, ...]
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def ready(self) -> bool:
        """Whether Services send requests to it."""
        return any(found.type == "Ready" and found.status == "True" for found in self.conditions) and not self.deleting

    @property
    def restarts(self) -> int:
        """Restarts of all its containers."""
        return sum(found.restarts for found in (*self.init_containers, *self.containers))

    @property
    def state(self) -> str:
        """One word for how it is, as `kubectl get pods` has it: `Running`, `CrashLoopBackOff`, `Pending`."""
        if self.deleting:
            return "Terminating"
        if self.reason:
            return self.reason
        for found in self.init_containers:
            if found.state == "waiting" and found.reason not in {"", "PodInitializing"}:
                return f"Init:{found.reason}"
            if found.ended is not None and found.ended.exit_code:
                return f"Init:{found.ended.reason or 'Error'}"
        for found in self.containers:
            if found.state != "running" and found.reason:
                return found.reason
        return self.phase

    def condition(self, kind: str) -> Condition | None:
        """Return its condition of a kind: `PodScheduled`, `Ready`, `DisruptionTarget`."""
        return next((found for found in self.conditions if found.type == kind), None)

    def container(self, name: str | None = None) -> Container | None:
        """Return its container of a name; None: the one with GPUs, else the first."""
        if name is not None:
            return next((found for found in self.containers if found.name == name), None)
        return next((found for found in self.containers if found.gpus), next(iter(self.containers), None))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an object."""

    type: str
    """`Normal`, `Warning`."""
    reason: str
    message: str
    kind: str
    name: str
    """Of the object that it is about."""
    count: int
    first: datetime | None
    last: datetime | None
    source: str
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, ReplicaSet, StatefulSet or Job."""

    kind: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    selector: Mapping[str, str]
    wanted: int
    pods: int
    ready: int
    updated: int
    revision: str | None
    owner: tuple[str, str] | None
    created: datetime | None
    conditions: tuple[Condition, ...]
    raw: Mapping[str, Any] = field(repr=False)

    def condition(self, kind: str) -> Condition | None:
        """Return its condition of a kind: `Progressing`, `ReplicaFailure`."""
        return next((found for found in self.conditions if found.type == kind), None)


@dataclass(frozen=True, slots=True)
class Claim:
    """A volume claim."""

    name: str
    labels: Mapping[str, str]
    phase: str
    """`Bound`, `Pending`, `Lost`."""
    requested: str | None
    """Size asked for, a quantity."""
    capacity: str | None
    storage_class: str | None
    volume: str | None
    created: datetime | None
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Service:
    """A Service."""

    name: str
    labels: Mapping[str, str]
    selector: Mapping[str, str]
    type: str
    ports: tuple[Port, ...]
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quota:
    """A ResourceQuota: quantities by resource."""

    name: str
    hard: Mapping[str, str]
    used: Mapping[str, str]
    raw: Mapping[str, Any] = field(repr=False)


def is_gpu(resource: str) -> bool:
    """Return whether a resource name stands for GPUs, whole or sliced: `nvidia.com/gpu`, `amd.com/gpu`."""
    group, _, name = resource.removeprefix("requests.").rpartition("/")
    return bool(group) and (name.startswith(("gpu", "mig-")) or group.startswith("gpu."))
