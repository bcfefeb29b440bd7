"""Which objects go, and which stay and why. Pure: nothing is asked or deleted here.

An object goes only if it has the labels of a stack, no state of Pulumi knows it, nothing that stays uses it, and it
holds no data. Data (model caches, chats, their login) go only where they are asked for by a second question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voltaic import kubernetes_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from cli.cluster.objects import Claim, Pod

ORDER = (
    *("deployments", "jobs", "services", "networkpolicies", "poddisruptionbudgets", "configmaps"),
    *("serviceaccounts", "secrets", "persistentvolumeclaims"),
)
"""Kinds of objects that stacks make, in the order in which they are deleted: what runs first, data last."""
SINGULAR = {
    "deployments": "Deployment",
    "jobs": "Job",
    "services": "Service",
    "networkpolicies": "NetworkPolicy",
    "poddisruptionbudgets": "PodDisruptionBudget",
    "configmaps": "ConfigMap",
    "serviceaccounts": "ServiceAccount",
    "secrets": "Secret",
    "persistentvolumeclaims": "PersistentVolumeClaim",
}
LOGIN = "-login"
"""End of the name of the Secret that goes with the chat data (components/web_ui.py)."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One object."""

    kind: str
    """Plural name."""
    name: str
    stack: str
    """Label of its stack."""
    uid: str
    size: str | None = None
    """Of a volume."""
    used_by: tuple[str, ...] = ()
    """Pods that mount it."""

    @property
    def data(self) -> bool:
        """Whether it holds what nobody can make again."""
        return self.kind == "persistentvolumeclaims" or (self.kind == "secrets" and self.name.endswith(LOGIN))

    def __str__(self) -> str:
        """Return it as people name it."""
        return f"{SINGULAR[self.kind]} {self.name}" + (f", {self.size}" if self.size else "")


@dataclass(frozen=True, slots=True)
class Known:
    """What Pulumi knows."""

    names: frozenset[str]
    """Labels of the stacks that have a file or a state here."""
    objects: Mapping[str, frozenset[tuple[str, str]]]
    """By label of a stack: kind (`Deployment`) and name of every object in its state; nothing for one without state."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a clean-up would do."""

    goes: tuple[Thing, ...]
    data: tuple[Thing, ...]
    """Holds data, and goes only where that is asked for."""
    stays: tuple[tuple[Thing, str], ...]
    """With the reason."""


def things(
    found: Mapping[str, Sequence[Mapping[str, Any]]], claims: Iterable[Claim], pods: Iterable[Pod]
) -> list[Thing]:
    """Return the objects of stacks among those of a namespace.

    Args:
        found: metadata by plural kind, those with the label of the manager alone.
        claims: volume claims, for their sizes.
        pods: all pods, for the volumes that they mount.
    """
    _, instance, _, manager = kubernetes_names.OWN_LABELS
    sizes = {claim.name: claim.capacity or claim.requested for claim in claims}
    users: dict[str, list[str]] = {}
    for pod in pods:
        for claim in _mounted(pod.raw):
            users.setdefault(claim, []).append(pod.name)
    listed = []
    for kind in ORDER:
        for meta in found.get(kind, ()):
            labels = meta.get("labels") or {}
            owned = any(owner.get("controller") for owner in meta.get("ownerReferences") or ())
            if labels.get(manager) != kubernetes_names.MANAGER or instance not in labels or owned:
                continue  # of others, or of an object that is listed itself
            if meta.get("deletionTimestamp"):
                continue
            name = str(meta["name"])
            volume = kind == "persistentvolumeclaims"
            listed.append(
                Thing(
                    kind,
                    name,
                    str(labels[instance]),
                    str(meta.get("uid", "")),
                    sizes.get(name) if volume else None,
                    tuple(sorted(users.get(name, ()))) if volume else (),
                )
            )
    return listed


def plan(found: Sequence[Thing], known: Known | None, *, asked: str | None, running: Collection[str]) -> Plan:
    """Return what goes and what stays.

    Args:
        found: objects of stacks.
        known: what Pulumi knows; None: it could not be asked, so that nothing is an orphan for certain.
        asked: label of the one stack that is meant; None: all.
        running: labels of stacks with pods that are ready.
    """
    goes, data, stays = [], [], []
    for thing in found:
        if asked is not None and thing.stack != asked:
            continue
        reason = _stays(thing, known, named=asked is not None, running=thing.stack in running)
        if reason is not None:
            stays.append((thing, reason))
        elif thing.data:
            data.append(thing)
        else:
            goes.append(thing)
    gone = {thing.stack for thing in goes}
    held = [thing for thing in data if thing.used_by and thing.stack not in gone]
    stays += [(thing, f"mounted by {', '.join(thing.used_by)}") for thing in held]
    return Plan(tuple(goes), tuple(thing for thing in data if thing not in held), tuple(stays))


def _stays(thing: Thing, known: Known | None, *, named: bool, running: bool) -> str | None:
    if known is None:
        return "what Pulumi knows could not be read"
    again = f"voltaic cleanup --stack {thing.stack}"
    state = known.objects.get(thing.stack, frozenset())
    if (SINGULAR[thing.kind], thing.name) in state:
        return f"belongs to a stack that is deployed; give that up with: voltaic destroy --stack {thing.stack}"
    if not named and thing.stack not in known.names:
        return f"no stack of this project; if it is yours: {again}"
    if not named and running and not state:
        return f"runs, and no state here knows it: perhaps somebody else's; if yours: {again}"
    return None


def of_export(state: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return kind and name of every object in an exported state of Pulumi, those that are being made included."""
    deployment = state.get("deployment") or {}
    listed = list(deployment.get("resources") or ())
    listed += [pending.get("resource") or {} for pending in deployment.get("pending_operations") or ()]
    return frozenset(_objects(listed))


def _objects(resources: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for resource in resources:
        kind = str(resource.get("type", ""))
        if not kind.startswith("kubernetes:"):
            continue
        for values in (resource.get("outputs"), resource.get("inputs")):
            name = ((values or {}).get("metadata") or {}).get("name")
            if isinstance(name, str):
                yield kind.rpartition(":")[2], name
        if resource.get("id"):
            yield kind.rpartition(":")[2], str(resource["id"]).rpartition("/")[2]


def _mounted(pod: Mapping[str, Any]) -> Iterator[str]:
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim:
            yield str(claim)
