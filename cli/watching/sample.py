"""What a stack is doing at one moment: each pod with its GPUs and what its engine says of itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.cluster import ClusterError
from cli.cluster.targets import Target
from cli.watching import gpus
from voltaic import kubernetes_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.cluster.cluster import Cluster
    from cli.cluster.objects import Container, Pod
    from cli.watching.gpus import Gpu
    from voltaic.engines.metrics import Load

AT_ONCE = 8
"""Pods that are asked at the same time."""
EXEC_SECONDS = 10.0
METRICS_SECONDS = 5.0
HTTP = "http"
"""Name of the port that components give to what they serve."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine that a pod runs."""

    name: str
    """As in voltaic.engines: `tgi`."""
    title: str
    """With its release: `tgi 3.0.1`."""
    model: str | None
    container: str
    port: int | None


@dataclass(frozen=True, slots=True)
class PodSample:
    """One pod at one moment."""

    name: str
    part: str
    """What it is in the stack: `tgi`, `webui`; empty for a pod of others."""
    state: str
    ready: bool
    restarts: int
    created: datetime | None
    running_since: datetime | None
    """When its container was started, while it runs."""
    node: str | None
    ended: str | None
    """How its container ended the last time: `OOMKilled, exit code 137, signal 9`."""
    engine: Engine | None
    gpus_held: int
    gpus: tuple[Gpu, ...] = ()
    load: Load | None = None
    problems: tuple[str, ...] = ()
    """Why something of it is not known."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A stack at one moment."""

    at: datetime
    pods: tuple[PodSample, ...]

    @property
    def ready(self) -> bool:
        """Whether there are pods and all of them are ready."""
        return bool(self.pods) and all(pod.ready for pod in self.pods)


class Watcher:
    """Takes samples of the pods that have certain labels.

    Args:
        cluster: where.
        labels: of the pods.
        inside: whether GPUs and engines are asked too, or only the API server.
    """

    def __init__(self, cluster: Cluster, labels: Mapping[str, str], *, inside: bool = True) -> None:
        self.cluster = cluster
        self.labels = dict(labels)
        self.inside = inside
        self._engines: dict[str, Engine | None] = {}

    def sample(self) -> Sample:
        """Return how it is now.

        Raises:
            ClusterError: not even the pods are told. What a pod itself does not tell is one of its problems.
        """
        pods = self.cluster.pods(self.labels)
        plain = [self._plain(pod) for pod in pods]
        if self.inside and pods:
            with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pod") as pool:
                plain = list(pool.map(self._asked, pods, plain))
        return Sample(datetime.now(UTC), tuple(plain))

    def _plain(self, pod: Pod) -> PodSample:
        if pod.name not in self._engines:
            self._engines[pod.name] = engine_of(pod)
        return of_pod(pod, self._engines[pod.name])

    def _asked(self, pod: Pod, plain: PodSample) -> PodSample:
        """Return what is known of a pod, with what it tells of itself."""
        main = pod.container(plain.engine.container if plain.engine else None)
        if main is None or main.state != "running":
            return plain
        problems: list[str] = []
        found: tuple[Gpu, ...] = ()
        load: Load | None = None
        command = gpus.command(list(main.limits))
        if command is not None:
            try:
                found = self._gpus(pod, main, command)
            except (ClusterError, ValueError) as error:
                problems.append(f"GPUs: {_short(error)}")
        if plain.engine is not None:
            try:
                load = self._load(pod, plain.engine)
            except (ClusterError, ValueError) as error:
                problems.append(f"engine: {_short(error)}")
        return replace(plain, gpus=found, load=load, problems=tuple(problems))

    def _gpus(self, pod: Pod, container: Container, command: tuple[str, ...]) -> tuple[Gpu, ...]:
        done = self.cluster.exec(pod.name, command, container.name, timeout=EXEC_SECONDS)
        found = gpus.read(command, done.stdout)
        if not found:
            said = (done.stderr.strip() or done.problem or done.stdout.strip()).splitlines()
            raise ValueError(f"{command[0]} tells of none{f': {said[-1]}' if said else ''}")
        return tuple(found)

    def _load(self, pod: Pod, engine: Engine) -> Load:
        import httpx

        from voltaic.engines import metrics

        if engine.name not in metrics.engines():
            raise ValueError(f"what {engine.title} says of itself is not known")
        if engine.port is None:
            raise ValueError("its port is not known")
        try:
            with self.cluster.forward(Target(pod.name, engine.port)) as port:
                answer = httpx.get(f"http://127.0.0.1:{port}{metrics.PATH}", timeout=METRICS_SECONDS, trust_env=False)
        except httpx.HTTPError as error:
            raise ValueError(f"port {engine.port} does not answer ({type(error).__name__})") from error
        if answer.status_code in {401, 403} and metrics.guarded(engine.name):
            raise ValueError(f"{metrics.PATH} asks for the key of the API")
        samples = metrics.read(answer.text) if answer.is_success else {}
        if metrics.recognised(samples) != engine.name:
            option = metrics.needs(engine.name)
            hint = f"; start {engine.name} with {option}" if option else ""
            raise ValueError(f"{metrics.PATH} tells nothing of {engine.name} (HTTP {answer.status_code}){hint}")
        return metrics.load(engine.name, samples)


def of_pod(pod: Pod, engine: Engine | None) -> PodSample:
    """Return what the API server tells of a pod."""
    name, *_ = kubernetes_names.OWN_LABELS
    main = pod.container(engine.container if engine else None)
    ended = main.last_end if main else None
    told = [ended.reason, f"exit code {ended.exit_code}"] if ended else []
    if ended and ended.signal:
        told.append(f"signal {ended.signal}")
    return PodSample(
        name=pod.name,
        part=pod.labels.get(name, ""),
        state=pod.state,
        ready=pod.ready,
        restarts=pod.restarts,
        created=pod.created,
        running_since=main.since if main else None,
        node=pod.node,
        ended=", ".join(text for text in told if text) or None,
        engine=engine,
        gpus_held=sum(container.gpus for container in pod.containers),
    )


def engine_of(pod: Pod) -> Engine | None:
    """Return the engine that a pod runs; None where none is recognised."""
    from voltaic import manifests
    from voltaic.engines import pods as served

    found = next(
        (each for each in manifests.workloads([manifests.Document(pod.name, 1, dict(pod.raw))]) if each.recognised),
        None,
    )
    if found is None or found.spec is None or found.recognised is None or found.container is None:
        return None
    container = pod.container(found.container)
    stated = container.ports if container else ()
    named = next((port.number for port in stated if port.name == HTTP), None)
    port = named or next((port.number for port in stated), None)
    facts = served.served(found.recognised)
    if port is None and facts is not None:
        port = facts.main_port(found.spec, None)
    return Engine(found.recognised, str(found.spec.release), found.spec.model.id, found.container, port)


def _short(error: Exception) -> str:
    return error.message if isinstance(error, ClusterError) else str(error)
