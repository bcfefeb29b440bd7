"""Are the pods that an object makes its own?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from voltaic.findings import Finding, Source
from voltaic.manifests.plain import at, mapping, text, unfilled
from voltaic.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from voltaic.manifests.views import Subject


ID: Final = "selector-labels"
_SOURCES: Final = (
    Source("kubernetes pkg/apis/apps/validation/validation.go: `selector` does not match template `labels`"),
)
_HOLDERS: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where the selector does not match the labels of the template."""
    pod = subject.pod
    if pod.holder.kind not in _HOLDERS:
        return
    labels, selector = pod.labels, mapping(at(pod.holder.content, "spec", "selector", "matchLabels"))
    if any(unfilled(word) for pairs in (labels, selector) for pair in pairs.items() for word in pair):
        return
    key = next((key for key, value in selector.items() if text(value) is not None and labels.get(key) != value), None)
    if key is None:
        return
    found = f"{key}: {labels[key]}" if key in labels else f"no label {key}"
    yield Finding(
        rule=ID,
        message=f"The selector asks for {key}: {selector[key]}; the pod template has {found}.",
        why="The API server refuses the object: its selector must match the labels of the pods that it makes.",
        fix="Write the same labels under selector.matchLabels and template.metadata.labels.",
        sources=_SOURCES,
        path=f"{pod.object_path}.selector.matchLabels",
    )


RULE: Final = Rule(
    id=ID,
    title="Are the pods that an object makes its own?",
    why="An object whose selector does not match its own pods is refused.",
    check=check,
    about="pod",
    fix="Use the same labels in the selector and in the template.",
    sources=_SOURCES,
)
