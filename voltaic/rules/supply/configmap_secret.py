"""Are keys and tokens kept out of ConfigMaps?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, items, mapping, text
from voltaic.rules.rule import Rule
from voltaic.rules.supply import _secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject

ID: Final = "configmap-secret"
_SOURCES: Final = (
    Source("kubernetes.io, ConfigMaps: no secrecy and no encryption; confidential data belong in a Secret"),
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every secret in a ConfigMap of the input that the pod uses; its value is shown nowhere."""
    told_of: set[tuple[str, str]] = set()
    for name, key, path in _used(subject):
        pod = subject.pod
        found = subject.others.beside("ConfigMap", name, namespace=pod.namespace, document=pod.holder.document)
        for own, value in mapping(None if found is None else found.content.get("data")).items():
            told = _secrets.secret(own, value) if isinstance(value, str) and key in {None, own} else None
            if told is None or (name, own) in told_of:
                continue
            told_of.add((name, own))
            yield Finding(
                rule=ID,
                message=f"The value under {own} of ConfigMap {name} {told}; wanted is a Secret.",
                why="Whoever may read ConfigMaps has it: they are given to far more people and programs than Secrets.",
                fix=f"Move {own} into a Secret, refer to it with secretKeyRef or secretRef, and change its value.",
                sources=_SOURCES,
                path=path,
            )


def _used(subject: Subject) -> Iterator[tuple[str, str | None, str]]:
    """Yield name, key (None: all of them) and field of each reference to a ConfigMap."""
    for container in subject.pod.containers:
        for index, source in enumerate(items(container.content.get("envFrom"))):
            yield from _one(at(source, "configMapRef", "name"), None, f"{container.path}.envFrom[{index}]")
        for index, entry in enumerate(items(container.content.get("env"))):
            reference = at(entry, "valueFrom", "configMapKeyRef")
            yield from _one(at(reference, "name"), text(at(reference, "key")), f"{container.path}.env[{index}]")
    for volume, path in subject.pod.volumes.values():
        yield from _one(at(volume, "configMap", "name"), None, path)
        for source in items(at(volume, "projected", "sources")):
            yield from _one(at(source, "configMap", "name"), None, path)


def _one(name: Any, key: str | None, path: str) -> Iterator[tuple[str, str | None, str]]:
    if isinstance(name, str):
        yield name, key, path


RULE: Final = Rule(
    id=ID,
    title="Are keys and tokens kept out of ConfigMaps?",
    why="A ConfigMap is shown to everybody who looks around in the namespace.",
    check=check,
    about="pod",
    foreign="advisory",
    whole_input=True,
    fix="Move it into a Secret, and change the one that was written down.",
    sources=_SOURCES,
)
