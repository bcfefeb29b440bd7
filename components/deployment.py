"""The Deployment of an inference server: what the core derived, as Kubernetes says it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi_kubernetes import apps, core, meta

from components import diagnosis, network, pod, secret_values
from voltaic import kubernetes_names, units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.names import Owner
    from voltaic.engines.tgi.deployment import Deployment as ImageFacts
    from voltaic.hardware import GpuModel
    from voltaic.host import HostPlan
    from voltaic.settings import Settings
    from voltaic.spec import ServingSpec

CACHE, SHARED_MEMORY, SCRATCH = "cache", "shm", "scratch"
"""Names of the pod's volumes."""
SECRETS_ANNOTATION = "voltaic/secrets"
"""Annotation on a pod template that changes with the secret values that its pods read."""


@dataclass(frozen=True, slots=True)
class Server:
    """Everything that decides how the server's pods look."""

    settings: Settings
    spec: ServingSpec
    gpu: GpuModel
    gpus: int
    plan: HostPlan
    facts: ImageFacts
    image: str
    profile: str


@dataclass(frozen=True, slots=True)
class Made:
    """Objects that the pods refer to, and that are made before them."""

    service_account: pulumi.Output[str]
    claim: pulumi.Output[str] | None
    """Volume claim of the model cache; None: the weights live in the pod."""
    secrets: Mapping[str, secret_values.Variable]
    """Variables by name that are set from Secrets."""
    salt: pulumi.Output[str]
    """Generated secret that keeps the digest of the others from being guessed."""


def deployment(owner: Owner, server: Server, made: Made) -> apps.v1.Deployment:
    """Return the Deployment.

    Args:
        owner: component that it belongs to.
        server: what it runs, and where.
        made: objects that it refers to.
    """
    secrets = made.secrets
    annotations: dict[str, pulumi.Input[str]] = {kubernetes_names.PROFILE_ANNOTATION: server.profile}
    if server.settings.image is not None:  # a mirror's name and tag need not say what is in it
        annotations[kubernetes_names.RELEASE_ANNOTATION] = f"{server.image} {server.spec.release.version}"
    if secrets:
        annotations[SECRETS_ANNOTATION] = secret_values.digest(secrets, made.salt)
    # Policies see the Deployment alone, and have to know that what cannot be judged is let through.
    consent = {kubernetes_names.UNKNOWN_ANNOTATION: "true"} if server.settings.allow_unknown else {}
    timeout = f"{int(server.plan.pulumi_timeout)}s"
    return apps.v1.Deployment(
        owner.logical_name(),
        metadata=owner.metadata(annotations={**wait_for(server.settings.replicas), **consent}),
        spec=apps.v1.DeploymentSpecArgs(
            replicas=server.settings.replicas,
            strategy=strategy(server.settings.replicas),
            progress_deadline_seconds=int(server.plan.progress_deadline),
            revision_history_limit=2,
            selector=meta.v1.LabelSelectorArgs(match_labels=owner.selector),
            template=core.v1.PodTemplateSpecArgs(
                metadata=meta.v1.ObjectMetaArgs(labels=owner.labels, annotations=annotations),
                spec=_pod(owner, server, made),
            ),
        ),
        opts=owner.options(
            custom_timeouts=pulumi.CustomTimeouts(create=timeout, update=timeout, delete=timeout),
            hooks=diagnosis.of_deployment(owner, server.settings.context),
        ),
    )


def wait_for(replicas: int) -> dict[str, str]:
    """Return the annotation that says what `pulumi up` waits for: pods of this revision, and all of them available.

    The provider's own wait takes an old ReplicaSet that was scaled to nothing for a finished rollout, as long as the
    Deployment has not yet made the new one (pulumi-kubernetes v4.25.0 pkg/await/deployment.go). A JSONPath is only held
    against a status that belongs to the latest specification.
    """
    if replicas == 0:
        return {}  # the fields are absent then, and there is nothing to wait for
    fields = ("updatedReplicas", "availableReplicas")
    return {"pulumi.com/waitFor": json.dumps([f"jsonpath={{.status.{field}}}={replicas}" for field in fields])}


def strategy(replicas: int) -> apps.v1.DeploymentStrategyArgs:
    """Return how pods are replaced: never a new one beside the old, since its GPUs are what the new one needs."""
    if replicas <= 1:
        return apps.v1.DeploymentStrategyArgs(type="Recreate")
    one_by_one = apps.v1.RollingUpdateDeploymentArgs(max_surge=0, max_unavailable=1)
    return apps.v1.DeploymentStrategyArgs(type="RollingUpdate", rolling_update=one_by_one)


