"""How a component is reached: a Service inside the cluster, and a policy that keeps other namespaces out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes import core, meta, networking, policy

if TYPE_CHECKING:
    from components.names import Owner

PORT = 8080
"""Port of every component, in the pod and at its Service alike: some tools that forward ports do not translate them."""
# The Deployment's own wait proves readiness; that of the Service would never end for a parked server without pods.
NO_WAIT = {"pulumi.com/skipAwait": "true"}


def service(owner: Owner) -> core.v1.Service:
    """Return the Service of a component, reachable inside the cluster only."""
    return core.v1.Service(
        owner.logical_name(),
        metadata=owner.metadata(annotations=NO_WAIT),
        spec=core.v1.ServiceSpecArgs(
            type="ClusterIP",
            selector=owner.selector,
            ports=[core.v1.ServicePortArgs(name="http", port=PORT, target_port="http", protocol="TCP")],
        ),
        opts=owner.options(),
    )


def service_account(owner: Owner) -> core.v1.ServiceAccount:
    """Return an identity without rights and without a token: no component calls the Kubernetes API."""
    return core.v1.ServiceAccount(
        owner.logical_name(),
        metadata=owner.metadata(),
        automount_service_account_token=False,
        opts=owner.options(),
    )


def own_namespace_only(owner: Owner) -> networking.v1.NetworkPolicy:
    """Return a policy that admits pods of the namespace. Port forwarding comes from the node and is not concerned."""
    return networking.v1.NetworkPolicy(
        owner.logical_name(),
        metadata=owner.metadata(),
        spec=networking.v1.NetworkPolicySpecArgs(
            pod_selector=meta.v1.LabelSelectorArgs(match_labels=owner.selector),
            policy_types=["Ingress"],
            ingress=[
                networking.v1.NetworkPolicyIngressRuleArgs(
                    from_=[networking.v1.NetworkPolicyPeerArgs(pod_selector=meta.v1.LabelSelectorArgs())],
                    ports=[networking.v1.NetworkPolicyPortArgs(port="http", protocol="TCP")],
                )
            ],
        ),
        opts=owner.options(),
    )


def one_pod_at_a_time(owner: Owner) -> policy.v1.PodDisruptionBudget:
    """Return a budget that lets nodes be drained pod by pod."""
    return policy.v1.PodDisruptionBudget(
        owner.logical_name(),
        metadata=owner.metadata(),
        spec=policy.v1.PodDisruptionBudgetSpecArgs(
            max_unavailable=1, selector=meta.v1.LabelSelectorArgs(match_labels=owner.selector)
        ),
        opts=owner.options(),
    )
