"""The one cluster that a stack belongs to: provider, namespace, and the guard against deploying into another one.

A kubeconfig is a moving target: `kubectl config use-context`, a second file of the same names, a cluster made anew. The
first `pulumi up` therefore writes down which cluster it deployed to, in the state; every later run compares before the
provider is registered, so that neither an object nor the recorded provider is touched when the comparison fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components import commands, kubeconfig

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_NAMESPACE = "default"
"""Namespace of a context that names none, as kubectl has it."""
RECORD = "cluster"
"""Logical name of the record of where the stack lives."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the stack's objects go."""

    provider: kubernetes.Provider
    namespace: pulumi.Input[str]
    """Known before the apply; an output only so that objects wait for a namespace that the stack creates."""
    namespace_name: str
    context: str | None
    """None: no kubeconfig was found, and this is a preview."""
    answers: bool
    """False: nothing can be asked of it, and this is a preview."""


async def connect(
    *, context: str | None, namespace: str | None, create_namespace: bool, keep_namespace: bool
) -> Cluster:
    """Return the cluster of this stack, with a provider that can reach no other.

    Nothing but the record of the cluster is registered before the comparison.

    Args:
        context: kubeconfig context; None: the current one.
        namespace: namespace; None: that of the context.
        create_namespace: whether the stack owns the namespace.
        keep_namespace: whether an owned namespace outlives the stack, because volumes in it do.

    Raises:
        pulumi.RunError: another cluster than the recorded one; or none can be found or reached, and this is no preview.
    """
    try:
        target = kubeconfig.target(context)
    except kubeconfig.NoClusterError as error:
        _offline(str(error))
        target = None
    name = namespace or (target and target.namespace) or DEFAULT_NAMESPACE
    answers = False
    if target is not None:
        await _guard(target, name, named=namespace is not None)
        answers = target.answers()
        if not answers:
            _offline(
                f"the API server {target.server} of context {target.context} does not answer. "
                "Check VPN and address with: kubectl version, or start the simulated cluster with: make up"
            )
    else:
        # Keeps the record without touching it: there is nothing to compare with, and nothing to write down.
        pulumi.Stash(RECORD, input={}, opts=pulumi.ResourceOptions(ignore_changes=["input"]))
    provider = kubernetes.Provider(
        "cluster",
        # "" and not a path: the provider then reads KUBECONFIG itself, on whatever machine it runs. A recorded path
        # that does not exist elsewhere fails the comparison of provider settings, and with it every preview there.
        kubeconfig="",
        context=target.context if target else None,
        namespace=name,
        # Constant: a changed identifier replaces the provider and with it every object. The record above is the guard.
        cluster_identifier=f"{pulumi.get_project()}/{pulumi.get_stack()}",
        # Without these a changed key replaces its Secret, and pods that mount it fail meanwhile.
        enable_secret_mutable=True,
        enable_config_map_mutable=True,
        # True would make Check answer with the old inputs: policies would judge what is no longer asked for.
        skip_update_unreachable=False,
    )
    owned: pulumi.Input[str] = name
    if create_namespace:
        created = kubernetes.core.v1.Namespace(
            "namespace",
            metadata={"name": name},
            opts=pulumi.ResourceOptions(provider=provider, retain_on_delete=keep_namespace),
        )
        owned = created.metadata.apply(lambda metadata: str(metadata.name))
    return Cluster(provider, owned, name, target.context if target else None, answers)


def _offline(problem: str) -> None:
    """Let a preview go on without a cluster, and nothing else."""
    if not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(problem)
    pulumi.log.warn(f"{problem}\nThis preview judges and shows all the same; the API server has not seen it.")


async def _guard(target: kubeconfig.Target, namespace: str, *, named: bool) -> None:
    """Refuse any other cluster than the one that was written down when the stack was first deployed."""
    now = {
        "context": target.context,
        "server": target.server,
        "certificateAuthority": target.certificate_authority or "",
        "namespace": namespace,
    }
    record = pulumi.Stash(RECORD, input=now)  # its output stays what its first input was
    recorded = await record.output.future()
    if not recorded:  # not known in this preview: nothing was deployed yet
        return
    problem = difference(recorded, now, named=named)
    if problem is not None:
        raise pulumi.RunError(f"{problem}\n{_way_out(recorded, now, str(await record.urn.future()))}")


def same_cluster(recorded: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Return whether two addresses are the same cluster, as far as a kubeconfig can tell.

    The same certificate authority behind the same address, or behind the same context name: a cluster that moved to
    another port or address keeps its authority, and several clusters behind one authority have contexts of different
    names.
    """
    authority = recorded["certificateAuthority"]
    if authority != now["certificateAuthority"]:
        return False
    return recorded["server"] == now["server"] or (bool(authority) and recorded["context"] == now["context"])


def difference(recorded: Mapping[str, str], now: Mapping[str, str], *, named: bool) -> str | None:
    """Return why this is not where the stack lives; None where it is.

    Args:
        recorded: where the first `pulumi up` deployed to.
        now: where the kubeconfig leads.
        named: whether the namespace stands in the stack's configuration; then it may differ, since that is a wish.
    """
    if not same_cluster(recorded, now):
        return (
            f"this stack lives in the cluster of context {recorded['context']} ({recorded['server']}), "
            f"and the kubeconfig now leads to that of context {now['context']} ({now['server']}). Nothing was changed."
        )
    if not named and recorded["namespace"] != now["namespace"]:
        return (
            f"this stack lives in the namespace {recorded['namespace']}, and the kubeconfig's context {now['context']} "
            f"now names {now['namespace']}. Nothing was changed."
        )
    return None


def _way_out(recorded: Mapping[str, str], now: Mapping[str, str], urn: str) -> str:
    back = "; ".join(commands.to_set(key, value=recorded[key]) for key in ("context", "namespace"))
    if recorded["context"] == now["context"] and recorded["namespace"] == now["namespace"]:
        back = f"set KUBECONFIG to the file whose context {recorded['context']} leads to {recorded['server']}"
    return (
        f"  To go on where it lives: {back}\n"
        "  To deploy elsewhere as well: pulumi stack init NAME, with a stack file of its own\n"
        f"  If it is the same cluster under a new address and certificate: pulumi up --replace '{urn}'"
    )
