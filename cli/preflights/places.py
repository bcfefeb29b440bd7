"""Whether there are nodes and volumes for a stack, as far as that may be seen. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.preflights.needs import SERVER, amount
from cli.preflights.rows import Row
from voltaic import units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.cluster.objects import Claim
    from cli.preflights.needs import ClaimNeed, Needs


def nodes(found: Sequence[Mapping[str, Any]] | None, busy: Mapping[str, float] | None, needs: Needs) -> Row:
    """Return whether a node has the GPUs that one pod needs.

    Args:
        found: nodes; None: they may not be read, as is usual.
        busy: GPUs that pods hold, by node; None: pods of other namespaces may not be read.
        needs: of the stack.
    """
    resource = needs.gpu.resource_name
    wanted = next(int(pod.requests[resource]) for pod in needs.pods if pod.part == SERVER)
    if found is None:
        return Row(
            "gpu-nodes",
            "note",
            f"nodes may not be read: that there is one with {wanted} x {needs.gpu.title} is taken from the profile",
        )
    chosen = [node for node in found if _chosen(node, needs)]
    if not chosen:
        seen = sorted({str(label) for node in found if (label := _labels(node).get(needs.gpu.node_label))})
        have = f"; there are: {', '.join(seen)}" if seen else ""
        wish = "the stack's nodeSelector" if needs.settings.node_selector is not None else needs.gpu.title
        return Row(
            "gpu-nodes",
            "missing",
            f"no node for {wish}{have}",
            "Choose the GPUs that are there with: pulumi config set profile NAME (voltaic plan --help)",
        )
    sizes = {_name(node): int(amount(resource, _allocatable(node).get(resource)) or 0) for node in chosen}
    if max(sizes.values()) < wanted:
        return Row(
            "gpu-nodes",
            "missing",
            f"the largest node has {max(sizes.values())} of {resource}, one pod needs {wanted}",
            "Lower gpus, or choose another profile.",
        )
    fitting = {name: size for name, size in sizes.items() if size >= wanted}
    if busy is None:
        return Row(
            "gpu-nodes",
            "ok",
            f"{_counted(len(fitting), 'node')} with {wanted} or more x {needs.gpu.title}; "
            "how many are free may not be seen",
        )
    free = {name: size - round(busy.get(name, 0)) for name, size in fitting.items()}
    if max(free.values()) < wanted:
        return Row(
            "gpu-nodes",
            "unknown",
            f"no node has {wanted} GPUs free now (most: {max(free.values())}): the pod would wait",
            "Wait, or see who holds them: kubectl get pods -A -o wide",
        )
    return Row(
        "gpu-nodes",
        "ok",
        f"{_counted(sum(count >= wanted for count in free.values()), 'node')} with {wanted} x {needs.gpu.title} free",
    )


def storage(found: Sequence[Mapping[str, Any]] | None, needs: Needs, claims: Sequence[Claim]) -> Iterator[Row]:
    """Yield whether there are volumes of the classes that the stack names, and whether those that exist are usable."""
    there = {claim.name: claim for claim in claims}
    for need in needs.claims:
        claim = there.get(need.name)
        if claim is not None:
            yield _kept(claim, need)
        elif found is None:
            named = f"class {need.storage_class}" if need.storage_class else "the default class"
            yield Row(
                "storage", "note", f"{need.name}: {units.gib(need.size)} of {named}; storage classes may not be read"
            )
        else:
            yield _class(found, need)


def _kept(claim: Claim, need: ClaimNeed) -> Row:
    if claim.phase == "Lost":
        return Row(
            "storage",
            "missing",
            f"{claim.name}: its volume is lost",
            f"Give it up with: kubectl delete pvc {claim.name}",
        )
    size = amount("storage", claim.capacity or claim.requested)
    told = f"{claim.name}: is there, {claim.capacity or claim.requested}, {claim.phase}"
    if size is not None and size < need.size:
        smaller = f"; {units.gib(need.size)} would be asked for today, and the one that is there is kept"
        return Row("storage", "note", told + smaller)
    return Row("storage", "ok", told)


def _class(found: Sequence[Mapping[str, Any]], need: ClaimNeed) -> Row:
    key = "modelCacheStorageClass" if need.setting == "modelCacheSize" else "webuiStorageClass"
    names = sorted(_name(item) for item in found)
    listed = ", ".join(names) or "none"
    default = [
        _name(item) for item in found if _annotations(item).get("storageclass.kubernetes.io/is-default-class") == "true"
    ]
    if need.storage_class is not None and need.storage_class not in names:
        return Row(
            "storage",
            "missing",
            f"{need.name}: there is no class {need.storage_class}; there are: {listed}",
            f"Choose one with: pulumi config set {key} NAME",
        )
    if need.storage_class is None and not default:
        return Row(
            "storage",
            "missing",
            f"{need.name}: no class is the default; there are: {listed}",
            f"Choose one with: pulumi config set {key} NAME",
        )
    return Row("storage", "ok", f"{need.name}: {units.gib(need.size)} of class {need.storage_class or default[0]}")


def _chosen(node: Mapping[str, Any], needs: Needs) -> bool:
    labels = _labels(node)
    if needs.settings.node_selector is not None:
        return all(labels.get(key) == value for key, value in needs.settings.node_selector.items())
    return labels.get(needs.gpu.node_label) in needs.gpu.node_label_values


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return (item.get("metadata") or {}).get("labels") or {}


def _annotations(item: Mapping[str, Any]) -> Mapping[str, str]:
    return (item.get("metadata") or {}).get("annotations") or {}


def _name(item: Mapping[str, Any]) -> str:
    return str((item.get("metadata") or {}).get("name"))


def _allocatable(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return (item.get("status") or {}).get("allocatable") or {}


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
