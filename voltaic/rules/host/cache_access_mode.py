"""Can every replica mount the volume?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, mapping, text
from voltaic.rules.host import _volumes
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "cache-access-mode"
_SOURCES: Final = (
    Source("kubernetes.io, Persistent Volumes, Access Modes: ReadWriteOnce is one node, ReadWriteOncePod one pod"),
)
_ONE_NODE: Final = frozenset({"ReadWriteOnce"})
_ONE_POD: Final = frozenset({"ReadWriteOncePod"})
_HOSTNAME: Final = "kubernetes.io/hostname"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where several pods share a claim that one node, or one pod, can mount."""
    pod, count = subject.pod, subject.pod.replicas
    if pod.holder.kind not in {"Deployment", "StatefulSet", "ReplicaSet"} or count is None or count <= 1:
        return
    for mount, _ in subject.container.mounts():
        volume, path = pod.volumes.get(str(mount.get("name")), ({}, ""))
        name = text(at(volume, "persistentVolumeClaim", "claimName"))
        claim = _volumes.claim(subject, name)
        modes = {str(mode) for mode in items(at(claim.content, "spec", "accessModes"))} if claim is not None else set()
        if modes == _ONE_POD or (modes == _ONE_NODE and not _on_one_node(subject)):
            where = "pod" if modes == _ONE_POD else "node"
            yield Finding(
                rule=ID,
                message=(
                    f"{count} replicas share the claim {name}, which is {', '.join(sorted(modes))}: one {where} "
                    "can mount it."
                ),
                why=(
                    f"A replica {'on another node' if where == 'node' else 'beside the first'} waits for the "
                    "volume, for ever."
                ),
                fix=(
                    "Ask for accessModes: [ReadWriteMany], or give each replica its own claim (StatefulSet, "
                    "volumeClaimTemplates)."
                ),
                sources=_SOURCES,
                path=path,
            )
            return


def _on_one_node(subject: Subject) -> bool:
    """Return whether the pods are held together on one node."""
    spec = subject.pod.spec
    if spec.get("nodeName") is not None or _HOSTNAME in mapping(spec.get("nodeSelector")):
        return True
    together = items(at(spec, "affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution"))
    return any(at(term, "topologyKey") == _HOSTNAME for term in together)


RULE: Final = Rule(
    id=ID,
    title="Can every replica mount the volume?",
    why="A volume that one node can mount keeps replicas on other nodes from starting.",
    check=check,
    # Replicas that happen to meet on one node start: on a node of four GPUs two of them may.
    level="advisory",
    about="server",
    whole_input=True,
    fix="Share the model on a ReadWriteMany volume, or give each replica its own.",
    sources=_SOURCES,
)
