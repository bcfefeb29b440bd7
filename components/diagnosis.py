"""Why pods do not become ready or a volume is refused, asked when `pulumi up` gives up on them.

`up` waits for pods of the right revision (see deployment.wait_for), and that wait ends without a word about them. So
the reason is asked for here, with the kubectl that also forwards ports. Without it the message says what to type.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pulumi

from components import commands, kubectl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from components.names import Owner

LAST_WORDS = 400
"""Characters of a container's last output that are shown: the end of a traceback says most."""
USUAL = ("ContainerCreating", "PodInitializing")
"""Reasons for waiting that are no reasons for concern."""


def of_claim(owner: Owner, part: str, size_key: str, context: str | None) -> pulumi.ResourceHookBinding:
    """Return hooks for a volume claim that explain why it clashes with one that was kept from an earlier deployment.

    Args:
        owner: component that it belongs to.
        part: what it holds.
        size_key: setting that states its size.
        context: kubeconfig context; None: the current one.
    """

    def explain(args: pulumi.ErrorHookArgs) -> bool:
        where, name = _where(args, context), f"{owner.name}-{part}"
        for item in kubectl.items("persistentvolumeclaims", *where, "--field-selector", f"metadata.name={name}"):
            pulumi.log.error(
                kept(item, size_key, shlex.join(["kubectl", *where, "delete", "pvc", name])), owner.resource
            )
        return False

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"explain-{owner.logical_name(part)}", explain)])


def kept(claim: Mapping[str, Any], size_key: str, delete: str) -> str:
    """Return what stands against a claim that exists, and both ways on.

    Args:
        claim: the claim as the API server has it.
        size_key: setting that states its size.
        delete: command that gives it up.
    """
    size = claim.get("spec", {}).get("resources", {}).get("requests", {}).get("storage", "unknown")
    return (
        f"{_name(claim)} exists with {size}, kept from an earlier deployment or bound as it is. "
        f"Use it so with: {commands.to_set(size_key, value=size)}, "
        f"or give up what is in it with: {delete}"
    )


def of_deployment(owner: Owner, context: str | None) -> pulumi.ResourceHookBinding:
    """Return hooks for a Deployment that explain its failure under the component's own name.

    Args:
        owner: component that it belongs to.
        context: kubeconfig context; None: the current one.
    """
    labels = ",".join(f"{name}={value}" for name, value in owner.selector.items())

    def explain(args: pulumi.ErrorHookArgs) -> bool:
        where = _where(args, context)
        found = list(reasons(kubectl.items("deployments,pods", *where, "-l", labels)))
        more = shlex.join(["kubectl", *where, "describe", "pods", "-l", labels])
        told = found or ["nothing could be learnt about its pods"]
        pulumi.log.error("\n".join([*told, f"More with: {more}"]), owner.resource)
        return False  # no retry: the same objects would wait for the same reason

    return pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"explain-{owner.component}", explain)])


def _where(args: pulumi.ErrorHookArgs, context: str | None) -> list[str]:
    """Return kubectl's arguments for the cluster and the namespace of the object that failed."""
    return kubectl.place(context, (args.new_inputs or {}).get("metadata", {}).get("namespace"))


def reasons(items: list[dict[str, Any]]) -> Iterator[str]:
    """Return why pods are not ready, one line each.

    Args:
        items: Deployments and pods as the API server has them.
    """
    pods = [item for item in items if item.get("kind") == "Pod"]
    for item in items:
        if item.get("kind") == "Deployment":
            yield from (
                f"{_name(item)}: no pod can be made: {condition['message']}"
                for condition in item.get("status", {}).get("conditions", [])
                if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
            )
    for item in pods:
        yield from _pod(item)


def _pod(item: Mapping[str, Any]) -> Iterator[str]:
    status = item.get("status", {})
    for condition in status.get("conditions", []):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield f"{_name(item)} is on no node: {condition.get('message', condition.get('reason', ''))}"
    for container in status.get("containerStatuses", []):
        if container.get("ready"):
            continue
        state = container.get("state", {})
        ended = state.get("terminated") or container.get("lastState", {}).get("terminated")
        waiting = state.get("waiting", {})
        if ended:
            times = f", {container['restartCount']} restarts" if container.get("restartCount") else ""
            yield (
                f"{_name(item)} ended: {ended.get('reason', 'Error')}, exit code {ended.get('exitCode')}{times}"
                f"{_last_words(ended.get('message', ''))}"
            )
        elif waiting and waiting.get("reason") not in USUAL:
            yield f"{_name(item)} waits: {waiting.get('reason')}{_last_words(waiting.get('message', ''))}"
        elif "running" in state:
            yield f"{_name(item)} runs, and does not answer its probe yet"


def _last_words(text: str) -> str:
    words = text.strip()
    if not words:
        return ""
    return f": …{words[-LAST_WORDS:]}" if len(words) > LAST_WORDS else f": {words}"


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("metadata", {}).get("name", "a pod"))