def _pod(owner: Owner, server: Server, made: Made) -> core.v1.PodSpecArgs:
    settings, plan = server.settings, server.plan
    cache = (
        pod.empty_volume(CACHE, size=units.quantity(plan.cache.value))
        if made.claim is None
        else pod.claimed_volume(CACHE, made.claim)
    )
    return core.v1.PodSpecArgs(
        service_account_name=made.service_account,
        automount_service_account_token=False,
        enable_service_links=False,  # a Service named `prometheus` or `master` would set the launcher's own variables
        termination_grace_period_seconds=int(plan.termination_grace),
        security_context=pod.pod_security(server.facts.user),
        affinity=None if settings.node_selector is not None else _product(server.gpu),
        node_selector=None if settings.node_selector is None else dict(settings.node_selector),
        tolerations=_tolerations(server),
        containers=[_container(owner, server, made.secrets)],
        volumes=[
            cache,
            pod.empty_volume(SHARED_MEMORY, size=units.quantity(plan.shm.value), memory=True),
            pod.empty_volume(SCRATCH),
        ],
    )


def _container(owner: Owner, server: Server, secrets: Mapping[str, secret_values.Variable]) -> core.v1.ContainerArgs:
    plan = server.plan
    values = {name: value for name, value in server.spec.command.env.items() if value is not None}
    given = [pod.from_secret(name, secrets[name].secret, secrets[name].key) for name in sorted(secrets)]
    memory, storage = units.quantity(plan.memory.value), units.quantity(plan.ephemeral_storage.value)
    fixed = {server.gpu.resource_name: str(server.gpus), "memory": memory, "ephemeral-storage": storage}
    startup = pod.probe(
        "/health",
        period=int(plan.startup_period),
        timeout=int(plan.startup_timeout),
        failures=int(plan.startup_failures),
    )
    readiness = pod.probe(
        "/health",
        period=int(plan.readiness_period),
        timeout=int(plan.readiness_timeout),
        failures=int(plan.readiness_failures),
    )
    liveness = pod.probe(
        "/health",
        period=int(plan.liveness_period),
        timeout=int(plan.liveness_timeout),
        failures=int(plan.liveness_failures),
    )
    wait = core.v1.ExecActionArgs(command=["sleep", str(int(plan.pre_stop))])
    return core.v1.ContainerArgs(
        name=owner.component,
        image=server.image,
        command=list(server.facts.command) or None,
        args=list(server.spec.command.args),
        env=[*pod.variables({**values, "HOME": pod.SCRATCH}), *given],
        ports=[core.v1.ContainerPortArgs(name="http", container_port=network.PORT, protocol="TCP")],
        # No limit on CPU: throttled tokenizing and loading cost more than a neighbour's burst.
        resources=core.v1.ResourceRequirementsArgs(limits=fixed, requests={**fixed, "cpu": str(int(plan.cpu_request))}),
        startup_probe=startup,
        readiness_probe=readiness,
        liveness_probe=liveness,
        lifecycle=core.v1.LifecycleArgs(pre_stop=core.v1.LifecycleHandlerArgs(exec_=wait)),
        volume_mounts=[
            core.v1.VolumeMountArgs(name=CACHE, mount_path=server.facts.cache_directory),
            core.v1.VolumeMountArgs(name=SHARED_MEMORY, mount_path="/dev/shm"),  # noqa: S108 - the pod's own
            core.v1.VolumeMountArgs(name=SCRATCH, mount_path=pod.SCRATCH),
        ],
        security_context=pod.container_security(),
        termination_message_policy="FallbackToLogsOnError",  # the last lines are seen without rights on logs
    )


def _product(gpu: GpuModel) -> core.v1.AffinityArgs:
    """Return the wish for nodes with this GPU; a toleration alone lets a pod in, it does not steer."""
    products = core.v1.NodeSelectorRequirementArgs(
        key=gpu.node_label, operator="In", values=sorted(gpu.node_label_values)
    )
    terms = [core.v1.NodeSelectorTermArgs(match_expressions=[products])]
    required = core.v1.NodeSelectorArgs(node_selector_terms=terms)
    return core.v1.AffinityArgs(
        node_affinity=core.v1.NodeAffinityArgs(required_during_scheduling_ignored_during_execution=required)
    )


def _tolerations(server: Server) -> Sequence[core.v1.TolerationArgs]:
    given = server.settings.tolerations
    if given is None:
        # Sites taint GPU nodes with the resource's name and values of their own.
        return [core.v1.TolerationArgs(key=server.gpu.resource_name, operator="Exists", effect="NoSchedule")]
    return [
        core.v1.TolerationArgs(key=one.key, operator=one.operator, value=one.value, effect=one.effect) for one in given
    ]
