"""What a stack's pods and volumes ask a namespace for, as its components state it: bytes, cores, counts. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voltaic import hardware, host, kubernetes_names, open_webui, settings, units
from voltaic.engines.tgi import deployment as images
from voltaic.manifests.views import cores, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cli.cluster.objects import Pod
    from cli.stacks import Stack
    from voltaic.hardware import GpuModel
    from voltaic.host import HostPlan
    from voltaic.settings import Settings
    from voltaic.spec import ServingSpec

SERVER, PAGE = "tgi", "webui"
"""Names of the two components."""


@dataclass(frozen=True, slots=True)
class PodNeed:
    """One kind of pod of a stack."""

    part: str
    count: int
    image: str
    user: int | None
    """User id; None: only root works with this image."""
    requests: Mapping[str, float]
    """By resource: cores, bytes, GPUs."""
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ClaimNeed:
    """A volume claim of a stack."""

    name: str
    size: int
    setting: str
    """Setting that states its size."""
    storage_class: str | None


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that a stack asks for."""

    settings: Settings
    spec: ServingSpec
    plan: HostPlan
    gpu: GpuModel
    pods: tuple[PodNeed, ...]
    claims: tuple[ClaimNeed, ...]
    secrets: frozenset[str] = field(default_factory=frozenset)
    """Settings that stand encrypted in the stack file."""

    def quota(self) -> dict[str, float]:
        """Return what all pods and claims together count for in a ResourceQuota, by its resource names."""
        found: Counter[str] = Counter()
        for pod in self.pods:
            found["pods"] += pod.count
            for name, amount in pod.requests.items():
                found[f"requests.{name}"] += pod.count * amount  # type: ignore[assignment]  # fractions of cores
            for name, amount in pod.limits.items():
                found[f"limits.{name}"] += pod.count * amount  # type: ignore[assignment]
        found["persistentvolumeclaims"] = len(self.claims)
        found["requests.storage"] = sum(claim.size for claim in self.claims)
        return plain_names(dict(found))


def of_stack(stack: Stack) -> Needs:
    """Return what a stack asks for.

    Raises:
        settings.InvalidSettings: the stack file is not valid.
    """
    chosen = settings.read(stack.values, where=stack.file.name)
    spec = settings.serving_spec(chosen)
    plan = host.plan(chosen, spec, where=stack.file.name)
    profile = hardware.profile(chosen.profile)
    gpus = spec.gpus or profile.count
    facts = images.deployment(spec.release.version, profile.gpu.vendor)
    fixed = {
        profile.gpu.resource_name: float(gpus),
        "memory": float(plan.memory.value),
        "ephemeral-storage": float(plan.ephemeral_storage.value),
    }
    server = PodNeed(
        SERVER,
        chosen.replicas,
        chosen.image or facts.image,
        facts.user,
        {**fixed, "cpu": float(int(plan.cpu_request))},
        fixed,  # no limit on CPU, on purpose
    )
    name = f"{SERVER}-{kubernetes_names.slug(stack.name)}"
    pods, claims = [server], []
    if not chosen.model_cache_ephemeral:
        claims.append(ClaimNeed(f"{name}-cache", plan.cache.value, "modelCacheSize", chosen.model_cache_storage_class))
    if chosen.webui_enabled:
        pods.append(_page(chosen))
        data = f"{PAGE}-{kubernetes_names.slug(stack.name)}-data"
        claims.append(ClaimNeed(data, chosen.webui_data_size, "webuiDataSize", chosen.webui_storage_class))
    return Needs(chosen, spec, plan, profile.gpu, tuple(pods), tuple(claims), stack.secrets)


def _page(chosen: Settings) -> PodNeed:
    facts = open_webui.facts()
    resources, release = facts["resources"], facts["release"]
    fixed = {
        "memory": float(units.size_of(resources["memory"])),
        "ephemeral-storage": float(units.size_of(resources["ephemeral_storage"])),
    }
    image = chosen.webui_image or f"{release['image']}:v{chosen.webui_version or release['version']}"
    requests = {**fixed, "cpu": float(cores(resources["cpu_request"]) or 0)}
    return PodNeed(
        PAGE, 1, image, facts["user"]["uid"], requests, {**fixed, "cpu": float(cores(resources["cpu_limit"]) or 0)}
    )


def held(pods: Iterable[Pod]) -> dict[str, float]:
    """Return what pods that are there already count for in a quota, which a new revision takes over from them."""
    found: Counter[str] = Counter()
    for pod in pods:
        if pod.phase in {"Succeeded", "Failed"}:
            continue  # no longer counted
        found["pods"] += 1
        for container in pod.containers:
            # A limit without request is a request as well (k8s.io/kubernetes pkg/apis/core/v1/defaults.go).
            for name, value in {**container.limits, **container.requests}.items():
                found[f"requests.{name}"] += amount(name, value) or 0  # type: ignore[assignment]
            for name, value in container.limits.items():
                found[f"limits.{name}"] += amount(name, value) or 0  # type: ignore[assignment]
    return plain_names(dict(found))


def plain_names(found: Mapping[str, float]) -> dict[str, float]:
    """Return amounts under both names that a quota knows for requests of CPU, memory and scratch space."""
    also = {
        name: found[f"requests.{name}"]
        for name in ("cpu", "memory", "ephemeral-storage")
        if f"requests.{name}" in found
    }
    return {**found, **also}


def amount(resource: str, quantity: Any) -> float | None:
    """Return a quantity as a number: cores for CPU, bytes for sizes, a count for the rest; None where it is none."""
    if resource.removeprefix("requests.").removeprefix("limits.") == "cpu":
        return cores(quantity)
    found = size(quantity)
    return cores(quantity) if found is None else float(found)  # `1500m` of anything is legal


def shown(resource: str, number: float) -> str:
    """Return a number of a resource as people read it."""
    if any(word in resource for word in ("memory", "storage")):
        return units.gib(round(number))
    if resource.endswith("cpu"):
        return f"{number:g} cores"
    return f"{number:g}"
